"""`uvote verify` as its users meet it: exit codes, sentences, JSON, older copies, memory, interruption."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.voting_archives.builder import ONE_OF_FIVE, BuiltElection, chosen

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
COMMAND = [sys.executable, "-m", "services.uvote", "verify"]
GOOD = VECTORS / "ok_single.bel"


def uvote_verify(*arguments: str | os.PathLike[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive that is large enough for several processes."""
    built = BuiltElection(weights=[1] * 100)
    for voter in range(100):
        built.cast(built.make_ballot(voter, chosen(voter % 3)))
    built.publish()
    return built.write(tmp_path_factory.mktemp("hundred"))


def test_an_accepted_archive_ends_in_0_and_says_what_it_holds() -> None:
    done = uvote_verify(GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ACCEPTED: all checks passed." in done.stdout
    assert "Python \N{GRINNING FACE}" in done.stdout
    assert "5, of which 4 count; 5 on the list of voters" in done.stdout


def test_an_incomplete_archive_is_accepted_and_said_to_be_so() -> None:
    done = uvote_verify(VECTORS / "case_base.bel")
    assert done.returncode == 0
    done = uvote_verify(VECTORS / "case_blankfalse.bel")
    assert done.returncode == 0
    assert "no result yet" in done.stdout


def test_a_rejected_archive_ends_in_1_and_names_event_and_rule() -> None:
    done = uvote_verify(VECTORS / "neg_result_wrong.bel")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("REJECTED: event 6, result: ")


def test_a_truncated_archive_ends_in_1(tmp_path: Path) -> None:
    cut = tmp_path / "cut.bel"
    cut.write_bytes(GOOD.read_bytes()[:-1])
    assert uvote_verify(cut).returncode == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 4096, b"\x1f\x8b" + b"\0" * 4096])
def test_what_does_not_begin_as_an_archive_ends_in_2(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.bel"
    path.write_bytes(content)
    done = uvote_verify(path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "uvote verify: the file does not begin as an election archive\n"


def test_a_file_that_cannot_be_opened_ends_in_2(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path / "absent.bel", tmp_path, fifo, "/dev/zero"):
        done = uvote_verify(path)
        assert done.returncode == 2
        assert done.stderr.startswith("uvote verify: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--wrong", "x"], ["a", "b"]])
def test_wrong_usage_ends_in_2(arguments: list[str]) -> None:
    done = uvote_verify(*arguments)
    assert done.returncode == 2
    assert "usage: uvote verify" in done.stderr


def test_json_reports_the_same_verdict(hundred: Path) -> None:
    done = uvote_verify("--json", hundred)
    value = json.loads(done.stdout)
    assert done.returncode == 0
    assert value["verdict"] == "accepted"
    assert (value["ballots"], value["voters"], value["result"]) == (100, 100, [[34, 33, 33, 0, 0]])
    assert [check["verdict"] for check in value["checks"]] == ["passed"] * 8
    done = uvote_verify("--json", VECTORS / "neg_result_wrong.bel")
    value = json.loads(done.stdout)
    assert done.returncode == 1
    assert (value["rejected"]["event"], value["rejected"]["check"]) == (6, "result")


def test_several_processes_name_the_first_bad_ballot(hundred: Path, tmp_path: Path) -> None:
    """The 31st and the 90th ballot are exchanged for forgeries, in an archive whose chain is intact."""
    built = BuiltElection(weights=[1] * 100)
    for voter in range(100):
        raw = built.make_ballot(voter, chosen(0))
        forged = raw.replace(b'"response":"', b'"response":"1', 1)
        built.chain.append("Ballot", forged if voter in {30, 89} else raw)
    done = uvote_verify(built.write(tmp_path))
    assert done.returncode == 1
    assert "REJECTED: event 31, ballots: " in done.stdout


