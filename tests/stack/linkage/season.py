"""Many days of voting: several systems at the same time, each with one election after the other."""

import asyncio

from services.uvote.launcher import Launcher
from tests.stack.linkage.adversary import Day
from tests.stack.linkage.day import staged

DAYS = 2  # that each system plays
KEPT, LEAKING = 8, 4  # systems with all rules on, and with every leak put back
PROGRAM = "tests.stack.linkage.preloaded"


async def play_season() -> tuple[list[Day], list[Day]]:
    """The days with all rules on, and those with the leaks."""
    with Launcher(PROGRAM) as launcher:
        played = await asyncio.gather(
            *(_play(launcher, number, leaking=number >= KEPT) for number in range(KEPT + LEAKING))
        )
    return [day for days in played[:KEPT] for day in days], [day for days in played[KEPT:] for day in days]


async def _play(launcher: Launcher, number: int, *, leaking: bool) -> list[Day]:
    async with staged(launcher, leaking=leaking) as stage:
        return [await stage.play(seed) for seed in range(number * DAYS, (number + 1) * DAYS)]
