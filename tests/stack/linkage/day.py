"""A day of voting on the real services: a rush when it opens, then a quiet time; all that telemetry says is heard.

Half a minute, the tick of what is published, takes TICK seconds here, and all else in proportion.
"""

import asyncio
import math
import random
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from services.ballot.publishing import BATCH
from services.uvote.launcher import Launcher
from services.uvote.postgres import PrivatePostgres
from tests.service.ballot_world import BallotWorld, Poll, make_ballot_world
from tests.service.harness import System, Workshop, free_port
from tests.stack.linkage.adversary import Day, Event, Voter
from tests.stack.linkage.leaks import QUEUE, TRACE_HEADER
from tests.stack.linkage.listening import Ear, collecting, scrape
from tests.stack.linkage.scale import ONSET, QUIET, QUIET_GAPS, RUSH, RUSH_GAP, SCRAPES, SECOND, THINKING, TICK
from tests.stack.linkage.tables import read_columns

LOOKS_EVERY_TICK, LOOKS_EVERY_BATCH = "board every tick", "board every batch"
WATCHED = ("election", "ballot", "result", "frontend")
OPTIONS = 2


Times = tuple[float, float, float]


@dataclass(frozen=True)
class Appointment:
    """When a voter loads the page and casts the ballot, from the opening."""

    page: float
    cast: float


def appointments(chance: random.Random) -> list[Appointment]:
    """The secret order: of each voter of the list the times. In the quiet time more than a tick lies between two."""
    moment, casts = max(THINKING) + chance.uniform(0, ONSET), []
    for number in range(RUSH + QUIET):
        moment += chance.expovariate(1 / RUSH_GAP) if number < RUSH else chance.uniform(*QUIET_GAPS)
        casts.append(moment)
    chance.shuffle(casts)
    return [Appointment(cast - chance.uniform(*THINKING), cast) for cast in casts]


def looks_at_the_board(taken: Sequence[float]) -> dict[str, list[Event]]:
    """What somebody has seen of the public board who looked at it at each tick, or after each whole batch only."""
    looks: dict[str, list[Event]] = {LOOKS_EVERY_TICK: [], LOOKS_EVERY_BATCH: []}
    seen = dict.fromkeys(looks, 0)
    for tick in range(1, math.ceil(max(taken) / TICK) + 2):
        height = sum(moment <= tick * TICK for moment in taken)
        for name, step in ((LOOKS_EVERY_TICK, 1), (LOOKS_EVERY_BATCH, BATCH)):
            if grown := height // step * step - seen[name]:
                looks[name].append(Event(tick * TICK, grown))
                seen[name] += grown
    return looks