def test_an_older_copy_is_accepted_where_it_is_the_beginning(hundred: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.bel"
    old.write_bytes(hundred.read_bytes()[:200_000])
    done = uvote_verify(hundred, "--after", old)
    assert done.returncode == 0
    assert "older copy           passed" in done.stdout


def test_an_older_copy_that_is_not_the_beginning_ends_in_1(hundred: Path, tmp_path: Path) -> None:
    old, shorter = tmp_path / "old.bel", tmp_path / "shorter.bel"
    raw = bytearray(hundred.read_bytes())
    shorter.write_bytes(raw[: len(raw) // 2])
    raw[300_000] ^= 1
    old.write_bytes(raw)
    done = uvote_verify(hundred, "--after", old, "--json")
    assert done.returncode == 1
    rejected = json.loads(done.stdout)["rejected"]
    assert rejected["check"] == "older copy"
    assert rejected["event"] > 1
    assert uvote_verify(shorter, "--after", hundred).returncode == 1
    assert uvote_verify(hundred, "--after", tmp_path / "absent").returncode == 2


def test_names_in_the_archive_cannot_control_the_terminal(tmp_path: Path) -> None:
    question = type(ONE_OF_FIVE)("\x1b[2JWho?\u202e", ("a\x07",), 0, 1)
    built = BuiltElection([question])
    built.publish()
    done = uvote_verify(built.write(tmp_path))
    assert done.returncode == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_an_encoding_that_lacks_letters_is_no_reason_to_fail() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, GOOD], cwd=ROOT, capture_output=True, env=environment, check=False)
    assert done.returncode == 0
    assert b"\\U0001f600" in done.stdout


def test_a_terminal_sees_progress_and_is_left_clean(hundred: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([*COMMAND, hundred], cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b"".join(read_terminal(ours))
    assert process.returncode == 0
    assert b" % left" in seen or b" left" in seen
    assert seen.endswith(b"\r\x1b[K")


def read_terminal(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, 4096):
            yield chunk
    except OSError:  # how Linux says that the other side has closed
        os.close(descriptor)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_no_process_survives_the_command(long_archive: Path, sent: signal.Signals) -> None:
    with subprocess.Popen(
        [*COMMAND, long_archive], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: len(children(process.pid)) > 1)
        workers = children(process.pid)
        process.send_signal(sent)
        _, errors = process.communicate(timeout=20)
        wait_until(lambda: not any(map(alive, workers)))
    assert b"Traceback" not in errors
    assert process.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)


@pytest.fixture(scope="module")
def long_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough to keep several processes busy for a while."""
    return write_repeated(tmp_path_factory.mktemp("long"), ballots=400)


def write_repeated(folder: Path, ballots: int, idle_voters: int = 0) -> Path:
    """An archive of distinct ballots that are quick to make: they differ in their signatures only."""
    from services.voting.canonical import base64_digest, render_json
    from services.voting.credential import private_key
    from services.voting.group import BELENIOS_2048
    from services.voting.proofs import prove_knowledge

    built = BuiltElection(weights=[1])
    raw = built.make_ballot(0, chosen(0))
    value = json.loads(raw)
    digest = base64_digest(raw[: raw.rindex(b',"signature":')] + b"}")
    secret = private_key(built.codes[0], built.uuid, BELENIOS_2048)
    for _ in range(ballots):
        proof = prove_knowledge(BELENIOS_2048, secret, f"sig|{digest}|")
        built.chain.append("Ballot", render_json({**value, "signature": {"hash": digest, "proof": proof.to_json()}}))
    return built.write(folder)


def test_a_disk_error_is_a_sentence(hundred: Path, tmp_path: Path) -> None:
    """A file that is cut while it is read ends in 1 or 2, not in a traceback."""
    copy = tmp_path / "copy.bel"
    shutil.copy(hundred, copy)
    with subprocess.Popen([*COMMAND, copy], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: len(children(process.pid)) > 1)
        os.truncate(copy, 5000)
        output, errors = process.communicate(timeout=30)
    assert process.returncode in {0, 1, 2}
    assert b"Traceback" not in output + errors
