"""`uvote demo`: a whole election on this machine, and a second one that waits for the reader's ballot.

Everything is real but the people: PostgreSQL, the six services, mails over SMTP, ballots over HTTP, the archive.
Nothing leaves the machine, and when it ends nothing of it runs or stays.
"""

import asyncio
import hashlib
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from services.auth.contract import Credentials
from services.election.contract import Election, Question
from services.shared.problems import Unavailable
from services.uvote.installation import METRICS_PORTS, PORTS, Installation
from services.uvote.launcher import Launcher, LaunchError, check_ports, running
from services.uvote.mailbox import Mailbox, mailbox_running
from services.uvote.people import Everyone, Organiser, Voters, decrypt, read_result
from services.uvote.postgres import PostgresError, locate_database
from services.uvote.stack import require_running
from services.uvote.stack_servers import Ports

METRICS_OF = {name: f"{name}'s metrics" for name in PORTS}
USUAL_PORTS = {**PORTS, "mailbox": 5080, **{METRICS_OF[name]: port for name, port in METRICS_PORTS.items()}}
FULL = 20 * 2**20  # bytes that may be free on a disk that is full: PostgreSQL's log grows by 16 MiB at a time
INTERRUPTED = 130
ORGANISER = "organiser@example.org"
BOARD = [
    Question(text="Who shall chair the club?", options=["Ada", "Ben", "Cleo", "Dora", "Emil"]),
    Question(text="Which boats shall we buy?", options=["A double scull", "An eight", "A canoe"], minimum=0, maximum=3),
    Question(text="Shall the statutes be changed?", options=["Yes", "No"], blank=True),
]
COURTYARD = [
    Question(text="What shall we plant in the courtyard?", options=["A lime tree", "Roses", "Herbs", "A fig", "Grass"])
]