@dataclass
class Stage:
    """Running services, and who listens to them."""

    system: System
    world: BallotWorld
    ear: Ear
    metrics: Mapping[str, int]

    async def play(self, seed: int) -> Day:
        """One election; returns what the adversary may know of it, and the pairs."""
        chance = random.Random(seed)
        plan = appointments(chance)
        poll = await self.world.poll(len(plan))
        await self._strangers(poll, chance)
        ballots = [poll.ballot(number, chance.randrange(OPTIONS)) for number in range(len(plan))]
        scraping = asyncio.create_task(scrape(self.ear, self.metrics, SCRAPES))
        opening = time.time() + TICK
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=60, limits=limits) as http:
            told = await asyncio.gather(
                *(
                    self._vote(http, poll, opening, appointment, (poll.voters[number].digest, ballots[number]))
                    for number, appointment in enumerate(plan)
                )
            )
        await asyncio.sleep(2 * TICK)
        scraping.cancel()
        await asyncio.gather(scraping, return_exceptions=True)
        for name in self.metrics:
            self.ear.hear_stdout(name, self.system.log(name))
        return await self._tell(poll, opening, ballots, told)

    async def _strangers(self, poll: Poll, chance: random.Random) -> None:
        """Some people look before it opens, so that not all counts begin their tens at the same voter."""
        board = f"{self.system.url('ballot')}/v1/elections/{poll.uuid}"
        async with httpx.AsyncClient() as http:
            for url in (f"{self.system.url('frontend')}/vote/{poll.uuid}", board, f"{board}/definition"):
                for _ in range(chance.randrange(10)):
                    (await http.get(url)).raise_for_status()

    async def _vote(
        self, http: httpx.AsyncClient, poll: Poll, opening: float, when: Appointment, ballot: tuple[str, bytes]
    ) -> Times:
        """What the voting page and its script do; returns when the page was loaded, the ballot sent, and taken."""
        board = f"{self.system.url('ballot')}/v1/elections/{poll.uuid}"
        digest, content = ballot
        await asyncio.sleep(opening + when.page - time.time())
        page = time.time()
        reply = await _persist(http, "GET", f"{self.system.url('frontend')}/vote/{poll.uuid}")
        headers = {"Content-Type": "application/json", TRACE_HEADER: reply.headers.get(TRACE_HEADER, "")}
        for path in ("", "/definition"):
            await _persist(http, "GET", f"{board}{path}")
        await asyncio.sleep(opening + when.cast - time.time())
        await _persist(http, "GET", f"{board}/credentials/{digest}")
        cast = time.time()
        await _persist(http, "POST", f"{board}/ballots", content=content, headers=headers)
        return page, cast, time.time()

    async def _tell(self, poll: Poll, opening: float, ballots: list[bytes], told: list[Times]) -> Day:
        board, columns = await read_columns(self.system.database_url, poll.uuid, opening)
        positions = {content: position for position, content in enumerate(board)}
        voters = [
            Voter(_to_the_second(page - opening), _to_the_second(cast - opening), positions[ballot])
            for (page, cast, _), ballot in zip(told, ballots, strict=True)
        ]
        sources = {
            name.replace(poll.uuid, "ELECTION"): [
                Event(event.time - opening, event.delta, None if event.link is None else event.link - opening)
                for event in events
                if event.time > opening - 1
            ]
            for name, events in self.ear.events().items()
        }
        sources |= looks_at_the_board([taken - opening for _, _, taken in told])
        return Day(voters, {name: events for name, events in sources.items() if events}, columns, SECOND)


async def _persist(http: httpx.AsyncClient, method: str, url: str, **sent: Any) -> httpx.Response:
    """Asks until there is an answer, as the page does on a machine that is too busy."""
    while (reply := await http.request(method, url, **sent)).status_code >= 500:  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(SECOND)
    return reply.raise_for_status()


def _to_the_second(moment: float) -> float:
    return moment // SECOND * SECOND


@asynccontextmanager
async def staged(launcher: Launcher, *, leaking: bool = False) -> AsyncIterator[Stage]:
    """The services on a database server of their own, whose transactions are therefore theirs alone."""
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        postgres = await asyncio.to_thread(PrivatePostgres.start, place, durable=False)
        stack.push_async_callback(asyncio.to_thread, postgres.stop)
        workshop = Workshop(postgres, launcher, place)
        await workshop.prepare()
        system = await stack.enter_async_context(workshop.system())
        ear = Ear()
        collector = stack.enter_context(collecting(ear))
        metrics = {name: free_port() for name in WATCHED}
        if leaking:
            await _execute(system.database_url, QUEUE)
        for name, port in metrics.items():
            await system.start(name, metrics_port=port, **_told(name, collector, system if leaking else None))
        world = await stack.enter_async_context(make_ballot_world(system))
        yield Stage(system, world, ear, metrics)


def _told(name: str, collector: str, leaking: System | None) -> dict[str, object]:
    """What a service is told besides the usual."""
    told: dict[str, object] = {
        "poll_seconds": 0.5,
        "otlp_identity_endpoint": collector,
        "otlp_ballot_endpoint": collector,
    }
    if name == "ballot":
        told |= {"publish_seconds": TICK}
    if leaking:
        told |= {"leak_to": collector, "leak_queue": leaking.database_url}
    return told


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
