"""The writer of lines: a bounded queue and a thread, so that nobody who says something ever waits for who reads it.

- When the queue is full, because nobody reads, lines are dropped and counted.
- At the end, what is queued is written for at most FLUSH_SECONDS.
- Ticked lines are counted and written once per tick, so that none stands for a single act.
- Something may be said while something is said: the collector of garbage runs anywhere, and objects that end may speak.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import RLock, Thread

QUEUE_LINES = 10_000
TICK_SECONDS = 10.0
FLUSH_SECONDS = 2.0
DIFFERENT_IN_A_TICK = 1000
STDOUT = 1

Line = dict[str, object]
Dropped = Callable[[str], None]


class Writer:
    """Writes lines as JSON to a file descriptor. `dropped` is told the reason of each line that is not written."""

    def __init__(
        self,
        dropped: Dropped,
        *,
        descriptor: int = STDOUT,
        room: int = QUEUE_LINES,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self.dropped = dropped
        self.descriptor = descriptor
        self.queue: SimpleQueue[Line | None] = SimpleQueue()
        self.room = room
        self.tick_seconds = tick_seconds
        self.next_tick = time.monotonic() + tick_seconds
        self.ticked: Counter[tuple[tuple[str, object], ...]] = Counter()
        self.lock = RLock()
        self.thread = Thread(target=self._run, name="log-writer", daemon=True)

    def start(self) -> None:
        """Begins to write; not before a fork, which takes no thread along."""
        self.thread.start()

    def put(self, line: Line) -> None:
        """Queues a line; returns at once."""
        if self.queue.qsize() < self.room:
            self.queue.put(line)
        else:
            self.dropped("queue_full")

    def put_ticked(self, line: Mapping[str, object]) -> None:
        """Counts a line, which is written at the next tick without a time of its own."""
        key = tuple(line.items())
        with self.lock:
            if key in self.ticked or len(self.ticked) < DIFFERENT_IN_A_TICK:
                self.ticked[key] += 1
                return
        self.dropped("queue_full")

    def close(self) -> None:
        """Writes what is queued, and gives up when that takes too long."""
        self.queue.put(None)
        self.thread.join(FLUSH_SECONDS)

    def _run(self) -> None:
        while True:
            lines = self._take()
            ended = None in lines
            if ended or time.monotonic() >= self.next_tick:
                lines += self._take_ticked()
            self._write([line for line in lines if line is not None])
            if ended:
                return

    def _take(self) -> list[Line | None]:
        """What is queued, once something is; nothing when a tick is due."""
        lines: list[Line | None] = []
        with suppress(Empty):
            lines.append(self.queue.get(timeout=max(0.0, self.next_tick - time.monotonic())))
            while len(lines) < self.room:
                lines.append(self.queue.get_nowait())
        return lines

    def _take_ticked(self) -> list[Line | None]:
        self.next_tick = time.monotonic() + self.tick_seconds
        with self.lock:
            counted, self.ticked = self.ticked, Counter()
        return [{"time": timestamp(), **dict(key), "count": count} for key, count in counted.items()]

    def _write(self, lines: list[Line]) -> None:
        text = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        try:
            # Not through sys.stdout: a thread that waits in there would hold up the end of the process.
            while text:
                text = text[os.write(self.descriptor, text) :]
        except OSError:
            for _ in lines:
                self.dropped("unwritable")


def timestamp() -> str:
    """Now, as lines say it."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
