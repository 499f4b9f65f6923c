"""Ballots: every allowed vote makes an acceptable one, and nothing else is acceptable."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.voting import answer
from services.voting.answer import Ciphertext
from services.voting.ballot import (
    Ballot,
    BallotError,
    ForeignBallot,
    InvalidProof,
    InvalidSignature,
    MalformedBallot,
    check_election,
    check_proofs,
    check_signature,
    make_ballot,
    parse_ballot,
    tracker,
)
from services.voting.canonical import base64_digest, render_json
from services.voting.credential import derive_code, private_key, public_credential
from services.voting.election import Election, render_election
from services.voting.group import BELENIOS_2048, ED25519, Group
from services.voting.proofs import prove_knowledge
from services.voting.question import HomomorphicQuestion

UUID = "kagvfzaf5hTSSH"
PRIVATE_KEY = BELENIOS_2048.random_scalar()
QUESTIONS = {
    "one of three": HomomorphicQuestion("q", ("a", "b", "c"), 1, 1),
    "one to two of three": HomomorphicQuestion("q", ("a", "b", "c"), 1, 2),
    "any of two": HomomorphicQuestion("q", ("a", "b"), 0, 2),
    "one of two or blank": HomomorphicQuestion("q", ("a", "b"), 1, 1, blank=True),
    "two of three or blank": HomomorphicQuestion("q", ("a", "b", "c"), 2, 3, blank=True),
}


def make_election(*questions: HomomorphicQuestion, uuid: str = UUID) -> Election:
    y = BELENIOS_2048.g_power(PRIVATE_KEY)
    raw = render_election(name="n", description="", uuid=uuid, public_key=y, questions=questions)
    return Election.parse(raw)


def votes(question: HomomorphicQuestion) -> Iterator[list[int]]:
    """Every list of bits as long as the question."""
    return ([number >> place & 1 for place in range(question.size)] for number in range(2**question.size))


def check(raw: bytes, election: Election) -> Ballot:
    ballot = parse_ballot(raw)
    check_election(ballot, election)
    check_signature(ballot, election)
    check_proofs(ballot, election)
    return ballot


CODE, OTHER_CODE = derive_code(b"secret", "voter"), derive_code(b"secret", "other")
ELECTION = make_election(QUESTIONS["one of three"], QUESTIONS["one of two or blank"])
RAW = make_ballot(ELECTION, CODE, [[0, 1, 0], [0, 0, 1]])


def resign(value: dict[str, Any], code: str = CODE, election: Election = ELECTION) -> bytes:
    """The changed ballot, signed by its voter as if it had been made so."""
    body = {key: item for key, item in value.items() if key != "signature"}
    digest = base64_digest(render_json(body))
    proof = prove_knowledge(election.group, private_key(code, election.uuid, election.group), f"sig|{digest}|")
    return render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}})


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_allowed_vote_makes_a_good_ballot_and_no_other_can_be_made(name: str) -> None:
    question = QUESTIONS[name]
    election = make_election(question)
    for bits in votes(question):
        if question.allows(bits):
            check(make_ballot(election, CODE, [bits]), election)
        else:
            with pytest.raises(ValueError, match="does not allow"):
                make_ballot(election, CODE, [bits])


def test_what_a_question_allows() -> None:
    question = QUESTIONS["one of two or blank"]
    allowed = [bits for bits in votes(question) if question.allows(bits)]
    assert sorted(allowed) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    for wrong in ([0, 1], [0, 1, 0, 0], [0, 2, 0], [0, -1, 2]):
        assert not question.allows(wrong)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_vote_that_is_not_allowed_cannot_be_proven(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voter whose program encrypts anything finds no proof for it."""
    question = QUESTIONS[name]
    election = make_election(question)
    forbidden = [bits for bits in votes(question) if not question.allows(bits)]
    with monkeypatch.context() as patch:
        patch.setattr(HomomorphicQuestion, "allows", lambda *_: True)
        made = []
        for bits in forbidden:
            try:
                made.append(make_ballot(election, CODE, [bits]))
            except IndexError:  # there is no branch of the proof to fake
                continue
    for raw in made:
        with pytest.raises(InvalidProof):
            check(raw, election)


def test_two_ballots_of_the_same_vote_have_nothing_in_common() -> None:
    again = make_ballot(ELECTION, CODE, [[0, 1, 0], [0, 0, 1]])
    numbers = [set(leaves(json.loads(raw)["answers"])) for raw in (RAW, again)]
    assert not numbers[0] & numbers[1]


def test_the_tracker_is_the_hash_of_the_bytes() -> None:
    assert tracker(RAW) == base64_digest(RAW)
    assert len(tracker(RAW)) == 43


