"""Whole archives get the right verdict, and the first offending event is named."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.voting.archive import record_hash, render_owned, render_setup_data
from services.voting.ballot import make_ballot
from services.voting.canonical import render_json
from services.voting.credential import PublicCredential, render_credentials
from services.voting.group import BELENIOS_2048
from services.voting.report import Report
from services.voting.tally import partial_decryption, render_sized
from services.voting.verify import verify
from tests.voting_archives.builder import BuiltElection, chosen

VECTORS = Path(__file__).parents[2] / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


def check(raw: bytes) -> Report:
    return verify(io.BytesIO(raw))


def rejection(built: BuiltElection) -> tuple[int, str]:
    """Where and in which check an archive is rejected."""
    rejected = check(built.chain.render()).rejected
    assert rejected
    return rejected.height, rejected.check


@pytest.mark.parametrize("vector", MANIFEST, ids=lambda vector: vector["file"])
def test_every_vector_gets_its_verdict(vector: dict[str, str]) -> None:
    report = check((VECTORS / vector["file"]).read_bytes())
    assert report.accepted == (vector["expect"] == "accept"), report.rejected


@pytest.fixture
def built() -> BuiltElection:
    """Three voters, all of whom have voted, one of them twice."""
    election = BuiltElection(weights=(1, 1, 3), trustees=2)
    for voter, choice in ((0, 1), (1, 2), (0, 3), (2, 4)):
        election.cast(election.make_ballot(voter, chosen(choice)))
    return election


def test_an_honest_archive_is_accepted_and_described(built: BuiltElection) -> None:
    counts = built.publish()
    report = check(built.chain.render())
    assert report.complete
    assert counts == report.result == [[0, 0, 1, 1, 3]]
    assert (report.voters, report.ballots, report.counted, report.weight) == (3, 4, 3, 5)
    assert (report.uuid, report.fingerprint) == (built.uuid, built.election.fingerprint)
    assert report.trustees == ["Trustee 1", "Trustee 2"]
    assert report.decrypted_by == [1, 2]
    assert set(report.checks.values()) == {"passed"}


def test_an_archive_that_ends_after_any_event_is_accepted_as_not_complete(built: BuiltElection) -> None:
    built.publish()
    parts, ends = built.chain.parts, []
    for number, part in enumerate(parts, start=1):
        if b".event.json" in part[:100]:
            ends.append(number)
    for end in ends:
        built.chain.parts = parts[:end]
        report = check(built.chain.render())
        assert report.accepted
        assert report.complete == (end == len(parts))
        assert report.checks["archive"] == "passed"
        assert report.checks["result"] == ("passed" if report.complete else "not reached")


def test_an_archive_without_any_event_is_rejected(built: BuiltElection) -> None:
    built.chain.parts = []
    assert rejection(built) == (0, "archive")


def test_the_first_bad_ballot_is_named_even_when_a_later_event_is_broken(built: BuiltElection) -> None:
    built.chain.append("Ballot", built.make_ballot(1, chosen(0)).replace(b'"response":"', b'"response":"1', 1))
    built.chain.append("Result", b"{}")
    assert rejection(built) == (5, "ballots")


def test_a_ballot_of_a_stranger_is_rejected(built: BuiltElection) -> None:
    stranger = BuiltElection(uuid=built.uuid, weights=(1, 1, 1, 1))
    built.chain.append("Ballot", make_ballot(built.election, stranger.codes[3], [chosen(0)]))
    assert rejection(built) == (5, "ballots")


def test_the_same_ballot_twice_is_rejected(built: BuiltElection) -> None:
    raw = built.make_ballot(0, chosen(0))
    for _ in range(2):
        built.cast(raw)
    assert rejection(built) == (6, "ballots")


def test_a_ballot_of_another_election_is_rejected(built: BuiltElection) -> None:
    other = BuiltElection(uuid=built.uuid)
    built.chain.append("Ballot", other.make_ballot(0, chosen(0)))
    assert rejection(built) == (5, "ballots")


def test_an_election_key_that_is_not_the_trustees_is_rejected() -> None:
    built, other = BuiltElection(), BuiltElection()
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.trustees_raw = other.trustees_raw
    built.set_up()
    assert rejection(built) == (0, "trustees")


@pytest.mark.parametrize(
    "credentials",
    [
        b"",
        b"[",
        b"{}",
        b"[1]",
        b'["x"]',
        b'["KEY","KEY"]',
        b'["KEY","KEY,2"]',
        b'["KEY",]',
        b'["KEY"]]',
        b'["KEY" "1"]',
        b'["KEY"] x',
        b'["KEY,1.5"]',
        b'["KEY,-1"]',
        b'["00KEY"]',
        b'["KEY,99999999999999999999999"]',
        b'["0"]',
        b'["' + str(BELENIOS_2048.p - 1).encode() + b'"]',
        b'["' + str(BELENIOS_2048.p).encode() + b'"]',
        b'["' + b"9" * 100_000 + b'"]',
        b"[" * 100_000,
        b'["KEY\\u002c2"]',
        b'["' + b"\xff" * 10 + b'"]',
        b'["KEY"' + b" " * 2000 + b"]",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_a_list_of_credentials_that_breaks_a_rule_is_rejected(credentials: bytes) -> None:
    built = BuiltElection()
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.credentials_raw = credentials.replace(b"KEY", str(BELENIOS_2048.g).encode())
    built.set_up()
    assert rejection(built) == (0, "credentials")


def test_a_list_of_one_credential_is_accepted() -> None:
    """So the lists above are not rejected for the key that they hold."""
    built = BuiltElection()
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.credentials_raw = f'["{BELENIOS_2048.g}"]'.encode()
    built.set_up()
    assert check(built.chain.render()).accepted


@pytest.mark.parametrize("blank", [b"", b" ", b"\n\t\r ", b" " * 100_000])
def test_blanks_and_order_in_the_list_of_credentials_do_not_matter(blank: bytes) -> None:
    built = BuiltElection(weights=(1, 2, 3))
    lines = json.loads(built.credentials_raw)[::-1]
    raw = b",".join(blank + json.dumps(line).encode() for line in lines)
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.credentials_raw = blank + b"[" + raw + b"]" + blank
    built.set_up()
    built.cast(built.make_ballot(2, chosen(0)))
    built.publish()
    report = check(built.chain.render())
    assert (report.complete, report.voters, report.weight) == (True, 3, 3)


def test_a_credential_that_is_not_in_the_group_is_rejected_even_if_it_signs(built: BuiltElection) -> None:
    """-1 has order 2: its signatures hold whenever the challenge is even."""
    key = str(BELENIOS_2048.p - 1)
    credentials = [PublicCredential(key), *(PublicCredential(k, w) for k, w in built.weights.items())]
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.credentials_raw = render_credentials(credentials)
    built.set_up()
    value = json.loads(built.make_ballot(0, chosen(0))) | {"credential": key}
    built.chain.append("Ballot", render_json(value))
    assert rejection(built) == (0, "credentials")


def closed(built: BuiltElection) -> bytes:
    """Close, and return the tally; two partial decryptions and the result are missing."""
    return built.close()


def decrypt(built: BuiltElection, tally: bytes, owner: int) -> tuple[bytes, bytes]:
    raw = partial_decryption(tally, built.election, built.private_keys[owner - 1])
    return raw, render_owned(owner, record_hash(raw))


def false_tally(built: BuiltElection) -> None:
    built.chain.append("EndBallots")
    raw = built.tally.render().replace(b'"alpha":"', b'"alpha":"1', 1)
    built.chain.append("EncryptedTally", raw, render_sized(3, 5, record_hash(raw)))


def false_size(built: BuiltElection) -> None:
    built.chain.append("EndBallots")
    raw = built.tally.render()
    built.chain.append("EncryptedTally", raw, render_sized(4, 5, record_hash(raw)))


def foreign_owner(built: BuiltElection) -> None:
    raw, _ = decrypt(built, closed(built), 1)
    built.chain.append("PartialDecryption", raw, render_owned(2, record_hash(raw)))


def absent_owner(built: BuiltElection) -> None:
    raw, _ = decrypt(built, closed(built), 1)
    built.chain.append("PartialDecryption", raw, render_owned(3, record_hash(raw)))


def decrypted_twice(built: BuiltElection) -> None:
    tally = closed(built)
    built.chain.append("PartialDecryption", *decrypt(built, tally, 1))
    built.chain.append("PartialDecryption", *decrypt(built, tally, 1))


def trustee_missing(built: BuiltElection) -> None:
    built.chain.append("PartialDecryption", *decrypt(built, closed(built), 1))
    built.chain.append("Result", b'{"result":[[0,0,1,1,3]]}')


def result_of(text: bytes) -> Callable[[BuiltElection], None]:
    def append(built: BuiltElection) -> None:
        tally = closed(built)
        for owner in (1, 2):
            built.chain.append("PartialDecryption", *decrypt(built, tally, owner))
        built.chain.append("Result", text)

    return append


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        (false_tally, (6, "encrypted tally")),
        (false_size, (6, "encrypted tally")),
        (foreign_owner, (7, "partial decryptions")),
        (absent_owner, (7, "partial decryptions")),
        (decrypted_twice, (8, "partial decryptions")),
        (trustee_missing, (8, "result")),
        (result_of(b'{"result":[[0,0,1,2,2]]}'), (9, "result")),
        (result_of(b'{"result":[[0,0,1,1]]}'), (9, "result")),
        (result_of(b'{"result":[[0,0,1,1,3],[1]]}'), (9, "result")),
        (result_of(b'{"result":[[0,0,1,1,"3 "]]}'), (9, "result")),
        (result_of(b'{"result":[[0,0,1,1,' + str(3 + BELENIOS_2048.q).encode() + b"]]}"), (9, "result")),
        (result_of(b'{"result":[[0,0,1,1,3.0]]}'), (9, "result")),
        (result_of(b'{"result":[[0,0,1,true,3]]}'), (9, "result")),
        (result_of(b"[]"), (9, "result")),
        (result_of(b"[" * 10_000), (9, "result")),
        (lambda built: built.chain.append("Shuffle", b"x", b"y"), (5, "archive")),
        (lambda built: built.chain.append("Setup", b"1", b"2", b"3", b"4"), (5, "archive")),
        (lambda built: built.chain.append("Parade", b"x"), (5, "archive")),
        (lambda built: built.chain.append("EndBallots", b"x"), (5, "archive")),
        (lambda built: built.chain.append("Ballot"), (5, "archive")),
        (lambda built: built.chain.append("Ballot", b"[" * 100_000), (5, "ballots")),
        (lambda built: built.chain.append("Ballot", b" " * 1_000_000), (5, "ballots")),
        (lambda built: built.chain.append("PartialDecryption", b"x", b"y"), (5, "archive")),
    ],
)
def test_the_first_event_that_breaks_a_rule_is_named(
    built: BuiltElection, fault: Callable[[BuiltElection], None], where: tuple[int, str]
) -> None:
    fault(built)
    assert rejection(built) == where


def test_nothing_may_follow_the_result(built: BuiltElection) -> None:
    built.publish()
    built.chain.append("EndBallots")
    assert rejection(built) == (10, "archive")


@pytest.mark.parametrize("place", range(4))
def test_setup_data_must_name_the_three_records_before_them(place: int) -> None:
    built = BuiltElection()
    setup = [built.election.raw, built.trustees_raw, built.credentials_raw]
    hashes = [record_hash(raw) for raw in setup]
    hashes[place % 3] = "0" * 64
    payload = render_setup_data(*hashes) if place < 3 else render_setup_data(*map(record_hash, setup)) + b" "
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.chain.append("Setup", *setup, payload)
    assert rejection(built) == (0, "archive")


@pytest.mark.parametrize("raw", [b"{}", b"[" * 1_000_000, b"9" * 1_000_000, b"\xff" * 100, b" " * 5_000_000])
@pytest.mark.parametrize("place", range(2))
def test_hostile_setup_records_end_in_a_sentence(place: int, raw: bytes) -> None:
    built = BuiltElection()
    setup = [built.election.raw, built.trustees_raw, built.credentials_raw]
    setup[place] = raw
    built.chain.parts.clear()
    built.chain.parent, built.chain.height = None, 0
    built.chain.append("Setup", *setup, render_setup_data(*map(record_hash, setup)))
    assert rejection(built) == (0, ("election", "trustees")[place])


def test_the_report_is_json(built: BuiltElection) -> None:
    built.publish()
    value = json.loads(json.dumps(check(built.chain.render()).to_json()))
    assert value["verdict"] == "accepted"
    assert value["result"] == [[0, 0, 1, 1, 3]]
    assert {"check": "ballots", "verdict": "passed"} in value["checks"]
