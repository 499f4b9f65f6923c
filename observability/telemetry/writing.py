"""Where lines go: to standard output, and each side's to its collector; nobody who says something waits for either.

Ticked lines are counted and written once per tick, so that none stands for a single act.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from threading import Event, RLock, Thread
from typing import Any

from observability.telemetry.outbox import Dropped, Outbox, close
from observability.telemetry.registry import Side

QUEUE_LINES = 10_000
TICK_SECONDS = 10.0
LINGER_SECONDS = 0.05
DIFFERENT_IN_A_TICK = 1000
STDOUT = 1

Line = dict[str, object]
NO_COLLECTORS: Mapping[Side, Outbox[Line]] = {}


class Writer:
    """Writes lines as JSON to a file descriptor, and hands them to the collector of their side.

    `dropped` is told the reason of each line that is not written there.
    """

    def __init__(
        self,
        dropped: Dropped,
        *,
        collectors: Mapping[Side, Outbox[Line]] = NO_COLLECTORS,
        descriptor: int = STDOUT,
        room: int = QUEUE_LINES,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self.dropped = dropped
        self.collectors = collectors
        self.descriptor = descriptor
        self.stdout = Outbox("stdout", self._write, dropped, room=room, linger=LINGER_SECONDS)
        self.tick_seconds = tick_seconds
        self.ticked: Counter[tuple[tuple[str, object], ...]] = Counter()
        self.lock = RLock()  # see outbox: this thread may be saying something already
        self.ending = Event()
        self.ticks = Thread(target=self._tick, name="log-ticks", daemon=True)

    def start(self) -> None:
        """Begins to write; not before a fork, which takes no thread along."""
        self.stdout.start()
        self.ticks.start()

    def put(self, line: Line) -> None:
        """Queues a line; returns at once."""
        self.stdout.put(line)
        collector = self.collectors.get(Side(str(line["side"])))
        if collector is not None:
            collector.put(line)

    def put_ticked(self, line: Mapping[str, object]) -> None:
        """Counts a line, which is written at the next tick without a time of its own."""
        key = tuple(line.items())
        with self.lock:
            if key in self.ticked or len(self.ticked) < DIFFERENT_IN_A_TICK:
                self.ticked[key] += 1
                return
        self.dropped("queue_full")

    def close(self, others: Iterable[Outbox[Any]] = ()) -> None:
        """Delivers all lines, and what `others` hold, and gives up when that takes too long."""
        self.ending.set()
        self._put_ticked_lines()
        close([self.stdout, *self.collectors.values(), *others])

    def _tick(self) -> None:
        while not self.ending.wait(self.tick_seconds):
            self._put_ticked_lines()

    def _put_ticked_lines(self) -> None:
        with self.lock:
            counted, self.ticked = self.ticked, Counter()
        for key, count in counted.items():
            self.put({"time": timestamp(), **dict(key), "count": count})

    def _write(self, lines: list[Line]) -> None:
        text = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        # Not through sys.stdout: a thread that waits in there would hold up the end of the process.
        while text:
            text = text[os.write(self.descriptor, text) :]


def timestamp() -> str:
    """Now, as lines say it."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
