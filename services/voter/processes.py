"""Processes for work that would keep requests waiting.

- They end with ours, however that ends.
- Requests come first where nobody waits for the work.
"""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare(niceness: int) -> None:
    # A worker waits on a pipe whose other end it holds itself, so it would never learn that its parent was killed.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(niceness)


@asynccontextmanager
async def processes(number: int | None = None, *, niceness: int = 0) -> AsyncIterator[ProcessPoolExecutor]:
    """A pool of this many processes (one for each core when None), for as long as the block lasts."""
    context = multiprocessing.get_context("spawn")  # a fork would copy our threads' locks and connections
    pool = ProcessPoolExecutor(number or os.cpu_count(), context, _prepare, (niceness,))
    try:
        yield pool
    finally:
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)
