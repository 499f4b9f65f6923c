"""`uvote demo` as somebody runs it who has just cloned the repository."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.uvote.installation import HOST
from services.uvote.verify import check_archive
from tests.service.harness import until
from tests.service.test_launcher import is_running

UVOTE = (sys.executable, "-m", "services.uvote")
ROOT = Path(__file__).parent.parent.parent
VOTERS = 6

# Where we may, each demo has a network of its own, with nothing in it but this machine, and may mount what it likes.
MAY_ISOLATE = subprocess.run(["unshare", "-nm", "true"], check=False, capture_output=True).returncode == 0
ISOLATED = ("unshare", "-nm", "sh", "-c", 'ip link set lo up && exec "$@"', "sh") if MAY_ISOLATE else ()

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home() -> Iterator[Path]:
    """The only place for temporary files; whoever runs PostgreSQL can reach it."""
    made = Path(tempfile.mkdtemp(prefix="uvote-test-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


def contents(home: Path, pattern: str = "*") -> list[str]:
    return sorted(path.name for path in home.glob(pattern))


def begin(home: Path, *command: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TMPDIR": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("DATABASE_URL", None)
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    complained: str


def run(home: Path, *command: str) -> Ended:
    with begin(home, *command) as process:
        said, complained = process.communicate()
    return Ended(process.returncode, said, complained)


def test_one_election_is_run_and_can_be_checked_by_strangers(home: Path, tmp_path: Path, belenios_tool: Tool) -> None:
    """Without any network."""
    out = tmp_path / "out"
    ended = run(home, *ISOLATED, *UVOTE, "demo", "--once", "--voters", str(VOTERS), "--out", str(out))
    assert (ended.code, ended.complained) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["election.bel", "summary.json"]
    archive = out / "election.bel"
    check_summary(json.loads((out / "summary.json").read_text()), archive)
    assert str(archive) in ended.said
    assert contents(home) == []
    archive.rename(tmp_path / "election.bel")
    folder = tmp_path / "archive"
    folder.mkdir()
    shutil.copy(tmp_path / "election.bel", folder / f"{check_archive(tmp_path / 'election.bel').uuid}.bel")
    belenios_tool("election", "verify", "--dir", folder)


def check_summary(summary: dict[str, Any], archive: Path) -> None:
    """What it says is what our verifier finds in the archive."""
    report = check_archive(archive)
    assert report.accepted
    assert report.complete
    assert summary["accepted"] == {"uvote": True, "belenios-tool": True, "trackers_on_board": VOTERS}
    assert summary["archive_sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert summary["archive_bytes"] == archive.stat().st_size
    assert (summary["uuid"], summary["voters"]) == (report.uuid, VOTERS)
    assert summary["result"]["record"]["result"] == report.result
    assert summary["result"]["fingerprint"] == report.fingerprint


def parents() -> dict[int, int]:
    """The parent of every process on this machine."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            found[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def family(pid: int) -> set[int]:
    """A process with all that descend from it."""
    all_parents, members = parents(), {pid}
    while more := {child for child, parent in all_parents.items() if parent in members} - members:
        members |= more
    return members


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended before it said {words!r}")


async def end(demo: "subprocess.Popen[str]", number: signal.Signals) -> tuple[str, str]:
    """Sends a signal to the demo alone and sees that its whole family ends; its last words, with its complaints."""
    members = family(demo.pid)
    assert len(members) > 1
    demo.send_signal(number)
    last_words = demo.communicate()

    async def all_gone() -> bool:
        return not any(is_running(member) for member in members)

    await until(all_gone)
    return last_words


async def test_ctrl_c_while_the_database_is_made_leaves_nothing(home: Path) -> None:
    async def is_being_made() -> bool:
        return bool(contents(home, "**/data.unfinished"))

    with begin(home, *UVOTE, "demo", "--once") as demo:
        await until(is_being_made)
        last_words = await end(demo, signal.SIGINT)
    assert contents(home) == []
    assert (demo.returncode, last_words[1]) == (130, "")


