"""How the observability servers' programs are found and their processes kept, shown with programs of a few lines."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from services.uvote import stack_programs
from services.uvote.installation import HOST
from services.uvote.launcher import LaunchError
from services.uvote.stack import Running, require_running, stack_running
from services.uvote.stack_programs import MODULES, WANTED, ProgramError, find_programs, fingerprint
from services.uvote.stack_servers import Ports, Server, environment, lay_out
from tests.service.harness import free_port
from tests.service.test_launcher import is_running, wait_for_listener

# Starts one server, says that it has, and waits for its own end.
PROGRAM = """
import sys
from pathlib import Path
from services.uvote.stack import Running
from services.uvote.stack_servers import Server
command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", sys.argv[2])
running = Running(Server("files", command, "", 64), Path(sys.argv[1]), {})
print(running.process.pid, flush=True)
sys.stdin.read()
"""


def write_program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)


def write_all(folder: Path, **majors: int) -> None:
    for module, wanted in WANTED.items():
        for name in wanted.programs.values():
            write_program(folder, name, f"echo {name}, version {majors.get(module, wanted.major)}.1.0")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; what is built goes below it."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def test_programs_on_path_are_used(path: Path) -> None:
    write_all(path)
    found = find_programs(pytest.fail)
    assert found["otelcol"] == path / "otelcol-contrib"
    assert found["promtool"] == path / "promtool"


def test_a_program_of_another_major_version_is_not_used(path: Path) -> None:
    write_all(path, tempo=3)
    with pytest.raises(ProgramError, match="tempo has to be built"):
        find_programs(pytest.fail)


@pytest.mark.parametrize("go", [None, "echo go version go1.25.9 linux/amd64", "echo what"])
def test_a_missing_go_is_said_with_what_to_do(go: str | None, path: Path) -> None:
    if go:
        write_program(path, "go", go)
    with pytest.raises(ProgramError, match=r"needs Go 1\.26 or newer: install it .*or put prometheus and promtool on"):
        find_programs(pytest.fail)


def test_what_is_missing_is_built_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    write_all(path)
    (path / "loki").unlink()
    go = (
        'case "$1" in version) echo go version go1.26.1 x;; *) echo built > "$LOG"; mkdir -p "$6"; : > "$6/loki";; esac'
    )
    write_program(path, "go", go)
    monkeypatch.setenv("LOG", str(path / "log"))
    said: list[str] = []
    found = find_programs(said.append)
    assert found["loki"].exists()
    assert found["loki"].is_relative_to(stack_programs.cache())
    assert [sentence.split()[0] for sentence in said] == ["Building", "Built"]
    (path / "log").unlink()
    assert find_programs(pytest.fail) == found
    assert not (path / "log").exists()


def test_a_failed_build_shows_why_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    write_program(
        path, "go", 'case "$1" in version) echo go version go1.26.1 x;; *) echo no network >&2; exit 1;; esac'
    )
    with pytest.raises(ProgramError, match=r"prometheus could not be built.*\n.*no network"):
        find_programs(print)
    assert list(stack_programs.cache().iterdir()) == []


def test_changed_pins_are_other_programs(tmp_path: Path) -> None:
    for name in ("go.mod", "go.sum"):
        (tmp_path / name).write_bytes((MODULES / "loki" / name).read_bytes())
    assert fingerprint(tmp_path) == fingerprint(MODULES / "loki")
    (tmp_path / "go.sum").write_text("")
    assert fingerprint(tmp_path) != fingerprint(MODULES / "loki")


def test_a_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "log"), str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        supervisor = int(starter.stdout.readline())
        wait_for_listener(port)
        starter.kill()
    wait_until_it_ends(supervisor)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def wait_until_it_ends(pid: int) -> None:
    """The supervisor waits for its server, so it ends last."""
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    server = Server("loki", ("/bin/sh", "-c", "echo out of wood; exit 3"), "http://127.0.0.1:9/ready", 64)
    running = Running(server, tmp_path / "log", {})
    running.process.wait()
    with pytest.raises(LaunchError, match=r"loki has ended with 3.*\n.*out of wood"):
        running.check()
    running.ask_to_end()


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    ports = Ports.free()
    with (
        socket.create_server((HOST, ports.loki)),
        pytest.raises(LaunchError, match=f"loki cannot listen on port {ports.loki}"),
    ):
        stack_running({}, tmp_path, ports, {}).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_is_laid_out_with_this_machines_addresses(tmp_path: Path) -> None:
    ports = Ports.free()
    targets = (lay_out(tmp_path, ports, {}) / "prometheus" / "targets" / "stack.yaml").read_text()
    assert f"{HOST}:{ports.loki}" in targets
    assert environment(tmp_path, ports)["LOKI_PORT"] == str(ports.loki)


def test_whoever_wants_to_send_to_a_stack_that_does_not_run_is_told_how_to_start_it() -> None:
    with pytest.raises(
        LaunchError, match=r"prometheus does not answer at http://127.*: run `\./taskw stack` in another"
    ):
        require_running(Ports.free())


def test_services_that_are_watched_are_in_prometheus_list(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, Ports.free(), {"ballot/2": "http://127.0.0.1:7"})
    targets = yaml.safe_load((folder / "prometheus" / "targets" / "uvote.yaml").read_text())
    assert targets == [{"targets": ["127.0.0.1:7"], "labels": {"job": "ballot"}}]
