"""Values that move at ticks only, so that no change of theirs stands for a single act."""

import math
import time
from collections.abc import Callable

TICK_SECONDS = 30.0
STEPS = 10


class MostOfTick:
    """The most that a ratio was during the last tick, rounded up to a tenth."""

    def __init__(self, seconds: float = TICK_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.clock = clock
        self.tick = self._now()
        self.last = 0.0
        self.present = 0.0

    def note(self, ratio: float) -> None:
        """The ratio is this at present."""
        self._turn()
        self.present = max(self.present, ratio)

    def read(self) -> float:
        """What the last tick came to."""
        self._turn()
        return math.ceil(min(1.0, self.last) * STEPS) / STEPS

    def _now(self) -> int:
        return int(self.clock() // self.seconds)

    def _turn(self) -> None:
        now = self._now()
        if now != self.tick:
            self.last = self.present if now == self.tick + 1 else 0.0
            self.tick, self.present = now, 0.0
