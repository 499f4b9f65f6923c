"""Voters who do over HTTP what the voting page does when something fails.

They keep a ballot's exact bytes until they have its tracker. Before they send the bytes again they ask the board
whether it has them. Nobody looks at the error: whatever may pass by itself is waited out.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from services.voting.ballot import tracker
from tests.chaos.killing import PATIENCE_SECONDS
from tests.service.voter_world import eventually

WAIT_SECONDS = 0.2  # the page waits longer, and longer each time


Attempt = Callable[[bool], Awaitable[object]]  # told whether it is a repetition


class Passing(Exception):
    """A failure that passes by itself."""


@dataclass
class Crowd:
    """Voters of one election. `boards` are the replicas of `ballot`; each attempt goes to any of them."""

    uuid: str
    boards: Sequence[str]
    http: httpx.AsyncClient
    received: list[str] = field(default_factory=list)
    failures: int = 0
    before: int = 0  # trackers of earlier rounds

    @asynccontextmanager
    async def voting(self, ballots: Sequence[bytes]) -> AsyncIterator[None]:
        """Everybody casts a ballot, all at the same time; the block ends when all have their trackers."""
        self.before = len(self.received)
        async with asyncio.TaskGroup() as votes:
            for ballot in ballots:
                votes.create_task(self._vote(ballot))
            yield

    async def _vote(self, ballot: bytes) -> None:
        await self._deliver(ballot)
        self.received.append(tracker(ballot))

    async def load(self, page: str) -> None:
        """One voter opens a page, and presses "reload" until it comes."""
        await self._persist(lambda _: self._ask("GET", page))

    async def reach(self, number: int) -> None:
        """Waits until so many trackers of this round have been received."""

        async def reached() -> bool:
            return len(self.received) - self.before >= number

        await eventually(reached, PATIENCE_SECONDS)

    async def _deliver(self, ballot: bytes) -> None:
        async def attempt(again: bool) -> None:
            board = f"{random.choice(self.boards)}/v1/elections/{self.uuid}"
            if again and (await self._ask("GET", f"{board}/trackers/{_named(ballot)}")).status_code == 200:
                return
            reply = await self._ask("POST", f"{board}/ballots", ballot)
            assert reply.status_code == 200, reply.text
            assert reply.json()["tracker"] == tracker(ballot)

        await self._persist(attempt)

    async def _persist(self, attempt: Attempt) -> None:
        again = False
        while True:
            try:
                await attempt(again)
            except Passing:
                self.failures += 1
                again = True
                await asyncio.sleep(WAIT_SECONDS * random.uniform(0.75, 1.25))
            else:
                return

    async def _ask(self, method: str, url: str, body: bytes | None = None) -> httpx.Response:
        try:
            reply = await self.http.request(
                method, url, content=body, headers={"Content-Type": "application/json"} if body else {}
            )
        except httpx.TransportError as error:
            raise Passing from error
        if reply.status_code >= 500:
            raise Passing
        return reply


def _named(ballot: bytes) -> str:
    """A ballot's tracker as a URL has it."""
    return tracker(ballot).replace("+", "-").replace("/", "_")


@asynccontextmanager
async def gathered(uuid: str, *boards: str) -> AsyncIterator[Crowd]:
    """Voters with a connection each."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits, verify=False) as http:  # noqa: S501  # no TLS on this machine
        yield Crowd(uuid, boards, http)
