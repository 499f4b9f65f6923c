"""What closing costs: from EndBallots to EncryptedTally on the board, after few ballots and after many.

The ballots have the same ciphertexts under different signatures, and their proofs are accepted unseen: neither plays a
part after the close.
"""

import asyncio
import json
import statistics
import time
from typing import Any

import asyncpg

from services.ballot.contract import CREDENTIALS_PAGE
from services.voting.ballot import make_ballot
from tests.load.casting import MANY, QUESTION, program, sign_copy
from tests.load.http_load import post, send_all
from tests.load.worlds import fresh_system
from tests.service.ballot_world import BallotWorld, Poll, make_ballot_world
from tests.service.harness import System, free_port

Row = dict[str, Any]
FEW_BALLOTS, MANY_BALLOTS = 100, 10_000
ROUNDS = 3
GOAL = 1.2


async def _cast_all(poll: Poll, port: int) -> None:
    whole = json.loads(make_ballot(poll.election, poll.voters[0].code, [[1, 0, 0, 0, 0]]))
    del whole["signature"]
    path = f"/v1/elections/{poll.uuid}/ballots"
    await send_all(port, [post(path, sign_copy(poll, whole, voter)) for voter in poll.voters], MANY)


async def _counted(system: System, uuid: str) -> int:
    """How many ballots the running product holds; nobody but the database tells before the close."""
    connection = await asyncpg.connect(system.database_url)
    try:
        return int(await connection.fetchval("SELECT counted FROM result.tallies WHERE uuid = $1", uuid) or 0)
    finally:
        await connection.close()


async def _seconds_to_tally(world: BallotWorld, port: int, ballots: int) -> float:
    """From EndBallots to EncryptedTally, both as anyone sees them on the board."""
    poll = await world.poll(ballots, pages=-(-ballots // CREDENTIALS_PAGE), questions=[QUESTION])
    await _cast_all(poll, port)
    while await _counted(world.system, poll.uuid) < ballots:  # noqa: ASYNC110  # another process counts
        await asyncio.sleep(0.1)
    await poll.change(closes="now")
    end_of_ballots = ballots + 1
    began = await _reached(poll, end_of_ballots)
    return await _reached(poll, end_of_ballots + 1) - began


async def _reached(poll: Poll, height: int) -> float:
    """When the board has reached this height."""
    while (await poll.board()).height < height:  # noqa: ASYNC110  # other processes append
        await asyncio.sleep(0.001)
    return time.perf_counter()


async def _measure() -> tuple[float, float]:
    async with fresh_system() as system:
        await system.start("election", "ballot")
        await system.start("result", poll_seconds=0.01)  # waiting for the next round is the same for all
        port = free_port()
        told = system.installation.environment("ballot", port=port, poll_seconds=1)
        async with make_ballot_world(system) as world, program(port, "tests.load.accepting_ballot", environment=told):
            many = [await _seconds_to_tally(world, port, MANY_BALLOTS)]
            few = [await _seconds_to_tally(world, port, FEW_BALLOTS) for _ in range(3 * ROUNDS)]
            many += [await _seconds_to_tally(world, port, MANY_BALLOTS) for _ in range(ROUNDS - 1)]
            return statistics.median(few), statistics.median(many)


def tallying() -> list[Row]:
    """The rows of the table."""
    few, many = asyncio.run(_measure())
    ratio = many / few
    return [
        {"name": f"EndBallots to EncryptedTally, {FEW_BALLOTS} ballots", "value": few, "unit": "s"},
        {"name": f"EndBallots to EncryptedTally, {MANY_BALLOTS} ballots", "value": many, "unit": "s"},
        {"name": "the second / the first", "value": ratio, "unit": "", "goal": f"<= {GOAL}", "met": ratio <= GOAL},
    ]
