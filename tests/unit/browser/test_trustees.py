"""Trustees in the browser: their keys and their part of the decryption, exchanged with belenios-tool and Python."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from services.voting import trustee as python_trustee
from services.voting.group import BELENIOS_2048
from tests.unit.browser.archives import Step, compact, digest, put_together, take_apart, tally_step
from tests.unit.browser.belenios import BeleniosElection
from tests.unit.browser.conftest import BLANK, CHOICES, QUESTIONS
from tests.unit.browser.javascript import Refusal, ask, ask_all

WEIGHTS = {"ann": 1, "bob": 3, "cleo": 1, "dora": 0}


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def keys() -> list[dict[str, Any]]:
    """Two trustees' keys made by the browser's modules."""
    return ask_all([("makeTrusteeKey", {"name": "Žofie"}), ("makeTrusteeKey", {})])


@pytest.fixture(scope="module")
def tallied(keys: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> BeleniosElection:
    """Two trustees of the browser and one of the tool, ballots of both, one of them replaced; closed."""
    election = BeleniosElection(tmp_path_factory.mktemp("tallied"), WEIGHTS, QUESTIONS)
    tool_public = election.make_trustee_key()
    election.set_up([compact(keys[0]["publicKey"]), tool_public, compact(keys[1]["publicKey"])])
    make = {"definition": election.definition}
    ballots = [
        ask("makeBallot", **make, code=election.codes["ann"], choices=CHOICES)["text"],
        election.generate_ballot("bob", CHOICES),
        ask("makeBallot", **make, code=election.codes["ann"], choices=BLANK)["text"],
        ask("makeBallot", **make, code=election.codes["dora"], choices=CHOICES)["text"],
    ]
    for text in ballots:
        election.add_event("Ballot", text)
    election.close()
    return election


@pytest.fixture
def closed(tallied: BeleniosElection, tmp_path: Path) -> BeleniosElection:
    return tallied.copy_to(tmp_path)


def decrypt_in_browser(election: BeleniosElection, private_key: str) -> None:
    part = ask("decrypt", path=str(election.archive), privateKey=private_key)
    election.add_part(part["owner"], part["partialDecryption"])
    election.verify()


def test_a_whole_election_with_trustees_of_both_kinds_is_accepted_by_both(
    closed: BeleniosElection, keys: list[dict[str, Any]]
) -> None:
    decrypt_in_browser(closed, keys[0]["privateKey"])
    closed.decrypt(2, closed.tool_key)
    decrypt_in_browser(closed, keys[1]["privateKey"])
    counts = closed.publish()
    closed.verify()
    report = ask("checkBoard", path=str(closed.archive))
    assert [[int(count) for count in question] for question in report["result"]] == counts
    assert counts == [[1, 0, 3, 0, 0], [1, 0, 3], [1, 3, 0, 3], [1, 1, 1]]
    assert (report["ballots"], report["counted"], report["totalWeight"], report["voters"]) == (4, 3, "4", 4)
    assert [trustee["hasDecrypted"] for trustee in report["trustees"]] == [True] * 3


def test_python_accepts_a_key_of_the_browser_and_the_other_way_round(keys: list[dict[str, Any]]) -> None:
    assert python_trustee.check_public_key(keys[0]["publicKey"], BELENIOS_2048) == int(
        keys[0]["publicKey"]["public_key"]
    )
    private = python_trustee.generate_private_key(BELENIOS_2048)
    record = python_trustee.public_key_record(private, BELENIOS_2048, "Ann")
    assert ask("checkPublicKey", record=record) == record["public_key"]
    content = python_trustee.render_private_key(private).decode()
    assert ask("publicKeyOf", privateKey=content) == record["public_key"]


def test_the_private_key_file_is_the_one_of_belenios_tool(
    keys: list[dict[str, Any]], tmp_path: Path, closed: BeleniosElection
) -> None:
    """The tool decrypts with a file of the browser, and the browser reads a file of the tool."""
    closed.decrypt(1, keys[0]["privateKey"])
    closed.verify()
    assert ask("publicKeyOf", privateKey=closed.tool_key) in (closed.directory / "trustees.json").read_text()
    assert json.loads(keys[0]["privateKey"]).isdecimal()


@pytest.mark.parametrize(
    "content", ["", "{}", "17", '"0x11"', '"017"', '"-1"', "null", '"17" "18"', f'"{BELENIOS_2048.q}"', "\x89PNG"]
)
def test_a_file_that_is_no_private_key_is_refused(content: str) -> None:
    with pytest.raises(Refusal) as refused:
        ask("publicKeyOf", privateKey=content)
    assert (refused.value.name, refused.value.code) == ("InvalidKey", "key-malformed")


def test_the_refusal_of_a_key_file_does_not_repeat_it() -> None:
    with pytest.raises(Refusal) as refused:
        ask("publicKeyOf", privateKey='"12345678901234567890')
    assert "1234" not in refused.value.message


def test_a_key_of_another_election_decrypts_nothing(closed: BeleniosElection) -> None:
    other = ask("makeTrusteeKey")
    with pytest.raises(Refusal) as refused:
        ask("decrypt", path=str(closed.archive), privateKey=other["privateKey"])
    assert (refused.value.name, refused.value.code) == ("InvalidKey", "key-foreign")


def test_nothing_is_decrypted_before_the_tally(copied_election: BeleniosElection, keys: list[dict[str, Any]]) -> None:
    with pytest.raises(Refusal) as refused:
        ask("decrypt", path=str(copied_election.archive), privateKey=keys[0]["privateKey"])
    assert refused.value.code == "tally-missing"


def falsified(archive: bytes) -> dict[str, bytes]:
    """Boards whose chain is whole and whose tally is not the sum of their ballots."""
    *steps, published = take_apart(archive)
    tally, sized = (json.loads(content) for content in published.records)
    swapped = [[tally[0][1], tally[0][0], *tally[0][2:]], *tally[1:]]
    without_bob = [step for step in steps if steps.index(step) != 2]
    size, weight = sized["num_tallied"], sized["total_weight"]
    return {
        "two counts swapped": put_together([*steps, tally_step(swapped, size, weight)]),
        "a ballot left out": put_together([*without_bob, published]),
        "the first ballot of Ann last": put_together([steps[0], steps[3], steps[2], steps[1], *steps[4:], published]),
        "another number of ballots": put_together([*steps, tally_step(tally, size + 1, weight)]),
        "another weight": put_together([*steps, tally_step(tally, size, weight + 1)]),
    }


@pytest.mark.parametrize("proofs", [True, False])
def test_a_tally_that_differs_from_the_ballots_is_not_decrypted(
    tallied: BeleniosElection,
    keys: list[dict[str, Any]],
    proofs: bool,
) -> None:
    boards = falsified(tallied.archive.read_bytes())
    parameters = {"privateKey": keys[0]["privateKey"], "proofs": proofs}
    answers = ask_all([("decrypt", {"base64": as_base64(board), **parameters}) for board in boards.values()])
    assert {name: answer.code for name, answer in zip(boards, answers, strict=True)} == dict.fromkeys(
        boards, "tally-differs"
    )


def test_without_proofs_a_ballot_must_still_fit_the_questions(open_election: BeleniosElection) -> None:
    """A dishonest voter must not be able to stop the trustees, who leave out the proofs to save time."""
    questions = [{**question, "blank": True} for question in QUESTIONS]
    choices = [[1, *[0] * len(question["answers"])] for question in QUESTIONS]
    given = {"definition": open_election.definition, "code": open_election.codes["ann"], "choices": choices}
    step = Step("Ballot", [ask("makeBallotFor", questions=questions, **given).encode()])
    board = put_together([*take_apart(open_election.archive.read_bytes()), step])
    with pytest.raises(Refusal) as refused:
        ask("checkBoard", base64=as_base64(board), proofs=False)
    assert (refused.value.code, refused.value.details["question"]) == ("ballot-proof", 0)


def test_a_number_outside_the_group_is_never_raised_to_the_private_key(open_election: BeleniosElection) -> None:
    """Its remainder by a small factor would give away a part of the key."""
    minus_one = int(ask("constants")["p"]) - 1
    for alpha in (minus_one, 0, 2):
        with pytest.raises(Refusal) as refused:
            ask("decryptOutsideTheGroup", definition=open_election.definition, alpha=str(alpha))
        assert refused.value.code == "decryption-malformed"


def test_a_factor_outside_the_group_is_refused_even_if_its_proof_holds(
    tallied: BeleniosElection, keys: list[dict[str, Any]]
) -> None:
    """Minus a factor passes the equations where the challenge is even, and would spoil the result namelessly."""
    archive = tallied.archive.read_bytes()
    given = {"base64": as_base64(archive), "privateKey": keys[0]["privateKey"], "proofs": False}
    parts = [json.loads(made["partialDecryption"]) for made in ask_all([("decrypt", given)] * 2)]
    proofs = [
        (part, i, j) for part in parts for i, row in enumerate(part["decryption_proofs"]) for j in range(len(row))
    ]
    part, i, j = next(at for at in proofs if int(at[0]["decryption_proofs"][at[1]][at[2]]["challenge"]) % 2 == 0)
    part["decryption_factors"][i][j] = str(int(ask("constants")["p"]) - int(part["decryption_factors"][i][j]))
    owned = compact({"owner": 1, "payload": digest(compact(part))})
    board = put_together([*take_apart(archive), Step("PartialDecryption", [compact(part), owned])])
    with pytest.raises(Refusal) as refused:
        ask("checkBoard", base64=as_base64(board), proofs=False)
    assert (refused.value.code, refused.value.details["question"], refused.value.details["choice"]) == (
        "decryption-proof",
        i,
        j,
    )


@pytest.mark.parametrize("member", ["challenge", "response", "public_key"])
def test_a_public_key_without_its_proof_is_refused(keys: list[dict[str, Any]], member: str) -> None:
    record = json.loads(json.dumps(keys[0]["publicKey"]))
    holder = record if member == "public_key" else record["pok"]
    holder[member] = str(int(holder[member]) + 1)
    with pytest.raises(Refusal) as refused:
        ask("checkPublicKey", record=record)
    assert (refused.value.name, refused.value.code) == ("InvalidTrustee", "trustee-proof")


def test_a_public_key_outside_the_group_is_refused_even_if_its_proof_holds() -> None:
    with pytest.raises(Refusal) as refused:
        ask("checkPublicKey", record=ask("makeTrusteeKeyOutsideTheGroup"))
    assert refused.value.code == "trustee-proof"


@pytest.mark.parametrize("record", [None, {}, {"public_key": "4"}, {"pok": {}, "public_key": "4"}, [], "4"])
def test_what_is_no_public_key_is_refused(record: object) -> None:
    with pytest.raises(Refusal) as refused:
        ask("checkPublicKey", record=record)
    assert refused.value.code == "trustee-malformed"
