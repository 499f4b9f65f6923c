"""Work that a service does by itself, again and again, and that survives any failure of one round."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from observability.telemetry.errors import report
from services.shared.metrics import PollWatch
from services.shared.problems import Unavailable

log = structlog.get_logger()


async def _poll(name: str, action: Callable[[], Awaitable[object]], seconds: float) -> None:
    watch = PollWatch(name)
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
        await asyncio.sleep(seconds)


@asynccontextmanager
async def polling(name: str, action: Callable[[], Awaitable[object]], seconds: float) -> AsyncIterator[None]:
    """Runs `action` every `seconds` until the block ends; a round in progress is then cancelled."""
    task = asyncio.create_task(_poll(name, action, seconds))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
