"""Ballots of the browser: accepted by belenios-tool and by our own library, and the other way round."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from services.voting import ballot as python_ballot
from services.voting.election import Election
from tests.unit.browser.belenios import BeleniosElection
from tests.unit.browser.conftest import BLANK, CHOICES, QUESTIONS
from tests.unit.browser.javascript import Refusal, ask, ask_all

ALLOWED = {
    "one of each": CHOICES,
    "blank where possible": BLANK,
    "the most": [[0, 0, 0, 0, 1], [0, 1, 0], [0, 1, 1, 1], [1, 1, 1]],
    "the least": [[1, 0, 0, 0, 0], [0, 0, 1], [0, 1, 1, 0], [0, 0, 0]],
}

NOT_ALLOWED = {
    "nothing of one": (0, [0, 0, 0, 0, 0], "choice-too-few"),
    "two of one": (0, [1, 1, 0, 0, 0], "choice-too-many"),
    "an answer missing": (0, [1, 0, 0, 0], "choice-shape"),
    "an answer twice": (0, [2, 0, 0, 0, 0], "choice-shape"),
    "a negative answer": (0, [1, 1, -1, 0, 0], "choice-shape"),
    "blank and an answer": (1, [1, 1, 0], "choice-blank-and-more"),
    "neither blank nor enough": (2, [0, 1, 0, 0], "choice-too-few"),
}


def check_in_python(definition: str, text: str) -> None:
    """Raises BallotError."""
    election = Election.parse(definition.encode())
    ballot = python_ballot.parse_ballot(text.encode())
    python_ballot.check_election(ballot, election)
    python_ballot.check_signature(ballot, election)
    python_ballot.check_proofs(ballot, election)


def resigned(election: BeleniosElection, text: str, change: Callable[[Any], None], voter: str = "ann") -> str:
    """A changed ballot that is signed anew by its voter, who knows the code."""
    ballot = json.loads(text)
    del ballot["signature"]
    change(ballot)
    body = json.dumps(ballot, separators=(",", ":"))
    signed: str = ask("sign", body=body, code=election.codes[voter], uuid=election.uuid)
    return signed


def refusal(election: BeleniosElection, text: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        ask("checkBallot", definition=election.definition, text=text)
    assert refused.value.name == "InvalidBallot"
    return refused.value


@pytest.mark.parametrize("choices", ALLOWED.values(), ids=ALLOWED.keys())
def test_belenios_tool_and_python_accept_a_ballot_of_the_browser(
    copied_election: BeleniosElection, choices: list[list[int]]
) -> None:
    election = copied_election
    made = ask("makeBallot", definition=election.definition, code=election.codes["bob"], choices=choices)
    check_in_python(election.definition, made["text"])
    election.add_event("Ballot", made["text"])
    election.verify()


@pytest.mark.parametrize("choices", ALLOWED.values(), ids=ALLOWED.keys())
def test_the_browser_accepts_ballots_of_belenios_tool_and_python(
    open_election: BeleniosElection, choices: list[list[int]]
) -> None:
    code = open_election.codes["cleo"]
    ours = python_ballot.make_ballot(Election.parse(open_election.definition.encode()), code, choices).decode()
    for text in (open_election.generate_ballot("cleo", choices), ours):
        tracker = ask("checkBallot", definition=open_election.definition, text=text)
        assert tracker == python_ballot.tracker(text.encode())


def test_the_tracker_is_the_hash_of_the_bytes_that_are_sent(open_election: BeleniosElection) -> None:
    made = ask("makeBallot", definition=open_election.definition, code=open_election.codes["ann"], choices=CHOICES)
    digest = hashlib.sha256(made["text"].encode("ascii")).digest()
    assert made["tracker"] == base64.b64encode(digest).decode().rstrip("=")
    assert made["credential"] == json.loads(made["text"])["credential"]


def test_two_ballots_of_one_choice_have_nothing_in_common(open_election: BeleniosElection) -> None:
    command = ("makeBallot", {"definition": open_election.definition, "code": open_election.codes["ann"]})
    first, second = (json.loads(made["text"]) for made in ask_all([(command[0], {**command[1], "choices": BLANK})] * 2))
    numbers = [
        {choice["alpha"] for answer in ballot["answers"] for choice in answer["choices"]} for ballot in (first, second)
    ]
    assert not numbers[0] & numbers[1]


@pytest.mark.parametrize(("question", "choice", "code"), NOT_ALLOWED.values(), ids=NOT_ALLOWED.keys())
def test_a_choice_that_is_not_allowed_is_refused_by_name(
    open_election: BeleniosElection, question: int, choice: list[int], code: str
) -> None:
    choices = [choice if i == question else allowed for i, allowed in enumerate(CHOICES)]
    with pytest.raises(Refusal) as refused:
        ask("makeBallot", definition=open_election.definition, code=open_election.codes["ann"], choices=choices)
    assert (refused.value.code, refused.value.details["question"]) == (code, question)


@pytest.mark.parametrize(
    "change", ["[1:-1]", "blank", "newline", "order", "member", "zero", "hex", "number", "json", "null"]
)
def test_only_the_canonical_form_is_read(open_election: BeleniosElection, js_ballot: str, change: str) -> None:
    ballot = json.loads(js_ballot)
    credential = ballot["credential"]
    changed = {
        "[1:-1]": js_ballot[1:-1],
        "blank": js_ballot.replace(":", ": ", 1),
        "newline": f"{js_ballot}\n",
        "order": json.dumps(dict(reversed(ballot.items())), separators=(",", ":")),
        "member": js_ballot.replace("{", '{"a":1,', 1),
        "zero": js_ballot.replace(credential, f"0{credential}"),
        "hex": js_ballot.replace(credential, hex(int(credential))),
        "number": js_ballot.replace(f'"{credential}"', credential),
        "json": "[]",
        "null": "null",
    }[change]
    assert refusal(open_election, changed).code == "ballot-malformed"


def test_a_ballot_of_another_election_is_refused(open_election: BeleniosElection, js_ballot: str) -> None:
    definition = open_election.definition.replace("Garden", "Forest")
    with pytest.raises(Refusal) as refused:
        ask("checkBallot", definition=definition, text=js_ballot)
    assert refused.value.code == "ballot-foreign"
    renamed = resigned(open_election, js_ballot, lambda ballot: ballot.update(election_uuid="1" * 14))
    assert refusal(open_election, renamed).code == "ballot-foreign"


def numbers_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a record the decimals are."""
    if isinstance(value, str):
        return [path] if value.isdecimal() else []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, inner in items for found in numbers_of(inner, (*path, key))]