def leaves(value: Any) -> Iterator[str]:
    """All texts below a value."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from leaves(item)


def change_leaf(value: Any, index: int, change: Callable[[str], str]) -> Any:
    """A copy in which the text number `index` is changed."""
    position = -1

    def visit(item: Any) -> Any:
        nonlocal position
        if isinstance(item, dict):
            return {key: visit(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [visit(inner) for inner in item]
        position += 1
        return change(item) if position == index else item

    return visit(value)


def test_every_number_of_a_signed_ballot_matters() -> None:
    """Each is changed by one, and the ballot signed again by its voter: only the proofs can notice."""
    value = json.loads(RAW)
    count = len(list(leaves(value["answers"])))
    for index in range(count):
        changed = {**value, "answers": change_leaf(value["answers"], index, lambda number: str(int(number) + 1))}
        with pytest.raises(InvalidProof):
            check(resign(changed), ELECTION)


def test_every_text_of_an_unsigned_change_matters() -> None:
    value = json.loads(RAW)
    for index in range(len(list(leaves(value)))):
        changed = change_leaf(value, index, lambda text: text[:-1] + ("2" if text[-1] == "1" else "1"))
        with pytest.raises(BallotError):
            check(render_json(changed), ELECTION)


def structures(value: Any) -> Iterator[Any]:
    """Copies with a member dropped, doubled, added or moved, at every place."""
    if isinstance(value, dict):
        for key in value:
            yield {name: item for name, item in value.items() if name != key}
            yield {key: value[key], **{name: item for name, item in value.items() if name != key}}
            for inner in structures(value[key]):
                yield {**value, key: inner}
        yield {**value, "extra": 1}
    if isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
            yield value[: index + 1] + value[index:]
            for inner in structures(value[index]):
                yield [*value[:index], inner, *value[index + 1 :]]
        yield []


def test_no_other_structure_is_accepted_even_when_signed() -> None:
    value = json.loads(RAW)
    changed = [item for item in structures(value["answers"]) if render_json(item) != render_json(value["answers"])]
    assert len(changed) > 100
    for answers in changed:
        with pytest.raises((InvalidProof, MalformedBallot)):
            check(resign({**value, "answers": answers}), ELECTION)


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b'":"', b'": "', 1),
        lambda raw: raw + b"\n",
        lambda raw: b" " + raw,
        lambda raw: raw.replace(b'"alpha":"', b'"alpha":"0', 1),
        lambda raw: raw.replace(b'"challenge":"', b'"challenge":"0x', 1),
        lambda raw: raw.replace(b'"election_uuid"', b'"election\\u005fuuid"', 1),
        lambda raw: raw.replace(b'"credential":"', b'"credential":"+', 1),
        lambda raw: b'{"version":1,' + raw[1:],
        lambda raw: raw[:-1] + b',"seal":1}',
        lambda raw: raw.replace(b'{"election_uuid"', b'{"election_uuid":"x","election_uuid"', 1),
        lambda raw: raw[:-1],
        lambda raw: b"[" + raw + b"]",
        lambda _: b"",
        lambda _: b"null",
        lambda _: b'"' + b"a" * 100_000 + b'"',
        lambda _: b"[" * 100_000,
        lambda raw: raw.replace(b'"response":"', b'"response":"' + b"1" * 5000, 1),
        lambda raw: raw.replace(b"kagv", b"k\xffgv"),
    ],
)
def test_any_other_spelling_is_malformed(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedBallot):
        parse_ballot(change(RAW))


def test_a_ballot_of_another_election_is_foreign() -> None:
    questions = QUESTIONS["one of three"], QUESTIONS["one of two or blank"]
    for other in (make_election(*questions, uuid="otherefectionU"), make_election(QUESTIONS["any of two"])):
        with pytest.raises(ForeignBallot):
            check_election(parse_ballot(RAW), other)


def test_a_ballot_cannot_be_signed_by_another_voter() -> None:
    value = json.loads(RAW)
    with pytest.raises(InvalidSignature):
        check(resign(value, OTHER_CODE), ELECTION)


def test_another_voters_ballot_cannot_be_copied() -> None:
    """The proofs are bound to the credential, so taking over the ciphertexts and signing them is of no use."""
    value = json.loads(RAW)
    value["credential"] = public_credential(OTHER_CODE, UUID, BELENIOS_2048)
    with pytest.raises(InvalidProof):
        check(resign(value, OTHER_CODE), ELECTION)


def test_answers_cannot_be_exchanged_within_a_ballot() -> None:
    question = QUESTIONS["one of three"]
    election = make_election(question, question)
    value = json.loads(make_ballot(election, CODE, [[1, 0, 0], [0, 1, 0]]))
    check(resign(value, election=election), election)
    value["answers"][0]["choices"][0] = value["answers"][1]["choices"][0]
    value["answers"][0]["individual_proofs"][0] = value["answers"][1]["individual_proofs"][0]
    with pytest.raises(InvalidProof):
        check(resign(value, election=election), election)


@pytest.mark.parametrize("member", ["alpha", "beta"])
def test_only_the_membership_test_stops_a_ciphertext_multiplied_by_minus_one(
    member: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voter who multiplies before proving ends up with proofs that hold whenever the challenges are even."""
    election = make_election(HomomorphicQuestion("q", ("a",), 0, 1))
    with monkeypatch.context() as patch:
        patch.setattr(answer, "_encrypt", encrypt_negated(member))
        patch.setattr(Group, "powers_and_membership", lambda group, base, es: (group.powers(base, es), True))
        raw = next(raw for raw in tries(election) if passes(raw, election))
    with pytest.raises(InvalidProof):
        check(raw, election)


