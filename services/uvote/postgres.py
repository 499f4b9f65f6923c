"""A PostgreSQL server of our own, for the demo and the tests.

Promises:

* It listens on a Unix socket in a directory that only its user can open, and on no network address.
* It never runs as root.
* It ends with the process that started it, however that ends, `kill -9` included, even while processes forked from it
  live on.
* What it was told is there again at the next start in the same directory.
* It obeys `services/postgresql.conf` whatever other settings it is given.

It blocks while it starts and stops: use it outside any event loop.
"""

import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

from services.uvote.postgres_place import Account, PostgresError, failure, make_place, unprivileged_account
from services.uvote.postgres_programs import Programs, find_programs

__all__ = ["PostgresError", "PrivatePostgres", "locate_database"]

SUPERUSER = "postgres"
SETTINGS_OF_EVERY_SERVER = Path(__file__).parent.parent / "postgresql.conf"

SECONDS_FOR_THE_LAST_SERVER_TO_END = 5
SECONDS_TO_START = 60
SECONDS_TO_STOP = 30

# The lifeline is a pipe: it reads from standard input, and only our process holds the other end, so it closes when we
# end in whatever way. It asks again and again because a server that has just begun still ignores SIGINT ("fast stop").
# The first line on standard output is the server's process id; `wait` keeps that id ours until the asking has ended.
SUPERVISOR = """
umask 077
exec 3<&0 4>&1 </dev/null >"$1" 2>&1
shift
"$@" 3<&- 4>&- &
server=$!
echo "$server" >&4
exec 4>&-
{ read -r _; while kill -INT "$server"; do sleep 0.1; done; } <&3 &
lifeline=$!
exec 3<&-
wait "$server"
status=$?
kill "$lifeline"
exit "$status"
"""

INITIALISE = """
cd "$1" || exit
shift
umask 077
rm -rf data.unfinished
"$@" && mv data.unfinished data
"""


class PrivatePostgres:
    """A running server; make it with `start`.

    `directory` is where its files are (not the one given to `start`, but one below it or, when the server's user cannot
    reach that, one below the system's temporary directory); remove it after `stop` to forget everything. `pid` is the
    server's main process.
    """

    def __init__(self, directory: Path, supervisor: "Popen[bytes]", pid: int) -> None:
        assert supervisor.stdin is not None
        self.directory = directory
        self.pid = pid
        self._supervisor = supervisor
        self._password = (directory / "password").read_text()
        self._lifeline = supervisor.stdin
        # A forked child would hold the pipe open; one that runs another program closes it anyway.
        os.register_at_fork(after_in_child=self._lifeline.close)

    @classmethod
    def start(cls, directory: Path, *, settings: Mapping[str, str] | None = None, durable: bool = True) -> Self:
        """Start the server whose files live below `directory`, making an empty one when there is none.

        Returns when it accepts connections. Without `durable` it is faster, and a crash of the machine (not one of the
        server) may destroy it. Raises PostgresError with a sentence that says what to do.
        """
        account = unprivileged_account()
        place = make_place(directory, account)
        programs = find_programs(account, place, _existing_major(place))
        if not (place / "data").exists():
            _initialise(account, place, programs, durable=durable)
        account.write(place / "data" / "postgresql.conf", _configuration(place, settings or {}, durable=durable))
        deadline = time.monotonic() + SECONDS_FOR_THE_LAST_SERVER_TO_END
        while (server := cls._launch(account, place, programs)) is None:
            if time.monotonic() > deadline:
                raise _in_use(place)
            time.sleep(0.1)
        return server

    @classmethod
    def _launch(cls, account: Account, place: Path, programs: Programs) -> Self | None:
        """Start the server; None when another one still uses its files."""
        log = place / "log"
        command = (programs.folder / "postgres", "-D", place / "data")
        supervisor = account.begin("sh", "-c", SUPERVISOR, "sh", log, *command, stderr=DEVNULL)
        assert supervisor.stdout is not None
        with supervisor.stdout as said:
            pid = said.readline()
        if not pid:
            raise failure(f"write {log}", place, "")
        server = cls(place, supervisor, int(pid))
        try:
            if server._becomes_ready():
                return server
        except BaseException:
            server.stop()
            raise
        server.stop()
        last_words = log.read_text(errors="replace")
        if "lock file" in last_words or "still in use" in last_words:
            return None
        raise failure(f"start PostgreSQL in {place}", place, last_words)

    def _becomes_ready(self) -> bool:
        """Wait for the server to say that it is ready; False when it ends instead."""
        deadline = time.monotonic() + SECONDS_TO_START
        while self._supervisor.poll() is None:
            state = _lines(self.directory / "data" / "postmaster.pid")
            if len(state) > 7 and state[0] == str(self.pid) and state[7].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL is not ready after {SECONDS_TO_START} s: see {self.directory}/log.")
            time.sleep(0.01)
        return False

    def dsn(self, *, user: str = SUPERUSER, password: str | None = None, database: str = "postgres") -> str:
        """Return a URL for asyncpg and libpq. The superuser's password need not be given."""
        if password is None and user == SUPERUSER:
            password = self._password
        who = quote(user, safe="") + ("" if password is None else ":" + quote(password, safe=""))
        where = urlencode({"host": str(self.directory), "port": "5432"})
        return f"postgresql://{who}@/{quote(database, safe='')}?{where}"

    def stop(self) -> None:
        """Stop the server and wait until it has ended; open connections are cut."""
        self._lifeline.close()
        try:
            self._supervisor.wait(SECONDS_TO_STOP)
        except TimeoutExpired:
            os.kill(self.pid, signal.SIGQUIT)  # the supervisor still waits for it, so the id is its own
            self._supervisor.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextmanager
