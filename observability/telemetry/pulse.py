"""What every process looks at twice a second: how long it had to wait itself, its processor and memory, and its pools.

- Looking takes place whether anything goes on or not, and what is seen goes into ticks: no single act of work shows.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from observability.telemetry.metrics import gauge
from observability.telemetry.ticks import MeanOfTick, MostOfTick

PULSE_SECONDS = 0.5
LAG_BOUND = 2.5  # seconds
MEMORY_BOUND, MEMORY_STEPS = 16 * 2**30, 1024
STATM = Path("/proc/self/statm")  # elsewhere than on Linux memory stays unsaid

cpu_use = gauge("uvote_cpu_use")
memory = gauge("uvote_memory_bytes")
event_loop_lag = gauge("uvote_event_loop_lag_seconds")

looks: list[Callable[[], None]] = []


@asynccontextmanager
async def pulse() -> AsyncIterator[None]:
    """Looks until the block ends."""
    task = asyncio.create_task(_beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _beat() -> None:
    lag, cpu, resident = MostOfTick(), MeanOfTick(), MostOfTick(MEMORY_STEPS)
    event_loop_lag.read_by(lambda: LAG_BOUND * lag.read())
    cpu_use.read_by(cpu.read)
    memory.read_by(lambda: MEMORY_BOUND * resident.read())
    while True:
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(PULSE_SECONDS)
        passed = time.perf_counter() - began
        lag.note((passed - PULSE_SECONDS) / LAG_BOUND)
        cpu.note((time.process_time() - used) / passed)
        resident.note(_resident_bytes() / MEMORY_BOUND)
        for look in looks:
            look()


def _resident_bytes() -> int:
    if not STATM.exists():
        return 0
    return int(STATM.read_text().split()[1]) * resource.getpagesize()
