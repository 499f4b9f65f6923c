"""A clock that stands until it is moved on to the next tick."""

from dataclasses import dataclass

from observability.telemetry.ticks import TICK_SECONDS


@dataclass
class Clock:
    """Begins in the middle of a tick."""

    now: float = TICK_SECONDS * 1_000_000.5

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float = TICK_SECONDS) -> None:
        """The present tick is over."""
        self.now += seconds
