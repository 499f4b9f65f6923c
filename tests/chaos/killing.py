"""Kills services at random moments, and starts them again.

The moments come from a seed, which is printed: `CHAOS_SEED=... pytest ...` draws the same ones.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.service.harness import System

KILLS = 3  # of each victim


def new_chance() -> random.Random:
    """Says its seed, so that a failure can be looked into."""
    seed = int(os.environ.get("CHAOS_SEED", random.getrandbits(32)))
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # pytest shows it when a test fails
    return random.Random(seed)


@asynccontextmanager
async def tormented(system: System, *victims: str, seconds: float, again: bool = True) -> AsyncIterator[None]:
    """Kills each victim at random moments of the next `seconds` or so while the block runs.

    The victims run when the block is left, unless they are not to be started `again`.
    """
    chance = new_chance()
    plans = {victim: [chance.uniform(0, seconds / KILLS) for _ in range(KILLS)] for victim in victims}
    torments = [asyncio.create_task(_torment(system, victim, plan, again)) for victim, plan in plans.items()]
    yield
    await asyncio.gather(*torments)


async def _torment(system: System, victim: str, waits: list[float], again: bool) -> None:
    for wait in waits if again else waits[:1]:
        await asyncio.sleep(wait)
        print(f"{victim} is killed after {wait:.3f} s")  # noqa: T201  # the same
        system.kill(victim)
        await system.ended(victim)
        if again:
            await system.start(victim)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """How many seconds something takes when nobody is killed."""
    began = time.monotonic()
    await work()
    return time.monotonic() - began
