"""Installs what the tests need besides Python packages, or says in one line what to install.

On Debian as root it installs Debian's packages; elsewhere, and for what Debian could not give, it names what is missing
and ends with status 1: no test is ever left out. When everything is there it only looks, in well under a second.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.uvote.postgres_place import unprivileged_account
from services.uvote.postgres_programs import OLDEST_MAJOR, installed_programs

HERE = Path(__file__).parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
BELENIOS_VERSION = "2.0"


class MissingError(Exception):
    """What the tests cannot do without, in one line that says what to install."""


@dataclass(frozen=True)
class Tool:
    """`name` is what to ask for anywhere; `packages` are Debian's."""

    name: str
    packages: tuple[str, ...]
    is_there: Callable[[], bool]


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def belenios_version() -> str:
    """Return what belenios-tool says of itself, such as "2.0 (20230102)"; nothing when it is not there."""
    if not shutil.which("belenios-tool"):
        return ""
    return subprocess.run(["belenios-tool", "--version"], check=True, capture_output=True, text=True).stdout.strip()


TOOLS = (
    Tool("Chromium", ("chromium",), lambda: find_chromium() is not None),
    Tool(f"belenios-tool {BELENIOS_VERSION}", ("belenios-tool",), lambda: belenios_version() != ""),
    Tool(
        f"PostgreSQL >= {OLDEST_MAJOR}",
        ("postgresql",),
        lambda: next(installed_programs(unprivileged_account()), None) is not None,
    ),
    Tool("Node with npm", ("nodejs", "npm"), lambda: bool(shutil.which("node") and shutil.which("npm"))),
)


def main() -> None:
    missing = missing_tools()
    if missing and is_debian() and os.geteuid() == 0:
        install_packages(missing)
        missing = missing_tools()
    if missing:
        packages = " ".join(package for tool in missing for package in tool.packages)
        names = ", ".join(tool.name for tool in missing)
        raise MissingError(
            f"The tests need {names}: install (on Debian: apt-get install {packages}) and run this again."
        )
    check_belenios_version()
    install_node_packages()


def missing_tools() -> list[Tool]:
    return [tool for tool in TOOLS if not tool.is_there()]


def is_debian() -> bool:
    try:
        return "\nID=debian\n" in "\n" + Path("/etc/os-release").read_text() + "\n"
    except FileNotFoundError:
        return False


def install_packages(tools: list[Tool]) -> None:
    packages = [package for tool in tools for package in tool.packages]
    sys.stderr.write(f"Installing {' '.join(packages)} ...\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_cluster():
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "--quiet=2", *command], check=False, env=environment, stdout=sys.stderr)
            if done.returncode != 0:
                break  # what is missing then is said by name


@contextmanager
def no_cluster() -> Iterator[None]:
    """Let Debian install PostgreSQL's programs without making and starting a database of its own."""
    setting = Path("/etc/postgresql-common/createcluster.d/uvote-tests.conf")
    setting.parent.mkdir(parents=True, exist_ok=True)
    setting.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        setting.unlink()


def check_belenios_version() -> None:
    version = belenios_version()
    if not version.startswith(f"{BELENIOS_VERSION} ") and not version.startswith(f"{BELENIOS_VERSION}."):
        raise MissingError(
            f"The tests need belenios-tool {BELENIOS_VERSION}, and found {version}: install that version."
        )
    sys.stderr.write(f"belenios-tool {version}\n")


def install_node_packages() -> None:
    """Install exactly what the lock says, unless that is what was installed last."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = HERE / "node_modules" / "installed-lock.json"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    if subprocess.run(["npm", "ci", "--loglevel=error"], cwd=HERE, check=False, stdout=sys.stderr).returncode != 0:
        raise MissingError("npm could not install the packages of tests/package-lock.json: see above, run this again.")
    stamp.write_bytes(lock)


if __name__ == "__main__":
    try:
        main()
    except MissingError as missing:
        sys.exit(str(missing))