def raised_by_one(text: str, path: tuple[Any, ...]) -> str:
    ballot = json.loads(text)
    holder = ballot
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = str(int(holder[path[-1]]) + 1)
    return json.dumps(ballot, separators=(",", ":"))


def test_every_number_of_a_ballot_is_signed(open_election: BeleniosElection, js_ballot: str) -> None:
    changed = [raised_by_one(js_ballot, path) for path in numbers_of(json.loads(js_ballot))]
    answers = ask_all([("checkBallot", {"definition": open_election.definition, "text": text}) for text in changed])
    assert [answer.code for answer in answers] == ["ballot-signature"] * len(changed)


def test_every_number_of_an_answer_is_proven(open_election: BeleniosElection, js_ballot: str) -> None:
    """Even the voter cannot change one and sign again."""
    paths = [path[1:] for path in numbers_of(json.loads(js_ballot)) if path[0] == "answers"]
    bodies = [json.loads(raised_by_one(js_ballot, ("answers", *path))) for path in paths]
    for body in bodies:
        del body["signature"]
    who = {"code": open_election.codes["ann"], "uuid": open_election.uuid}
    signed = ask_all([("sign", {"body": json.dumps(body, separators=(",", ":")), **who}) for body in bodies])
    answers = ask_all([("checkBallot", {"definition": open_election.definition, "text": text}) for text in signed])
    refused = [(answer.code, answer.details["question"]) for answer in answers]
    assert refused == [("ballot-proof", path[0]) for path in paths]


def test_an_honest_ballot_that_is_signed_anew_is_accepted(open_election: BeleniosElection, js_ballot: str) -> None:
    """Or the test before this one would show nothing."""
    assert ask(
        "checkBallot", definition=open_election.definition, text=resigned(open_election, js_ballot, lambda _: None)
    )


def test_the_answers_of_somebody_else_cannot_be_copied(open_election: BeleniosElection, js_ballot: str) -> None:
    bob = ask("publicCredential", code=open_election.codes["bob"], uuid=open_election.uuid)
    copied = resigned(open_election, js_ballot, lambda ballot: ballot.update(credential=bob), voter="bob")
    assert refusal(open_election, copied).code == "ballot-proof"


def test_a_ciphertext_outside_the_group_is_refused_even_if_its_proofs_hold(open_election: BeleniosElection) -> None:
    definition = json.loads(open_election.definition)
    definition["questions"] = [{"answers": ["Yes"], "min": 0, "max": 1, "question": "?"}]
    text, who = json.dumps(definition), {"code": open_election.codes["ann"], "uuid": open_election.uuid}
    body = ask("proveOutsideTheGroup", definition=text, code=who["code"])
    with pytest.raises(Refusal) as refused:
        ask("checkBallot", definition=text, text=ask("sign", body=body, **who))
    assert refused.value.code == "ballot-proof"


OTHER_QUESTIONS = {
    "an answer more": ({"answers": ["a", "b", "c"]}, [[0, 0, 1]]),
    "an answer less": ({"answers": ["a"]}, [[1]]),
    "more of them": ({"max": 2}, [[1, 1]]),
    "none of them": ({"min": 0}, [[0, 0]]),
    "blank": ({"blank": True}, [[1, 0, 0]]),
}


