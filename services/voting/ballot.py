"""Ballots: making them, reading them, and the checks that make one acceptable.

Promises:
- `parse_ballot` accepts one spelling of a ballot only: canonical JSON, members in order, numbers without leading
  zeros. (belenios-tool is more lenient inside the answers; the ballots that it makes are canonical.)
- The checks are separate steps because a server runs them in this order and only the last is expensive:
  `parse_ballot`, `check_election`, (credential on the list), `check_signature`, `check_proofs`. A ballot is good when
  all of them pass; none makes up for another.
- `check_proofs` tests that every ciphertext is in the group, so the ballots that pass can be multiplied together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.answer import Answer, answer_holds, make_answer, parse_answer
from services.voting.canonical import (
    MalformedJson,
    array,
    base64_digest,
    element_text,
    members,
    parse_json,
    render_json,
    text,
)
from services.voting.credential import private_key
from services.voting.election import Election
from services.voting.proofs import Proof, prove_knowledge
from services.voting.question import HomomorphicQuestion


class BallotError(ValueError):
    """A ballot cannot be accepted; the message says why and quotes nothing of it."""


class MalformedBallot(BallotError):
    """The bytes are not a ballot in its canonical spelling."""


class ForeignBallot(BallotError):
    """The ballot belongs to another election."""


class InvalidSignature(BallotError):
    """The ballot is not signed by the credential that it names."""


class InvalidProof(BallotError):
    """A proof of the ballot does not hold, or the answers do not fit the questions."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a ballot says. `raw` are its exact bytes, `hash` is what its signature says that it signs."""

    raw: bytes
    uuid: str
    election_hash: str
    credential: str
    answers: tuple[Answer, ...]
    hash: str
    signature: Proof


def make_ballot(election: Election, code: str, choices: Sequence[Sequence[int]]) -> bytes:
    """Encrypt, prove and sign: one list of bits per question, the blank bit first where the question has one.

    Raises InvalidCode, or ValueError for a choice that a question does not allow. Ranked questions are not made here.
    """
    group, secret = election.group, private_key(code, election.uuid, election.group)
    credential = group.text(group.secret_power(group.g, secret))
    binding = election.binding(credential)
    answers = [
        _make_answer(election, binding, question, bits)
        for question, bits in zip(election.questions, choices, strict=True)
    ]
    body = {
        "election_uuid": election.uuid,
        "election_hash": election.fingerprint,
        "credential": credential,
        "answers": answers,
    }
    digest = base64_digest(render_json(body))
    proof = prove_knowledge(group, secret, f"sig|{digest}|")
    return render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}})


def parse_ballot(raw: bytes) -> Ballot:
    """Read a ballot; raises MalformedBallot when the bytes are not exactly what we would write ourselves."""
    try:
        value = parse_json(raw)
        ballot = _parse(raw, value)
    except MalformedJson as error:
        raise MalformedBallot(f"the ballot cannot be read: {error}") from error
    if render_json(value) != raw:
        raise MalformedBallot("the ballot is not in canonical form")
    return ballot


def check_election(ballot: Ballot, election: Election) -> None:
    """Raises ForeignBallot unless uuid and fingerprint are those of the election."""
    if ballot.uuid != election.uuid or ballot.election_hash != election.fingerprint:
        raise ForeignBallot("the ballot belongs to another election")


def check_signature(ballot: Ballot, election: Election) -> None:
    """Raises InvalidSignature unless the credential is a group element and has signed all of the ballot."""
    try:
        holds = ballot.hash == _signed_digest(ballot.raw) and _signature_holds(ballot, election)
    except MalformedJson:
        holds = False
    if not holds:
        raise InvalidSignature("the ballot is not signed by its credential")


def check_proofs(ballot: Ballot, election: Election) -> None:
    """Raises InvalidProof unless there is one answer per question and every proof holds. Expensive."""
    if len(ballot.answers) != len(election.questions):
        raise InvalidProof("the ballot does not have one answer per question")
    binding = election.binding(ballot.credential)
    for number, (question, answer) in enumerate(zip(election.questions, ballot.answers, strict=True), start=1):
        try:
            holds = answer_holds(election, binding, question, answer)
        except MalformedJson:
            holds = False
        if not holds:
            raise InvalidProof(f"a proof of the answer to question {number} does not hold")


def tracker(raw: bytes) -> str:
    """What a voter keeps to find the ballot again: SHA-256 of its bytes, base64, 43 characters."""
    return base64_digest(raw)


def _make_answer(election: Election, binding: str, question: Any, bits: Sequence[int]) -> dict[str, Any]:
    if not isinstance(question, HomomorphicQuestion):
        raise ValueError("ballots with ranked questions are not made here")  # noqa: TRY004 # not an error of the type
    return make_answer(election, binding, question, bits).to_json()


def _parse(raw: bytes, value: Any) -> Ballot:
    names = ("election_uuid", "election_hash", "credential", "answers", "signature")
    uuid, election_hash, credential, answers, signature = members(value, *names)
    digest, proof = members(signature, "hash", "proof")
    return Ballot(
        raw,
        text(uuid),
        text(election_hash),
        element_text(credential),
        tuple(parse_answer(answer) for answer in array(answers)),
        text(digest),
        Proof.parse(proof),
    )


def _signed_digest(raw: bytes) -> str:
    """Hash of a canonical ballot without its last member, the signature."""
    return base64_digest(raw[: raw.rindex(b',"signature":')] + b"}")


def _signature_holds(ballot: Ballot, election: Election) -> bool:
    """That c = H("sig|" hash "|"; A) with A = g^r C^c, and C in the group."""
    group, proof = election.group, ballot.signature
    if not proof.in_range(group):
        return False
    (power,), inside = group.powers_and_membership(group.parse(ballot.credential), [proof.challenge])
    commitment = group.multiply(group.g_power(proof.response), power)
    return inside and group.hash_to_scalar(f"sig|{ballot.hash}|", commitment) == proof.challenge
