"""Services are killed from the close of an election to its result: the result comes, is right, and is the same bytes.

All runs begin with copies of one database, in which the ballots are cast, the close is asked for, and nobody has heard
of it. The trustees post the same shares in all of them, so the whole archive is that of a run in which nobody was
killed.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.election.contract import Question, ScheduleChange, State
from services.result.client import ResultClient
from services.result.contract import PartialDecryption
from services.shared.settings import SERVICES
from tests.chaos.archives import Tool, check, download
from tests.chaos.decryption import insist, make_share
from tests.chaos.killing import becomes, start, tormented
from tests.journeys.elections import Poll, make_stage
from tests.service.harness import System, Workshop

VOTERS = 12
CONCERNED = ("election", "ballot", "voter", "result")
QUESTION = Question(text="Who?", options=["Ann", "Ben", "Cem"])
# Everybody votes for Ann, and the first five change their minds.
VOTES = {"Ann": 7, "Ben": 5, "Cem": 0}


@dataclass(frozen=True)
class Ending:
    """A database in which the close is asked for."""

    system: System
    poll: Poll


@dataclass(frozen=True)
class Undisturbed:
    """What comes when nobody is killed, the shares that were posted, and how many seconds all takes."""

    archive: bytes
    shares: list[PartialDecryption]
    seconds: float


@pytest.fixture(scope="module")
async def ending(workshop: Workshop) -> AsyncIterator[Ending]:
    async with workshop.system() as system:
        async with make_stage(system) as stage:
            system.kill("result")  # counting is not to begin yet
            poll = await stage.opened(VOTERS, trustees=2, questions=[QUESTION])
            await asyncio.gather(*(poll.cast(voter, [[1, 0, 0]]) for voter in range(VOTERS)))
            await asyncio.gather(*(poll.cast(voter, [[0, 1, 0]]) for voter in range(VOTES["Ben"])))
            for name in ("ballot", "voter"):
                system.kill(name)
            change = ScheduleChange(reason="A test.", closes="now")
            await stage.world.election.change_schedule(poll.id, change, bearer=stage.token)
        await system.close()
        yield Ending(system, poll)


@asynccontextmanager
async def continued(workshop: Workshop, ending: Ending) -> AsyncIterator[tuple[System, ResultClient]]:
    """A copy, in which nothing runs."""
    async with workshop.system(like=ending.system) as system:
        result = ResultClient(system.url("result"))
        yield system, result
        await result.close()


async def decrypt(system: System, result: ResultClient, poll: Poll, shares: list[PartialDecryption]) -> None:
    """The trustees post their shares; waits for the result."""
    await asyncio.gather(*(insist(result, poll.uuid, share) for share in shares))
    await becomes(system, poll.id, State.DECRYPTED)


@pytest.fixture(scope="module")
async def undisturbed(workshop: Workshop, ending: Ending) -> Undisturbed:
    poll = ending.poll
    async with continued(workshop, ending) as (system, result):
        began = time.monotonic()
        await start(system, *CONCERNED)
        await becomes(system, poll.id, State.CLOSED)
        keys = enumerate((trustee.private_key for trustee in poll.trustees), start=1)
        shares = [await make_share(result, poll.definition, owner, key) for owner, key in keys]
        await decrypt(system, result, poll, shares)
        seconds = time.monotonic() - began
        return Undisturbed(await download(result, poll.uuid), shares, seconds)


async def test_the_result_is_right(
    undisturbed: Undisturbed, ending: Ending, belenios_tool: Tool, tmp_path: Path
) -> None:
    report = await check(undisturbed.archive, ending.poll.uuid, tmp_path, belenios_tool, complete=True)
    assert report.result == [list(VOTES.values())]


@pytest.mark.parametrize("victims", [*((victim,) for victim in CONCERNED), ("ballot/2",), SERVICES], ids="+".join)
async def test_whoever_is_killed_the_same_is_published(
    workshop: Workshop, ending: Ending, undisturbed: Undisturbed, victims: tuple[str, ...]
) -> None:
    poll = ending.poll
    async with continued(workshop, ending) as (system, result):
        await start(system, *(name for name in CONCERNED if name not in victims))
        async with tormented(system, *victims, seconds=undisturbed.seconds):
            await becomes(system, poll.id, State.CLOSED)
            await decrypt(system, result, poll, undisturbed.shares)
        assert await download(result, poll.uuid) == undisturbed.archive
