"""`uvote stack` and `uvote demo --stack` as people run them: in two terminals, with the usual ports.

Where we may, each test has a network of its own, so that the usual ports are free.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.uvote.stack_servers import Ports, ready_pages
from tests.service.harness import until
from tests.service.test_demo import ISOLATED, family, read_until
from tests.service.test_launcher import is_running

UVOTE = (sys.executable, "-m", "services.uvote")
ROOT = Path(__file__).parents[2]

# The second terminal, in the network of the first: runs a demo that lasts longer than Prometheus waits between two
# scrapes, and says what Prometheus then knows of it.
SECOND_TERMINAL = """
import subprocess, sys, time, httpx
demo = [sys.executable, "-m", "services.uvote", "demo", "--once", "--stack", "--voters", "300"]
done = subprocess.run(demo, capture_output=True, text=True)
assert done.returncode == 0, done.stdout + done.stderr
question = {"query": "count(count by (job) (last_over_time(uvote_build_info[5m])))"}
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    found = httpx.get("http://127.0.0.1:9090/api/v1/query", params=question).json()["data"]["result"]
    if found and found[0]["value"][1] == "6":
        sys.exit()
    time.sleep(0.5)
sys.exit(f"Prometheus has heard of {found}")
"""


@pytest.fixture
def terminal(programs: dict[str, Path], tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """`uvote stack`, once it says that it is ready."""
    command = (*ISOLATED, *UVOTE, "stack", "--data", str(tmp_path))
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        read_until(process, "The stack is ready")
        yield process
        process.kill()


async def ended(members: set[int]) -> None:
    async def all_gone() -> bool:
        return not any(is_running(member) for member in members)

    await until(all_gone)


async def test_a_stack_that_is_killed_leaves_no_process(terminal: "subprocess.Popen[str]") -> None:
    members = family(terminal.pid)
    assert len(members) > len(ready_pages(Ports()))
    terminal.kill()
    await ended(members)


async def test_ctrl_c_ends_the_stack_in_order(terminal: "subprocess.Popen[str]") -> None:
    members = family(terminal.pid)
    terminal.send_signal(signal.SIGINT)
    said, complained = terminal.communicate()
    await ended(members)
    assert (terminal.returncode, complained) == (0, "")
    assert said.endswith("Ended.\n")


def in_network_of(process: "subprocess.Popen[str]", *command: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command where the process runs."""
    entering = ("nsenter", "--net", "--mount", f"--target={process.pid}") if ISOLATED else ()
    return subprocess.run((*entering, *command), cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_demo_sends_to_a_stack_that_runs(terminal: "subprocess.Popen[str]") -> None:
    done = in_network_of(terminal, sys.executable, "-c", SECOND_TERMINAL)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_stack_says_which_port_is_taken(terminal: "subprocess.Popen[str]", tmp_path: Path) -> None:
    done = in_network_of(terminal, *UVOTE, "stack", "--data", str(tmp_path / "second"))
    assert done.returncode == 1
    assert "otlp_identity cannot listen on port 4318" in done.stderr
    assert done.stderr.count("\n") == 1
