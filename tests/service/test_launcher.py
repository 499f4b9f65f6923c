"""The services' parent: no secret of one service reaches another, and nothing is left running."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.uvote.installation import CALLEES, HOST, METRICS_PORTS, Installation, Keys
from services.uvote.launcher import Launcher, LaunchError, check_ports
from services.uvote.openapi import existing
from tests.service.harness import System, free_port, until

# A program that starts a service and says both process ids; then it waits for its end.
PROGRAM = """
import sys
from pathlib import Path
from services.uvote.installation import PORTS, Installation
from services.uvote.launcher import Launcher
launcher = Launcher()
installation = Installation("postgresql://nowhere/x", ports=dict.fromkeys(PORTS, int(sys.argv[2])))
pid = launcher.start("auth", installation.environment("auth"), Path(sys.argv[1]))
print(launcher.process.pid, pid, flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    """Whether the process is there, and not merely waiting for somebody to ask how it ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[int, int, int]]:
    """The process ids of a program, of its services' parent and of a service that listens."""
    port = free_port()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "log"), str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        parent, service = map(int, process.stdout.readline().split())
        wait_for_listener(port)
        yield process.pid, parent, service
        process.kill()


def wait_for_listener(port: int) -> None:
    done = threading.Event()
    while not done.wait(0.01):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((HOST, port)):
            done.set()


@pytest.mark.parametrize("victim", ["program", "parent"])
async def test_nothing_is_left_when_somebody_is_killed(program: tuple[int, int, int], victim: str) -> None:
    whole, parent, service = program
    os.kill({"program": whole, "parent": parent}[victim], signal.SIGKILL)

    async def gone() -> bool:
        return not is_running(parent) and not is_running(service)

    await until(gone)


async def test_a_service_that_was_stopped_in_mid_step_ends_too(program: tuple[int, int, int]) -> None:
    whole, parent, service = program
    os.kill(service, signal.SIGSTOP)
    os.kill(whole, signal.SIGKILL)

    async def gone() -> bool:
        return not is_running(parent) and not is_running(service)

    await until(gone)


def memory_of(pid: int) -> bytes:
    """Everything that the process could read."""
    pieces = []
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, access, *_ = line.split()
            if access.startswith("rw"):
                start, end = (int(number, 16) for number in span.split("-"))
                memory.seek(start)
                with contextlib.suppress(OSError):
                    pieces.append(memory.read(end - start))
    return b"".join(pieces)


def secrets_of(keys: Keys, name: str) -> set[str]:
    own = {keys.callers[name], keys.passwords.get(f"{name}_runtime", "")}
    own |= {
        "auth": {keys.auth_sealing_key},
        "voter": {keys.voter_sealing_key},
        "election": {keys.trustee_code_key},
    }.get(name, set())
    return own - {""}


async def test_no_process_holds_anothers_secret(system: System) -> None:
    await system.start(*existing())
    keys = system.installation.keys
    for name in existing():
        memory = memory_of(system.pid(name))
        assert all(secret.encode() in memory for secret in secrets_of(keys, name)), f"{name}: looked at the wrong place"
        others = set().union(*(secrets_of(keys, other) for other in CALLEES if other != name))
        assert [secret for secret in others if secret.encode() in memory] == [], name
    parent = memory_of(system.launcher.process.pid)
    everything = set().union(*(secrets_of(keys, name) for name in CALLEES))
    assert [secret for secret in everything if secret.encode() in parent] == []


def about(pid: int, what: str) -> str:
    """What the kernel says of a process."""
    return Path(f"/proc/{pid}/{what}").read_text()


async def test_a_service_inherits_nothing_of_ours_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UVOTE_SIGN_UP_ENABLED", "true")
    monkeypatch.setenv("DATABASE_URL", "postgresql://everything/")
    with Launcher() as launcher:

        async def has_begun() -> bool:
            return "preloaded" in about(launcher.process.pid, "cmdline")

        await until(has_begun)
        told = about(launcher.process.pid, "environ")
    assert "UVOTE_" not in told
    assert "DATABASE_URL" not in told


async def test_a_setting_that_is_wrong_is_named_and_its_value_is_not(system: System) -> None:
    with pytest.raises(LaunchError, match="UVOTE_SEALING_KEY") as error:
        await system.start("auth/wrong", sealing_key="not-a-key-at-all")
    assert "not-a-key-at-all" not in str(error.value)


def test_a_port_that_is_taken_is_named_in_a_sentence() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError, match=rf"auth cannot listen on port {port} .*: stop what uses the port"):
            check_ports({"auth": port})
    check_ports({"auth": port})


def test_keys_that_are_kept_are_the_same_at_the_next_start_and_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = Keys.kept_in(path)
    assert Keys.kept_in(path) == keys
    assert path.stat().st_mode & 0o077 == 0
    assert Keys() != keys


def test_a_service_is_told_where_its_callees_are_and_who_may_call() -> None:
    installation = Installation("postgresql://super:secret@/x?host=/somewhere")
    told = installation.environment("ballot")
    assert told["UVOTE_ELECTION_URL"] == "http://127.0.0.1:5003"
    assert "UVOTE_VOTER_URL" not in told
    assert told["UVOTE_DATABASE_URL"].startswith("postgresql://ballot_runtime:")
    assert told["UVOTE_DATABASE_URL"].endswith("@/x?host=/somewhere")
    assert "secret@" not in "".join(told.values())
    assert "UVOTE_DATABASE_URL" not in installation.environment("frontend")


def test_a_service_is_told_of_the_sides_that_it_has_and_where_it_is_watched() -> None:
    collectors = {"identity": "http://i", "ballot": "http://b"}
    watched = Installation("postgresql://x/x", metrics_ports=METRICS_PORTS, collectors=collectors)

    def told(name: str) -> dict[str, str]:
        ours = watched.environment(name).items()
        return {setting: value for setting, value in ours if "METRICS" in setting or "OTLP" in setting}

    identity, ballot = {"UVOTE_OTLP_IDENTITY_ENDPOINT": "http://i"}, {"UVOTE_OTLP_BALLOT_ENDPOINT": "http://b"}
    assert told("auth") == {"UVOTE_METRICS_PORT": "5101", **identity}
    assert told("ballot") == {"UVOTE_METRICS_PORT": "5104", **ballot}
    assert told("frontend") == {"UVOTE_METRICS_PORT": "5106", **identity, **ballot}


def test_an_installation_that_nobody_watches_says_nothing() -> None:
    told = Installation("postgresql://x/x").environment("auth")
    assert not any("METRICS" in setting or "OTLP" in setting for setting in told)
