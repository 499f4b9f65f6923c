"""What telemetry costs: CPU per cast and per organiser's page with all of it, against none, in one run.

The same services run twice, side by side: once telling everything (series, lines, spans) to a collector that takes all,
once silent. They take turns; only their own processes are counted, without the database, of which neither has more.
"""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.election.client import ElectionClient
from services.election.contract import NewElection
from services.uvote.launcher import Launcher
from services.uvote.postgres import PrivatePostgres
from tests.load.casting import QUESTION, Server, make_casts, program, quiet_world
from tests.load.http_load import cpu_seconds, send_all
from tests.service.election_world import a_draft
from tests.service.frontend_world import browser_at
from tests.service.harness import System, Workshop, free_port
from tests.service.otlp_sink import otlp_sink

Row = dict[str, Any]

ROUNDS = 5
CASTS = 1000
PAGES = 300
CLIENTS = 20
GOAL = 1.25
MANNERS = ("silent", "telling")


@dataclass(frozen=True)
class Variant:
    """Some services of a system, once more, on ports of their own."""

    system: System
    servers: Sequence[Server]

    async def cpu(self, requests: Sequence[bytes]) -> float:
        """CPU milliseconds of these services per request; the last of them is asked."""
        pids = [server.pid for server in self.servers]
        before = cpu_seconds(*pids)
        await send_all(self.servers[-1].port, requests, CLIENTS)
        return (cpu_seconds(*pids) - before) / len(requests) * 1000


@asynccontextmanager
async def variant(system: System, manner: str, names: Sequence[str], collector: str) -> AsyncIterator[Variant]:
    """These services in this manner; the others are those of the system."""
    ports = {**system.installation.ports, **{name: free_port() for name in names}}
    other = System(system.launcher, replace(system.installation, ports=ports), system.logs)
    async with AsyncExitStack() as stack:
        servers = []
        for name in names:
            told = {"otlp_identity_endpoint": collector, "otlp_ballot_endpoint": collector, "metrics_port": free_port()}
            environment = other.installation.environment(name, **(told if manner == "telling" else {}))
            server = program(ports[name], "tests.load.plain_service", name, manner, environment=environment)
            servers.append(await stack.enter_async_context(server))
        yield Variant(other, servers)


async def _compare(
    system: System, names: Sequence[str], requests: Callable[[Variant], Awaitable[list[bytes]]]
) -> list[float]:
    """The median costs of a request, silent and telling."""
    with otlp_sink() as sink:
        async with AsyncExitStack() as stack:
            both = [await stack.enter_async_context(variant(system, manner, names, sink.url)) for manner in MANNERS]
            costs: list[list[float]] = [[], []]
            for _ in range(ROUNDS + 1):
                for each, found in zip(both, costs, strict=True):
                    found.append(await each.cpu(await requests(each)))
            return [statistics.median(found[1:]) for found in costs]  # the first round warms up


async def _casts(system: System) -> list[float]:
    async with quiet_world(system) as world:
        poll = await world.poll(CASTS, questions=[QUESTION])

        async def requests(_: Variant) -> list[bytes]:
            return await asyncio.to_thread(make_casts, poll)

        return await _compare(system, ["ballot"], requests)


async def _pages(system: System) -> list[float]:
    organiser, tokens = await system.organiser()
    await system.start("election")
    election = ElectionClient(system.url("election"))
    made = await election.create_election(NewElection(draft=a_draft()), bearer=tokens["election"])
    await election.close()

    async def requests(each: Variant) -> list[bytes]:
        async with browser_at(each.system) as browser:
            await browser.sign_in(organiser.email)
            cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        head = f"GET /organise/{made.id}/roll HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nCookie: {cookies}\r\n\r\n"
        return [head.encode()] * PAGES

    return await _compare(system, ["election", "voter", "frontend"], requests)


async def _measure(of: Callable[[System], Awaitable[list[float]]]) -> list[float]:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        Launcher() as launcher,
        PrivatePostgres.start(Path(name), settings={"max_connections": "200"}) as postgres,
    ):
        workshop = Workshop(postgres, launcher, Path(name))
        await workshop.prepare()
        async with workshop.system() as system:
            return await of(system)


def _rows(what: str, costs: list[float]) -> list[Row]:
    silent, telling = costs
    goal, met = f"<= {GOAL} x ({telling / silent:.2f} x)", telling <= GOAL * silent
    return [
        {"name": f"CPU per {what}, silent", "value": silent, "unit": "ms", "goal": None, "met": None},
        {"name": "the same with all telemetry", "value": telling, "unit": "ms", "goal": goal, "met": met},
    ]


def telemetry() -> list[Row]:
    """The rows of the table."""
    casts, pages = (asyncio.run(_measure(of)) for of in (_casts, _pages))
    return [*_rows("cast", casts), *_rows("organiser's page", pages)]
