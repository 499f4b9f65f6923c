"""What casting costs: the CPU time of server and database per ballot, and whether a crowd is served as fast as a few.

The proofs are accepted unseen, inside the real pool: everything else is as in an election. It is compared with a bare
ASGI application that inserts and commits each body by itself, on the same database server, in the same run.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from services.election.contract import Question
from services.uvote.launcher import Launcher
from services.uvote.postgres import PrivatePostgres
from services.voting.ballot import make_ballot
from services.voting.canonical import base64_digest, render_json
from services.voting.credential import private_key
from services.voting.proofs import prove_knowledge
from tests.load.http_load import cpu_seconds, post, send_all, wait_for_port
from tests.service.ballot_world import BallotWorld, Poll, Voter, make_ballot_world
from tests.service.harness import System, Workshop, free_port

Row = dict[str, Any]

CASTS = 2000
ROUNDS = 3
FEW, MANY = 10, 100
TURN = 400
QUESTION = Question(text="Who?", options=["Ann", "Ben", "Cid", "Dot", "Eve"])
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Server:
    """A process and where it listens."""

    pid: int
    port: int


@dataclass(frozen=True)
class Bench:
    """A service whose workers accept everything, and a bare insert beside it, on one database server."""

    postgres: PrivatePostgres
    world: BallotWorld
    casting: Server
    raw: Server

    async def cpu(self, server: Server, requests: Sequence[bytes]) -> float:
        """CPU milliseconds of a server and the database per request."""
        before = cpu_seconds(server.pid, self.postgres.pid)
        await send_all(server.port, requests, MANY)
        return (cpu_seconds(server.pid, self.postgres.pid) - before) / len(requests) * 1000


def sign_copy(poll: Poll, template: dict[str, Any], voter: Voter) -> bytes:
    """A ballot with the answers of another one, signed by this voter: good but for its proofs."""
    group, secret = poll.election.group, private_key(voter.code, poll.uuid, poll.election.group)
    body = {**template, "credential": voter.credential}
    digest = base64_digest(render_json(body))
    proof = prove_knowledge(group, secret, f"sig|{digest}|")
    return render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}})


def make_casts(poll: Poll) -> list[bytes]:
    """One more cast of each voter."""
    whole = json.loads(make_ballot(poll.election, poll.voters[0].code, [[1, 0, 0, 0, 0]]))
    del whole["signature"]
    path = f"/v1/elections/{poll.uuid}/ballots"
    return [post(path, sign_copy(poll, whole, voter)) for voter in poll.voters]


@asynccontextmanager
async def program(port: int, *arguments: str, environment: Mapping[str, str]) -> AsyncIterator[Server]:
    """A Python program that listens; it is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        await wait_for_port(port)
        yield Server(process.pid, port)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def quiet_world(system: System) -> AsyncIterator[BallotWorld]:
    """`election` and the usual `ballot`, which sets up the boards and otherwise does as little as possible."""
    await system.start("election")
    await system.start("ballot", poll_seconds=1)
    async with make_ballot_world(system) as world:
        yield world


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Bench]:
    """Everything started."""
    with Launcher() as launcher, PrivatePostgres.start(place, settings={"max_connections": "200"}) as postgres:
        workshop = Workshop(postgres, launcher, place)
        await workshop.prepare()
        await _execute(postgres.dsn(), "CREATE DATABASE raw")
        ports = free_port(), free_port()
        async with workshop.system() as system, quiet_world(system) as world:
            told = system.installation.environment("ballot", port=ports[0])
            arguments = ("tests.load.raw_insert", postgres.dsn(database="raw"), str(ports[1]))
            async with (
                program(ports[0], "tests.load.accepting_ballot", environment=told) as casting,
                program(ports[1], *arguments, environment={}) as raw,
            ):
                yield Bench(postgres, world, casting, raw)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as place:
        async with opened(Path(place)) as bench:
            poll = await bench.world.poll(CASTS, questions=[QUESTION])
            return [*await _costs(bench, poll), *await _throughput(bench, poll)]


async def _costs(bench: Bench, poll: Poll) -> list[Row]:
    ours, bare = [], []
    for _ in range(ROUNDS):
        casts = await asyncio.to_thread(make_casts, poll)
        ours.append(await bench.cpu(bench.casting, casts))
        bare.append(await bench.cpu(bench.raw, casts))
    cast, insert = statistics.median(ours), statistics.median(bare)
    ratio = cast / insert
    return [
        {"name": "CPU per cast, proofs accepted", "value": cast, "unit": "ms", "goal": None, "met": None},
        {"name": "CPU per bare insert and commit", "value": insert, "unit": "ms", "goal": None, "met": None},
        {"name": "CPU per cast / bare insert", "value": ratio, "unit": "", "goal": "<= 2", "met": ratio <= 2},
    ]


async def _throughput(bench: Bench, poll: Poll) -> list[Row]:
    """The two crowds take turns, so that whatever else the machine does disturbs both alike."""
    seconds, sent = {FEW: 0.0, MANY: 0.0}, {FEW: 0, MANY: 0}
    for _ in range(ROUNDS):
        casts = await asyncio.to_thread(make_casts, poll)
        for turn, start in enumerate(range(0, len(casts), TURN)):
            clients, part = (FEW, MANY)[turn % 2], casts[start : start + TURN]
            seconds[clients] += await send_all(bench.casting.port, part, clients)
            sent[clients] += len(part)
    few, many = (sent[clients] / seconds[clients] for clients in (FEW, MANY))
    return [
        {"name": f"casts at {FEW} clients", "value": few, "unit": "1/s", "goal": None, "met": None},
        {"name": f"casts at {MANY} clients", "value": many, "unit": "1/s", "goal": f">= {few:.0f}", "met": many >= few},
    ]


def casting() -> list[Row]:
    """The rows of the table."""
    return asyncio.run(_measure())
