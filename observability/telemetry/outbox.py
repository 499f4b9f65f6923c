"""A bounded queue and a thread of its own before each sink, so that nobody who says something waits for who takes it.

- When the queue is full, because the sink is slow or dead, what comes is dropped and counted.
- What the sink does not take is dropped and counted; nothing is tried twice.
- At the end what is queued is delivered, for a moment that all outboxes share.
- Something may be said while something is said: the collector of garbage runs anywhere, and objects that end may speak.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Dropped = Callable[[str], None]

FLUSH_SECONDS = 2.0
BATCH = 512


class Outbox(Generic[Item]):
    """Delivers items in batches. `dropped` is told the reason of each item that is not delivered."""

    def __init__(
        self, name: str, deliver: Callable[[list[Item]], object], dropped: Dropped, *, room: int, linger: float = 0.0
    ) -> None:
        self.deliver = deliver
        self.dropped = dropped
        self.room = room
        self.linger = linger  # for others to come along
        self.queue: SimpleQueue[Item | None] = SimpleQueue()  # None: the end
        self.ending = Event()
        self.thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins to deliver; not before a fork, which takes no thread along."""
        self.thread.start()

    def put(self, item: Item) -> None:
        """Queues an item; returns at once."""
        if self.queue.qsize() < self.room:
            self.queue.put(item)
        else:
            self.dropped("queue_full")

    def end(self) -> None:
        """Delivers what is queued, now, and nothing that comes later."""
        self.ending.set()
        self.queue.put(None)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self.queue.get()]
            self.ending.wait(self.linger)
            with suppress(Empty):
                while len(batch) < BATCH:
                    batch.append(self.queue.get_nowait())
            ended = None in batch
            self._deliver([item for item in batch if item is not None])

    def _deliver(self, batch: list[Item]) -> None:
        try:
            if batch:
                self.deliver(batch)
        except Exception:  # noqa: BLE001  # whatever it is, the next batch may arrive
            for _ in batch:
                self.dropped("unwritable")


def close(outboxes: Iterable[Outbox[Any]], seconds: float = FLUSH_SECONDS) -> None:
    """Ends all of them, and gives up when that takes too long in total."""
    outboxes, deadline = list(outboxes), time.monotonic() + seconds
    for outbox in outboxes:
        outbox.end()
    for outbox in outboxes:
        if outbox.thread.is_alive():
            outbox.thread.join(max(0.0, deadline - time.monotonic()))
