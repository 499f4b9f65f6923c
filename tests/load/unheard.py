"""Whether casting keeps its rate when nobody listens: a collector that is silent, and an output that nobody reads.

Two of the same service take turns: what the one says is taken, what the other says is not.
"""

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

from tests.load.casting import QUESTION, ROOT, make_casts, quiet_world
from tests.load.http_load import send_all, wait_for_port
from tests.load.worlds import fresh_system
from tests.service.harness import System, free_port
from tests.service.otlp_sink import otlp_sink

Row = dict[str, Any]

ROUNDS = 7
CASTS = 1000
CLIENTS = 50
GOAL = 0.95


@contextmanager
def full_pipe() -> Iterator[int]:
    """The end of a full pipe that nobody empties."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@asynccontextmanager
async def ballot_at(system: System, collector: str, output: int) -> AsyncIterator[int]:
    """The port of a `ballot` that tells everything to these."""
    port, metrics_port = free_port(), free_port()
    told = system.installation.environment(
        "ballot", port=port, metrics_port=metrics_port, otlp_ballot_endpoint=collector
    )
    command = (sys.executable, "-m", "tests.load.accepting_ballot")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={**os.environ, **told}, stdout=output)
    try:
        await wait_for_port(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _measure() -> tuple[float, float]:
    """Casts per second, heard and unheard."""
    with ExitStack() as stack:
        hearing, silent = stack.enter_context(otlp_sink()), stack.enter_context(otlp_sink("hangs"))
        pipe = stack.enter_context(full_pipe())
        async with (
            fresh_system() as system,
            quiet_world(system) as world,
            ballot_at(system, hearing.url, subprocess.DEVNULL) as heard,
            ballot_at(system, silent.url, pipe) as unheard,
        ):
            poll = await world.poll(CASTS, questions=[QUESTION])
            seconds: dict[int, list[float]] = {heard: [], unheard: []}
            for _ in range(ROUNDS):
                for port, found in seconds.items():
                    casts = await asyncio.to_thread(make_casts, poll)
                    found.append(await send_all(port, casts, CLIENTS))
            # The first round warms up.
            rates = {port: CASTS / statistics.median(found[1:]) for port, found in seconds.items()}
            return rates[heard], rates[unheard]


def unheard() -> list[Row]:
    """The rows of the table."""
    heard, alone = asyncio.run(_measure())
    goal = f">= {GOAL} x ({alone / heard:.2f} x)"
    return [
        {"name": "casts while all telemetry is taken", "value": heard, "unit": "1/s"},
        {"name": "the same while none is", "value": alone, "unit": "1/s", "goal": goal, "met": alone >= GOAL * heard},
    ]
