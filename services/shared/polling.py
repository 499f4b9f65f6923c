"""Work that a service does by itself, again and again, and that survives any failure of one round.

Rounds begin at fixed times, however long they take: how many there were, which other services count, does not tell how
much there was to do. A round that takes longer than that leaves out those that it covers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from observability.telemetry.errors import report
from services.shared.metrics import PollWatch
from services.shared.problems import Unavailable

log = structlog.get_logger()


def until_next(seconds: float, passed: float) -> float:
    """How long to rest when so much time has passed since the first round began."""
    return seconds - passed % seconds if seconds else 0


async def _poll(name: str, action: Callable[[], Awaitable[object]], seconds: float) -> None:
    watch, began = PollWatch(name), time.monotonic()
    while True:
        outcome = "failed"
        try:
            await action()
            outcome = "done"
        except Unavailable:
            log.warning("poll_waits", poll=name)
        except Exception as error:  # noqa: BLE001  # the next round tries again; the log names the kind alone
            log.error("poll_failed", poll=name, error=type(error).__name__)
            report(error)
        watch.note(outcome)
        await asyncio.sleep(until_next(seconds, time.monotonic() - began))


@asynccontextmanager
async def polling(name: str, action: Callable[[], Awaitable[object]], seconds: float) -> AsyncIterator[None]:
    """Runs `action` every `seconds` until the block ends; a round in progress is then cancelled."""
    task = asyncio.create_task(_poll(name, action, seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