def locate_database(directory: Path) -> Iterator[str]:
    """Yield a superuser's URL: `DATABASE_URL` if set, else that of a private server, forgotten after the block."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    place = make_place(directory, unprivileged_account())
    try:
        with PrivatePostgres.start(directory, durable=False) as server:
            yield server.dsn()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _existing_major(place: Path) -> int | None:
    lines = _lines(place / "data" / "PG_VERSION")
    return int(lines[0]) if lines else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _initialise(account: Account, place: Path, programs: Programs, *, durable: bool) -> None:
    """Make an empty database; it gets its name only when it is complete.

    Text is UTF-8 and sorts by its bytes, which is the same on every machine and in every version of the C library.
    """
    account.write(place / "password", secrets.token_urlsafe(32).encode())
    options = ["--pgdata=data.unfinished", f"--username={SUPERUSER}", "--pwfile=password", "--auth=scram-sha-256"]
    options += ["--encoding=UTF8", "--no-locale", "--no-instructions"] + ([] if durable else ["--no-sync"])
    made = account.run("sh", "-c", INITIALISE, "sh", place, programs.folder / "initdb", *options)
    if made.returncode != 0:
        raise failure(f"make a database in {place}", place, made.stderr)


def _configuration(place: Path, settings: Mapping[str, str], *, durable: bool) -> bytes:
    """Return the server's whole configuration. Of two lines for one setting the last one holds."""
    speed = {} if durable else {"fsync": "off", "full_page_writes": "off"}
    place_and_time = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(place),
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    lines = [f"{name} = '{_quoted(value)}'" for name, value in {**speed, **settings, **place_and_time}.items()]
    return ("\n".join(lines) + "\n" + SETTINGS_OF_EVERY_SERVER.read_text()).encode()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _in_use(place: Path) -> PostgresError:
    holder = (_lines(place / "data" / "postmaster.pid") or ["unknown"])[0]
    return PostgresError(f"Another PostgreSQL (process {holder}) uses {place}: stop it, or choose another directory.")
