"""How long the six services take from a prepared database to ready, and how much memory each has then."""

import asyncio
import re
import statistics
import time
from pathlib import Path
from typing import Any

from services.shared.settings import SERVICES
from tests.load.worlds import fresh_system
from tests.service.harness import System
from tests.service.otlp_sink import otlp_sink

Row = dict[str, Any]
ROUNDS = 5


async def _start_once(system: System) -> float:
    began = time.perf_counter()
    await system.start(*SERVICES)
    seconds = time.perf_counter() - began
    await system.close()
    return seconds


async def _measure() -> tuple[list[float], float]:
    """Seconds of each start, and the MiB of the largest service while all of them idle, telling all that they can."""
    with otlp_sink() as sink:
        async with fresh_system(collectors=dict.fromkeys(("identity", "ballot"), sink.url)) as system:
            await _start_once(system)  # the parent has loaded everything when the first ones are ready
            seconds = [await _start_once(system) for _ in range(ROUNDS)]
            await system.start(*SERVICES)
            return seconds, max(_resident_mib(system.pid(name)) for name in SERVICES)


def _resident_mib(pid: int) -> float:
    """What a process has in memory, the pages that it shares with its siblings too."""
    (found,) = re.findall(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found) / 1024


def starting() -> list[Row]:
    """The rows of the table."""
    times, mib = asyncio.run(_measure())
    seconds = statistics.median(times)
    return [
        {"name": "six services ready", "value": seconds, "unit": "s", "goal": "<= 1", "met": seconds <= 1},
        {"name": "the largest of them, idle", "value": mib, "unit": "MiB", "goal": "<= 96", "met": mib <= 96},
    ]
