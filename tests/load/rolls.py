"""Large rolls: how long 100,000 voters take to import and to seal."""

import asyncio
import time
from typing import Any

from services.election.contract import State
from tests.load.worlds import fresh_system
from tests.service.election_world import ALL
from tests.service.harness import System
from tests.service.voter_world import addresses, make_voter_world, roll_of

Row = dict[str, Any]
VOTERS = 100_000
IMPORT_SECONDS, SEALING_SECONDS = 10, 60


async def _import_and_seal(system: System) -> tuple[float, float]:
    async with make_voter_world(system) as world:
        election = await world.draft()
        raw = roll_of(addresses(VOTERS))
        began = time.perf_counter()
        report = await world.import_roll(election, raw)
        imported = time.perf_counter() - began
        assert report.added == VOTERS
        began = time.perf_counter()
        await world.trustee(election)
        await world.test_mail(election)
        await world.election.seal_election(election.id, ALL, bearer=world.tokens["election"])
        while (await world.read(election)).state is not State.SEALED:  # noqa: ASYNC110  # other processes seal
            await asyncio.sleep(0.1)
        return imported, time.perf_counter() - began


async def _measure() -> tuple[float, float]:
    async with fresh_system() as system:
        return await _import_and_seal(system)


def rolls() -> list[Row]:
    """The rows of the table."""
    imported, sealed = asyncio.run(_measure())
    return [
        _row(f"import of {VOTERS} voters", imported, IMPORT_SECONDS),
        _row(f"sealing of {VOTERS} voters", sealed, SEALING_SECONDS),
    ]


def _row(name: str, seconds: float, goal: float) -> Row:
    return {"name": name, "value": seconds, "unit": "s", "goal": f"<= {goal}", "met": seconds <= goal}
