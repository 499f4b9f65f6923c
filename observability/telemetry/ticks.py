"""Values that move at ticks only, in steps for which one ballot is too little: no change stands for a single act.

- What is shown is what the last whole tick came to. Ticks are those of the wall clock, the same in every process.
- Steps are rounded down: what a single ballot makes of an idle service is shown as nothing.
- A scrape looks from another thread while work goes on.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from threading import Lock

TICK_SECONDS = 30.0
STEPS = 10
MANY = 10  # ballots, or credentials, behind which a single one cannot be made out

Clock = Callable[[], float]


def steps_of(bound: int) -> int:
    """How many steps a queue of this length is shown in, so that each is MANY ballots; none when it is shorter."""
    return min(STEPS, bound // MANY)


class Ticking(ABC):
    """What begins anew at each tick."""

    def __init__(self, clock: Clock = time.time, part: float = 1) -> None:
        self.seconds = TICK_SECONDS * part
        self.clock = clock
        self.tick = self._now()
        self.lock = Lock()

    def _now(self) -> int:
        return int(self.clock() // self.seconds)

    def turn(self) -> None:
        """Ends the tick if it is over; the caller holds the lock."""
        now = self._now()
        if now != self.tick:
            self.end(followed=now == self.tick + 1)
            self.tick = now

    @abstractmethod
    def end(self, *, followed: bool) -> None:
        """The tick is over; `followed` unless whole ticks have passed in which nothing was noted."""


class MostOfTick(Ticking):
    """The most that a ratio was during the last tick."""

    def __init__(self, steps: int = STEPS, clock: Clock = time.time) -> None:
        super().__init__(clock)
        self.steps = steps
        self.last = self.present = 0.0

    def note(self, ratio: float) -> None:
        """The ratio is this at present."""
        with self.lock:
            self.turn()
            self.present = max(self.present, ratio)

    def read(self) -> float:
        """What the last tick came to."""
        with self.lock:
            self.turn()
            return _rounded(self.last, self.steps)

    def end(self, *, followed: bool) -> None:
        """Nothing was noted in a tick that was left out."""
        self.last, self.present = self.present if followed else 0.0, 0.0


class MeanOfTick(Ticking):
    """The mean of a ratio that is looked at again and again, over the last tick: what is short does not show."""

    def __init__(self, clock: Clock = time.time) -> None:
        super().__init__(clock)
        self.last = self.total = 0.0
        self.looks = 0

    def note(self, ratio: float) -> None:
        """The ratio was this at one more look."""
        with self.lock:
            self.turn()
            self.total += ratio
            self.looks += 1

    def read(self) -> float:
        """What the last tick came to."""
        with self.lock:
            self.turn()
            return _rounded(self.last, STEPS)

    def end(self, *, followed: bool) -> None:
        """Nothing was seen in a tick that was left out."""
        self.last = self.total / self.looks if followed and self.looks else 0.0
        self.total, self.looks = 0.0, 0


class ManyOfTick(Ticking):
    """What MANY of those that were noted in the last tick came to at least, each named once; 0 when they were fewer."""

    def __init__(self, clock: Clock = time.time) -> None:
        super().__init__(clock)
        self.last = 0.0
        self.present: dict[Hashable, float] = {}

    def note(self, name: Hashable, ratio: float) -> None:
        """One of them came to this."""
        with self.lock:
            self.turn()
            self.present[name] = max(ratio, self.present.get(name, 0.0))

    def read(self, steps: int) -> float:
        """What the last tick came to."""
        with self.lock:
            self.turn()
            return _rounded(self.last, steps)

    def end(self, *, followed: bool) -> None:
        """Nothing was noted in a tick that was left out."""
        noted = sorted(self.present.values(), reverse=True) if followed else []
        self.last = noted[MANY - 1] if len(noted) >= MANY else 0.0
        self.present = {}


class TickedCounts(Ticking):
    """Counts that are shown at ticks, or a `part` of them, in whole steps; what is less waits for the next."""

    def __init__(
        self, show: Callable[[Hashable, float], None], clock: Clock, *, part: float = 1, step: int = 1
    ) -> None:
        super().__init__(clock, part)
        self.show = show
        self.step = step
        self.waiting: dict[Hashable, float] = {}

    def add(self, name: Hashable, amount: float) -> None:
        """That much more of it."""
        with self.lock:
            self.turn()
            self.waiting[name] = self.waiting.get(name, 0.0) + amount

    def look(self) -> None:
        """Somebody is about to read what is shown."""
        with self.lock:
            self.turn()

    def end(self, *, followed: bool) -> None:  # noqa: ARG002  # counts go on, however long nothing came
        """Shows the whole steps."""
        for name, amount in self.waiting.items():
            if whole := amount // self.step * self.step:
                self.show(name, whole)
        self.waiting = {name: rest for name, amount in self.waiting.items() if (rest := amount % self.step)}


def _rounded(ratio: float, steps: int) -> float:
    # A ratio of 3/10 is to be three steps, whatever binary fractions make of it.
    return math.floor(min(1.0, ratio) * steps + 1e-9) / steps if steps else 0.0