class Stage:
    """What the reader sees: numbered sentences, with the time that each act took."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.act = 0

    def say(self, sentence: str) -> None:
        """A sentence of its own."""
        print(sentence, flush=True)

    def play(self, sentence: str) -> None:
        """The next act."""
        self.act += 1
        self.say(f"{self.act:>3}. [{time.monotonic() - self.began:5.1f} s] {sentence}")

    def progress(self, done: int, of: int) -> None:
        """How far the voters are; only on a terminal, on a line that the next sentence overwrites."""
        if sys.stdout.isatty():
            print(f"\r     {done} of {of} have voted", end="\r" if done < of else "\r\033[K", flush=True)


@dataclass
class Demo:
    """One performance."""

    everyone: Everyone
    mailbox: Mailbox
    installation: Installation
    password: str
    stage: Stage
    summary: dict[str, Any] = field(default_factory=dict)

    async def first_election(self, number: int, out: Path) -> bool:
        """From draft to verified result; True when our verifier accepts the archive."""
        organiser = await Organiser.sign_in(self.everyone, self.mailbox, ORGANISER, self.password)
        election = await organiser.write("Rowing club: board and boats", BOARD, hours=1)
        self.stage.play(f"Olga, the organiser, has written an election with {len(BOARD)} questions.")
        names = [f"voter{index:04}" for index in range(1, number + 1)]
        added = await organiser.import_roll(election, names)
        self.stage.play(f"She has imported a roll of {added} voters and received the test mail.")
        trustees = await organiser.invite(election, ["Tom", "Uma"])
        self.stage.play("Tom and Uma, the trustees, have each made a key; both are needed to open the result.")
        election = await organiser.seal(election)
        self.stage.play("The election is sealed and open: the roll is frozen, each voter has a code, mails go out.")
        voters = Voters(self.everyone, self.mailbox, election)
        trackers = await voters.vote(names, lambda done: self.stage.progress(done, number))
        self.stage.play(f"{len(trackers)} voters have opened their mails and cast encrypted ballots.")
        closed = await organiser.close(election)
        self.stage.play(f"Voting is closed. The encrypted tally of {closed.counted} ballots is on the public board.")
        await decrypt(self.everyone, election, trustees)
        await organiser.publish(election)
        self.stage.play("Tom and Uma have decrypted the tally, no single ballot. The result is published:")
        await self._show_result(election)
        archive = out / "election.bel"
        await self._download(election, archive)
        return await self._verify(election, archive, trackers)

    async def _show_result(self, election: Election) -> None:
        result = await read_result(self.everyone, election.uuid)
        for question in result.questions:
            votes = ", ".join(f"{option.option} {option.votes}" for option in question.options)
            blank = "" if question.blank is None else f", blank {question.blank}"
            self.stage.say(f"          {question.question} {votes}{blank}")
        self.summary |= {"uuid": election.uuid, "result": result.model_dump(mode="json")}

    async def _download(self, election: Election, archive: Path) -> None:
        digest = hashlib.sha256()
        async with self.everyone.result.download_archive(election.uuid) as response:
            with archive.open("wb") as file:
                async for piece in response.aiter_raw():
                    digest.update(piece)
                    file.write(piece)
                length = file.tell()
        self.summary |= {"archive_sha256": digest.hexdigest(), "archive_bytes": length}

    async def _verify(self, election: Election, archive: Path, trackers: Sequence[str]) -> bool:
        accepted = await _succeeds(sys.executable, "-m", "services.uvote", "verify", str(archive))
        self.stage.play(f"`uvote verify` has recomputed everything from the archive: it {_says(accepted)}.")
        foreign = await _belenios(election, archive)
        if foreign is not None:
            self.stage.play(f"`belenios-tool`, which others have written, {_says(foreign)} it too.")
        found = [await self.everyone.ballot.look_up_tracker(election.uuid, tracker) for tracker in trackers]
        counting = sum(status.status == "counts" for status in found)
        self.stage.play(f"All {counting} trackers that voters kept are on the board.")
        verdict = {"uvote": accepted, "belenios-tool": foreign, "trackers_on_board": counting}
        self.summary |= {"accepted": verdict, "voters": len(trackers)}
        return accepted and foreign is not False and counting == len(trackers)

    async def second_election(self) -> str:
        """Opens an election that waits for the reader; returns their address."""
        session = await self.everyone.auth.sign_in(Credentials(email=ORGANISER, password=self.password))
        organiser = Organiser(self.everyone, self.mailbox, session)
        election = await organiser.write("What shall we plant?", COURTYARD, hours=24 * 7)
        await organiser.import_roll(election, ["you", *(f"neighbour{index:02}" for index in range(1, 12))])
        await organiser.invite(election, ["Tom"])
        election = await organiser.seal(election)
        await self.mailbox.wait_for("you@example.org", election.uuid)
        return "you@example.org"


def _says(accepted: bool) -> str:  # noqa: FBT001  # a verdict is a truth
    return "accepts" if accepted else "REJECTS"


async def _succeeds(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return await process.wait() == 0


async def _belenios(election: Election, archive: Path) -> bool | None:
    """What belenios-tool says; None where it is not installed. It wants a directory with exactly one archive."""
    tool = shutil.which("belenios-tool")
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        shutil.copy(archive, Path(directory, f"{election.uuid}.bel"))
        return await _succeeds(tool, "election", "verify", "--dir", directory)


@asynccontextmanager
async def _own_database(server: str, directory: Path) -> AsyncIterator[str]:
    """A database of the demo's own on the server, dropped at the end."""
    name = f"uvote_demo_{secrets.token_hex(4)}"
    try:
        connection = await asyncpg.connect(server)
    except OSError as error:
        raise PostgresError(f"No PostgreSQL answers where DATABASE_URL says: {error.strerror or error}.") from None
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    except Exception:
        if shutil.disk_usage(directory).free < FULL:  # which shows itself in many ways
            raise PostgresError(f"The disk of {directory} is full: free 100 MB there and run this again.") from None
        raise
    finally:
        with suppress(OSError, asyncpg.PostgresError):  # a server that is gone keeps no connection either
            connection = await asyncpg.connect(server)
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await connection.close()


@asynccontextmanager
async def _open(server: str, launcher: Launcher, args: Namespace, logs: Path, stage: Stage) -> AsyncIterator[Demo]:
    ports = _ports(free=args.once and not args.stack)
    async with AsyncExitStack() as opened:
        mailbox, smtp_port = await opened.enter_async_context(mailbox_running(ports["mailbox"]))
        database = await opened.enter_async_context(_own_database(server, logs))
        installation = Installation(
            database,
            ports=ports,
            smtp_port=smtp_port,
            overrides=OVERRIDES,
            metrics_ports={name: ports[own] for name, own in METRICS_OF.items()},
            collectors=Ports().collectors if args.stack else {},
        )
        await opened.enter_async_context(running(launcher, installation, logs))
        everyone = Everyone.at(installation)
        opened.push_async_callback(everyone.close)
        stage.play("PostgreSQL, the six services and a mailbox are running.")
        yield Demo(everyone, mailbox, installation, secrets.token_urlsafe(12), stage)


