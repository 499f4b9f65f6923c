"""How long the six services take from a prepared database to ready."""

import asyncio
import statistics
import time
from typing import Any

from services.shared.settings import SERVICES
from tests.load.worlds import fresh_system
from tests.service.harness import System

Row = dict[str, Any]
ROUNDS = 5


async def _start_once(system: System) -> float:
    began = time.perf_counter()
    await system.start(*SERVICES)
    seconds = time.perf_counter() - began
    await system.close()
    return seconds


async def _measure() -> list[float]:
    async with fresh_system() as system:
        await _start_once(system)  # the parent has loaded everything when the first ones are ready
        return [await _start_once(system) for _ in range(ROUNDS)]


def starting() -> list[Row]:
    """The rows of the table."""
    seconds = statistics.median(asyncio.run(_measure()))
    return [{"name": "six services ready", "value": seconds, "unit": "s", "goal": "<= 1", "met": seconds <= 1}]
