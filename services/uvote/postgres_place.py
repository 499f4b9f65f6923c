"""Who runs the private PostgreSQL, and where its files live.

Promises:

* PostgreSQL never runs as root: root hands it to the user `postgres` or, where there is none, to `nobody`.
* Its place is a directory of mode 0700 of that user's own. The mode and the owner of no existing directory change.
* Files in the place are made and changed as that user only, so a link laid there leads root nowhere.
"""

import hashlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 103  # bytes without the final NUL on macOS; Linux allows 107


class PostgresError(Exception):
    """Why the private PostgreSQL cannot be had, in a sentence that says what to do."""


def failure(purpose: str, place: Path, said: str | bytes) -> PostgresError:
    """Say what a program's last words mean; `purpose` completes the sentence "Cannot ..."."""
    text = said if isinstance(said, str) else said.decode(errors="replace")
    if re.search("No space left on device|Check free disk space", text) or _is_full(place):
        return PostgresError(f"The disk of {place} is full: free about 100 MB there and run this again.")
    errors = re.findall(r"(?:FATAL|PANIC|error): +(.+)", text) or text.split("\n")
    return PostgresError(f"Cannot {purpose}: {errors[0].strip() or 'no reason given'}.")


def _is_full(place: Path) -> bool:
    """A full disk may leave no room for the words that say so."""
    return place.exists() and shutil.disk_usage(place).free < 2**20


@dataclass(frozen=True)
class Account:
    """The operating-system user of the server. `user` and `group` are None when that is who we are already."""

    user: int | None = None
    group: int | None = None

    @property
    def uid(self) -> int:
        return os.geteuid() if self.user is None else self.user

    def begin(self, *command: str | Path, stderr: int) -> "subprocess.Popen[bytes]":
        """Begin a command as this user, with pipes for its input and output.

        It gets a fresh environment: no PGDATA or PGPORT of the caller's, and messages in English, which we read. It has
        its own session: Ctrl-C is for us.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - fixed programs; paths are their arguments, never text for a shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                user=self.user,
                group=self.group,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
            )
        except OSError as error:
            raise PostgresError(f"Cannot run {command[0]} as user {self.uid}: {error.strerror}.") from error

    def run(self, *command: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command as this user, with `given` on its standard input, and keep what it says.

        Whoever interrupts us ends the command too.
        """
        with self.begin(*command, stderr=subprocess.PIPE) as running:
            try:
                said, complained = running.communicate(given)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, running.returncode, said, complained)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that only this user can read."""
        command = ("sh", "-c", 'umask 077; cat >"$1"', "sh", path)
        written = self.run(*command, given=content)
        if written.returncode != 0:
            raise failure(f"write {path}", path.parent, written.stderr)


def unprivileged_account() -> Account:
    """Who runs the server: whoever we are, or somebody who can do less when we are root."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL does not run as root, and no user `postgres` or `nobody` exists: use another user.")


def make_place(directory: Path, account: Account) -> Path:
    """Return the server's own directory, made when it is missing.

    It is `directory`/postgresql when the server's user can reach that and a socket's path there is short enough;
    otherwise a directory under the system's temporary ones whose name depends on `directory` alone, so the next start
    finds it again.
    """
    directory = directory.absolute()
    name = "uvote-" + hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    candidates = [directory / "postgresql", Path(tempfile.gettempdir(), name), Path("/tmp", name)]  # noqa: S108 - checked in _claim
    for place in candidates:
        if _fits_socket(place) and _can_be_reached(place.parent, account):
            return _claim(place, account)
    raise PostgresError(f"User {account.uid} can reach neither {directory} nor /tmp: choose another directory.")


def _fits_socket(place: Path) -> bool:
    return len(os.fsencode(place / SOCKET_NAME)) <= LONGEST_SOCKET_PATH and "," not in str(place)


def _can_be_reached(parent: Path, account: Account) -> bool:
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failure(f"make {parent}", parent, str(error)) from error
    return account.run("test", "-x", parent).returncode == 0


def _claim(place: Path, account: Account) -> Path:
    """Make the place, or see that it is the user's own; anybody can lay something there under a temporary directory."""
    try:
        place.mkdir(mode=0o700)
        if account.user is not None and account.group is not None:
            os.chown(place, account.user, account.group, follow_symlinks=False)
    except FileExistsError:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            message = f"{place} is not a directory that only user {account.uid} can open: remove it and run this again."
            raise PostgresError(message) from None
    except OSError as error:
        raise failure(f"make {place}", place, str(error)) from error
    return place