# A demo need not wait for ballots on slow lines, nor be polite to a mail server.
OVERRIDES = {"ballot": {"append_grace_seconds": 1}, "voter": {"mails_per_minute": 60_000}}


async def _perform(args: Namespace, server: str, launcher: Launcher, directory: Path, stage: Stage) -> int:
    async with _open(server, launcher, args, directory, stage) as demo:
        if not args.once:
            stage.say(_addresses(demo))
        accepted = await demo.first_election(args.voters, args.out or directory)
        if args.out:
            (args.out / "summary.json").write_text(json.dumps(demo.summary, indent=1, sort_keys=True) + "\n")
            stage.say(_what_was_written(args.out))
        if args.once:
            return 0 if accepted else 1
        reader = await demo.second_election()
        stage.play("A second election is open, and an invitation waits for you.")
        stage.say(_what_to_open(demo, reader))
        await asyncio.Event().wait()
    return 0


def _ports(*, free: bool) -> dict[str, int]:
    """The usual ports, or any free ones when nobody will open a page or scrape."""
    if not free:
        return USUAL_PORTS
    with ExitStack() as opened:
        probes = {name: opened.enter_context(socket.socket()) for name in USUAL_PORTS}
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {name: probe.getsockname()[1] for name, probe in probes.items()}


def _addresses(demo: Demo) -> str:
    return (
        f"\n     Open    {demo.installation.public_url('frontend')}\n"
        f"     Mailbox http://localhost:{demo.installation.ports['mailbox']}\n"
    )


def _what_was_written(out: Path) -> str:
    archive = out / "election.bel"
    return f"""
     The archive    {archive}  (check it yourself: .venv/bin/uvote verify {archive})
     In numbers     {out / "summary.json"}
"""


def _what_to_open(demo: Demo, reader: str) -> str:
    first = demo.summary["uuid"]
    pages = demo.installation.public_url("frontend")
    return f"""
     Vote           http://localhost:{demo.installation.ports["mailbox"]}/?to={reader}  (press the mail's link)
     The result     {pages}/election/{first}/result
     Its board      {pages}/election/{first}/board
     Organise       {pages}/sign-in  as {ORGANISER}, password {demo.password}

     Ctrl-C ends everything and leaves nothing behind.
"""


@contextmanager
def _directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="uvote-demo-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _end_in_order(_: int, __: FrameType | None) -> None:
    """What else asks us to end is treated as Ctrl-C is."""
    signal.raise_signal(signal.SIGINT)


def add_arguments(parser: ArgumentParser) -> None:
    """What the demo can be told."""
    parser.add_argument("--once", action="store_true", help="run one election, verify it, and end")
    parser.add_argument("--stack", action="store_true", help="send telemetry to the running `./taskw stack`")
    parser.add_argument("--voters", type=int, default=40, metavar="N", help="voters in the first election (40)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write election.bel and summary.json there")
    parser.epilog = "DATABASE_URL names a PostgreSQL server to use instead of a private one (a superuser's login)."


def run(args: Namespace) -> int:
    """Performs. Exit 0: the archive was accepted. 1: it was not, or something is in the way. 130: interrupted."""
    if args.voters < 1:
        print("uvote demo: --voters must be at least 1", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end_in_order)
    stage = Stage()
    try:
        return _set_up_and_perform(args, stage)
    except KeyboardInterrupt:
        stage.say("\n     Ended. Nothing of it runs or stays.")
        return INTERRUPTED if args.once else 0
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except (LaunchError, PostgresError, RuntimeError, Unavailable, asyncpg.PostgresError) as error:
        reason = str(error)
    print(f"uvote demo: {reason}", file=sys.stderr)
    return 1


def _set_up_and_perform(args: Namespace, stage: Stage) -> int:
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    if args.stack:
        require_running(Ports())
    if args.stack or not args.once:
        check_ports(USUAL_PORTS)
    stage.say("A whole election on this machine. Everything is real but the people; nothing leaves the machine.\n")
    # The services' code is loaded while the database starts.
    with Launcher() as launcher, _directory() as directory, locate_database(directory) as server:
        return asyncio.run(_perform(args, server, launcher, directory, stage))