@pytest.mark.parametrize(("change", "choices"), OTHER_QUESTIONS.values(), ids=OTHER_QUESTIONS.keys())
def test_a_proven_answer_to_another_question_is_refused(
    open_election: BeleniosElection, change: dict[str, Any], choices: list[list[int]]
) -> None:
    question = {"answers": ["a", "b"], "blank": False, "min": 1, "max": 1, "question": "?"}
    definition = json.dumps({**json.loads(open_election.definition), "questions": [question]})
    for asked, bits, accepted in (({}, [[1, 0]], True), (change, choices, False)):
        given = {"questions": [{**question, **asked}], "code": open_election.codes["ann"], "choices": bits}
        text = ask("makeBallotFor", definition=definition, **given)
        [answer] = ask_all([("checkBallot", {"definition": definition, "text": text})])
        assert getattr(answer, "code", "accepted") == ("accepted" if accepted else "ballot-proof")


def test_a_definition_cannot_make_the_verifier_count_to_a_billion(open_election: BeleniosElection) -> None:
    record = json.loads(open_election.definition)
    record["questions"][3]["max"] = 2**33
    definition = json.dumps(record)
    given = [{**question, "blank": question.get("blank", False)} for question in QUESTIONS]
    made = ask(
        "makeBallotFor", definition=definition, questions=given, code=open_election.codes["ann"], choices=CHOICES
    )
    with pytest.raises(Refusal) as refused:
        ask("checkBallot", definition=definition, text=made)
    assert (refused.value.code, refused.value.details) == ("ballot-proof", {"question": 3})


def test_an_answer_missing_or_doubled_is_refused(open_election: BeleniosElection, js_ballot: str) -> None:
    for change in (
        lambda ballot: ballot["answers"].pop(),
        lambda ballot: ballot["answers"].append(ballot["answers"][0]),
    ):
        assert refusal(open_election, resigned(open_election, js_ballot, change)).code == "ballot-foreign"


@pytest.mark.parametrize("member", ["choices", "individual_proofs", "overall_proof", "blank_proof"])
def test_a_proof_or_choice_missing_or_doubled_is_refused(
    open_election: BeleniosElection, js_ballot: str, member: str
) -> None:
    def shorten(ballot: Any) -> None:
        ballot["answers"][1][member].pop()

    def lengthen(ballot: Any) -> None:
        ballot["answers"][1][member].append(ballot["answers"][1][member][0])

    for change in (shorten, lengthen):
        assert refusal(open_election, resigned(open_election, js_ballot, change)).code == "ballot-proof"


def test_a_blank_proof_is_there_exactly_where_a_blank_vote_is_allowed(
    open_election: BeleniosElection, js_ballot: str
) -> None:
    def drop(ballot: Any) -> None:
        del ballot["answers"][1]["blank_proof"]

    def add(ballot: Any) -> None:
        ballot["answers"][0]["blank_proof"] = ballot["answers"][1]["blank_proof"]

    for change in (drop, add):
        assert refusal(open_election, resigned(open_election, js_ballot, change)).code == "ballot-proof"


def test_belenios_tool_refuses_what_the_browser_refuses(copied_election: BeleniosElection, js_ballot: str) -> None:
    """So the mutants above are wrong ballots, not only unusual ones."""
    copied_election.add_event("Ballot", raised_by_one(js_ballot, ("answers", 0, "choices", 0, "alpha")))
    with pytest.raises(subprocess.CalledProcessError):
        copied_election.verify()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("BELENIOS-2048", "RFC-3526-2048", "election-group"),
        ('"version":1', '"version":2', "election-malformed"),
        ('"min":1', '"min":3', "election-malformed"),
        ('"min":1', '"min":-1', "election-malformed"),
        ('"name":"Garden"', '"name":7', "election-malformed"),
        ('"name":"Garden"', '"name":"Garden","name":"Forest"', "election-malformed"),
        ('"public_key":"', '"public_key":"0', "election-malformed"),
        ('"public_key":"', '"public_key":"x', "election-malformed"),
        ('{"answers":["Yes"', '{"type":"NonHomomorphic","answers":["Yes"', "election-ranked"),
        ("{", "", "election-malformed"),
    ],
)
def test_a_definition_that_cannot_be_voted_on_is_refused(
    open_election: BeleniosElection, old: str, new: str, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        ask("parseElection", definition=open_election.definition.replace(old, new, 1))
    assert (refused.value.name, refused.value.code) == ("InvalidElection", code)


def test_a_public_key_outside_the_group_is_refused(open_election: BeleniosElection) -> None:
    record = json.loads(open_election.definition)
    for key in ("0", "2", str(int(ask("constants")["p"]) - 1)):
        with pytest.raises(Refusal) as refused:
            ask("parseElection", definition=json.dumps({**record, "public_key": key}))
        assert refused.value.code == "election-key"


def test_a_definition_is_read_with_unknown_members_and_blanks(open_election: BeleniosElection) -> None:
    """The protocol hashes its exact bytes, so other software may write it as it likes."""
    definition = json.dumps({**json.loads(open_election.definition), "language": "en"}, indent=2)
    read = ask("parseElection", definition=definition)
    digest = hashlib.sha256(definition.encode()).digest()
    assert read["fingerprint"] == base64.b64encode(digest).decode().rstrip("=")
    assert [question["blank"] for question in read["questions"]] == [False, True, True, False]
