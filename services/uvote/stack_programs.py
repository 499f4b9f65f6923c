"""The programs of the observability servers: those on `PATH`, else built once from pinned Go modules into a cache.

A program on `PATH` is used when its major version is the one that our configuration is written for. Each folder of
`observability/stack` is a module; what is built from it is kept under the hash of the folder's files, outside of the
checkout, so that checkouts share it and a changed pin builds anew.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).parents[2] / "observability" / "stack"
GO_FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
COLLECTOR_BUILDER = "go.opentelemetry.io/collector/cmd/builder@v0.159.0"

Say = Callable[[str], None]


class ProgramError(Exception):
    """Why a program is not to be had, in a sentence that says what to do."""


@dataclass(frozen=True)
class Module:
    """What one folder builds: the programs' names there and on `PATH`, and the major version that we configure."""

    programs: Mapping[str, str]
    major: int
    minutes: int


WANTED = {
    "prometheus": Module({"prometheus": "prometheus", "promtool": "promtool"}, major=3, minutes=4),
    "alertmanager": Module({"alertmanager": "alertmanager", "amtool": "amtool"}, major=0, minutes=1),
    "loki": Module({"loki": "loki"}, major=3, minutes=3),
    "tempo": Module({"tempo": "tempo"}, major=2, minutes=4),
    # The plain distribution lacks the processor that redacts.
    "otelcol": Module({"otelcol": "otelcol-contrib"}, major=0, minutes=4),
}


def find_programs(say: Say) -> dict[str, Path]:
    """Return each program's path by its name, building what is missing.

    Raises ProgramError when something is missing and cannot be built.
    """
    found: dict[str, Path] = {}
    for name, module in WANTED.items():
        found |= _on_path(module) or _built(name, module, say)
    return found


def _on_path(module: Module) -> dict[str, Path] | None:
    """All of a module's programs, if they are there in the right version."""
    places = {name: shutil.which(on_path) for name, on_path in module.programs.items()}
    found = {name: Path(place) for name, place in places.items() if place}
    fits = len(found) == len(places) and all(_major(place) == module.major for place in found.values())
    return found if fits else None


def _major(program: Path) -> int | None:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  # found on PATH by its name
    version = re.search(r"version v?(\d+)\.", said.stdout + said.stderr)
    return int(version[1]) if version else None


def _built(name: str, module: Module, say: Say) -> dict[str, Path]:
    folder = cache() / f"{name}-{fingerprint(MODULES / name)}"
    if not folder.exists():
        _build(name, module, folder, say)
    return {program: folder / program for program in module.programs}


def cache() -> Path:
    """Where built programs are kept: outside of any checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uvote" / "stack"


def fingerprint(folder: Path) -> str:
    """Return what a module's files come to: other files, other programs."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _build(name: str, module: Module, folder: Path, say: Say) -> None:
    go = _find_go(name)
    say(f"Building {name} from its sources, this once: about {module.minutes} minutes on two cores ...")
    began = time.monotonic()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="unfinished-") as unfinished:
        steps = _collector_steps if name == "otelcol" else _module_steps
        for command, directory in steps(go, MODULES / name, Path(unfinished)):
            _run(name, command, directory, Path(unfinished))
        _keep(Path(unfinished, "programs"), folder)
    say(f"Built {name} in {time.monotonic() - began:.0f} s; it is kept in {folder}.")


Steps = Iterator[tuple[list[str], Path]]


def _module_steps(go: str, module: Path, unfinished: Path) -> Steps:
    """Commands, each with its directory, that put the programs into `unfinished/programs`."""
    yield [go, "build", *GO_FLAGS, "-o", f"{unfinished}/programs/", "tool"], module


def _collector_steps(go: str, module: Path, unfinished: Path) -> Steps:
    """The same for the collector, whose main function is written by a builder; the pins are ours."""
    yield [go, "install", COLLECTOR_BUILDER], unfinished
    builder = str(unfinished / "bin" / "builder")
    yield [builder, "--skip-get-modules", "--skip-compilation", f"--config={module}/builder.yaml"], unfinished
    source = unfinished / "out"
    for pins in ("go.mod", "go.sum"):
        shutil.copy(module / pins, source)
    yield [go, "build", *GO_FLAGS, "-o", f"{unfinished}/programs/otelcol", "."], source


def _run(name: str, command: list[str], directory: Path, unfinished: Path) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOBIN": str(unfinished / "bin")}
    done = subprocess.run(  # noqa: S603  # Go, and what it has just built
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ProgramError(f"{name} could not be built ({' '.join(command[:2])}):\n{done.stderr[-2000:]}")


def _keep(programs: Path, folder: Path) -> None:
    """Give complete programs their name; another process may have been faster."""
    try:
        programs.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _find_go(name: str) -> str:
    go = shutil.which("go")
    said = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout if go else ""  # noqa: S603  # found on PATH by its name
    version = re.search(r"go(\d+)\.(\d+)", said)
    if go is None or version is None or (int(version[1]), int(version[2])) < (1, 26):
        remedy = f"install it (https://go.dev/dl), or put {' and '.join(WANTED[name].programs.values())} on PATH"
        raise ProgramError(f"{name} has to be built, which needs Go 1.26 or newer: {remedy}.")
    return go