async def test_a_request_to_end_in_the_middle_leaves_nothing(home: Path) -> None:
    with begin(home, *UVOTE, "demo", "--once", "--voters", str(VOTERS)) as demo:
        read_until(demo, "is sealed and open")
        last_words = await end(demo, signal.SIGTERM)
    assert contents(home) == []
    assert (demo.returncode, last_words[1]) == (130, "")
    assert last_words[0].endswith("Ended. Nothing of it runs or stays.\n")


async def test_a_demo_that_is_killed_leaves_no_process(home: Path) -> None:
    with begin(home, *UVOTE, "demo", "--once", "--voters", str(VOTERS)) as demo:
        read_until(demo, "has written")
        await end(demo, signal.SIGKILL)
    assert demo.returncode == -signal.SIGKILL


def is_one_sentence(text: str) -> bool:
    return re.fullmatch(r"uvote demo: [^\n]+\.\n", text) is not None


def test_a_port_that_is_taken_is_named_and_nothing_was_begun(home: Path) -> None:
    with socket.socket() as other:
        if not MAY_ISOLATE:
            other.bind((HOST, 5004))
        taking = 'import socket, subprocess, sys\nwith socket.create_server(("127.0.0.1", 5004)):'
        program = f"{taking}\n    sys.exit(subprocess.run(sys.argv[1:]).returncode)"
        command = (*UVOTE, "demo")
        ended = run(home, *ISOLATED, sys.executable, "-c", program, *command) if MAY_ISOLATE else run(home, *command)
    assert (ended.code, ended.said) == (1, "")
    assert is_one_sentence(ended.complained)
    assert "ballot cannot listen on port 5004" in ended.complained
    assert "stop what uses the port" in ended.complained


def test_a_database_that_does_not_answer_is_named(home: Path) -> None:
    command = ("env", "DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing", *UVOTE, "demo", "--once")
    ended = run(home, *command)
    assert ended.code == 1
    assert is_one_sentence(ended.complained)
    assert "DATABASE_URL" in ended.complained


if MAY_ISOLATE:

    def test_a_full_disk_is_named(home: Path) -> None:
        tiny = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=30m,mode=1777 tmpfs {home} && exec "$@"', "sh")
        ended = run(home, *tiny, *UVOTE, "demo", "--once")
        assert ended.code == 1
        assert is_one_sentence(ended.complained)
        assert f"The disk of {home}" in ended.complained
        assert "is full: free about 100 MB there and run this again" in ended.complained


def test_a_newcomer_sees_progress_opens_what_is_printed_and_presses_ctrl_c(home: Path) -> None:
    at_home = (sys.executable, str(Path(__file__).with_name("demo_at_home.py")))
    ended = run(home, *ISOLATED, *at_home, *UVOTE, "demo", "--voters", str(VOTERS))
    assert ended.code == 0, ended.complained
    seen = json.loads(ended.said)
    assert f"{VOTERS - 1} of {VOTERS} have voted" in seen["shown"]
    assert seen["code"] == 0
    assert seen["shown"].rstrip().endswith("Ended. Nothing of it runs or stays.")
    assert contents(home) == []
    check_pages(seen["pages"])


def check_pages(pages: dict[str, str]) -> None:
    """Each address answered; the mailbox shows the reader's invitation with a link and a code."""
    titles = [re.search("<h1[^>]*>(.*?)</h1>", page, re.DOTALL) for page in pages.values()]
    assert all(titles)
    assert len(pages) == 6
    (mail,) = pages["http://localhost:5080/?to=you@example.org"].split("<details")[1:]
    assert "you@example.org" in mail
    assert re.search(r'<a href="http://localhost:5006/vote/\w+#[\w-]+"', mail)
    assert re.search(r"\b\w{3}(-\w{3}){4}\b", mail)
    assert pages["http://localhost:5080"].count("<details") > VOTERS