def encrypt_negated(member: str) -> Callable[[Election, int, int], Ciphertext]:
    honest = answer._encrypt

    def encrypt(election: Election, randomness: int, bit: int) -> Ciphertext:
        value = honest(election, randomness, bit).to_json()
        value[member] = str(BELENIOS_2048.p - int(value[member]))
        return Ciphertext.parse(value)

    return encrypt


def tries(election: Election) -> Iterator[bytes]:
    return (make_ballot(election, CODE, [[1]]) for _ in range(1000))


def passes(raw: bytes, election: Election) -> bool:
    try:
        check(raw, election)
    except BallotError:
        return False
    return True


def test_scalars_from_q_on_are_refused() -> None:
    """The same proof with q added to a response would hold in the group: one ballot, two spellings."""
    q, value = BELENIOS_2048.q, json.loads(RAW)
    for place in ("individual_proofs", "overall_proof"):
        changed = copy.deepcopy(value)
        proofs = changed["answers"][0][place]
        proof = proofs[0][0] if place == "individual_proofs" else proofs[0]
        proof["response"] = str(int(proof["response"]) + q)
        with pytest.raises(InvalidProof):
            check(resign(changed), ELECTION)
    value["signature"]["proof"]["response"] = str(int(value["signature"]["proof"]["response"]) + q)
    with pytest.raises(InvalidSignature):
        check(render_json(value), ELECTION)


def test_errors_quote_nothing_of_the_ballot() -> None:
    value = json.loads(RAW)
    value["credential"] = "7"
    with pytest.raises(BallotError) as caught:
        check(render_json(value), ELECTION)
    assert "7" not in str(caught.value)


def test_ballots_work_in_ed25519() -> None:
    """A group that belenios-tool 2.0 does not know; the formulas are the same."""
    group, y = ED25519, ED25519.g_power(ED25519.random_scalar())
    value = json.loads(ELECTION.raw)
    value |= {"group": group.name, "public_key": group.text(y)}
    election = Election.parse(render_json(value))
    raw = make_ballot(election, CODE, [[0, 1, 0], [1, 0, 0]])
    check(raw, election)
    parsed = json.loads(raw)
    for index in range(len(list(leaves(parsed["answers"])))):
        changed = {**parsed, "answers": change_leaf(parsed["answers"], index, flip_last)}
        with pytest.raises(InvalidProof):
            check(resign(changed, election=election), election)


def flip_last(text: str) -> str:
    return text[:-1] + ("2" if text[-1] == "1" else "1")


def test_a_signature_is_of_the_whole_ballot() -> None:
    """Another good vote of the same voter under the signature of the first."""
    value = json.loads(make_ballot(ELECTION, CODE, [[1, 0, 0], [1, 0, 0]]))
    value["signature"] = json.loads(RAW)["signature"]
    check_proofs(parse_ballot(render_json(value)), ELECTION)
    with pytest.raises(InvalidSignature):
        check(render_json(value), ELECTION)


def test_a_credential_that_is_not_in_the_group_cannot_sign() -> None:
    """The negative of a credential signs with the same key whenever the challenge is even."""
    group, secret = BELENIOS_2048, private_key(CODE, UUID, BELENIOS_2048)
    value = json.loads(RAW)
    value["credential"] = str(group.p - int(value["credential"]))
    body = {key: item for key, item in value.items() if key != "signature"}
    digest = base64_digest(render_json(body))
    proofs = (prove_knowledge(group, secret, f"sig|{digest}|") for _ in range(1000))
    proof = next(proof for proof in proofs if proof.challenge % 2 == 0)
    signed = parse_ballot(render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}}))
    with pytest.raises(InvalidSignature):
        check_signature(signed, ELECTION)
