"""A bound on how often something that anybody may ask for is taken note of."""

import time
from collections.abc import Callable


class Rate:
    """So many in each second, and no more."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        self.clock = clock
        self.second = 0
        self.taken = 0

    def admits(self) -> bool:
        """Whether there is room for one more; it is then taken."""
        now = int(self.clock())
        if now != self.second:
            self.second, self.taken = now, 0
        self.taken += 1
        return self.taken <= self.per_second
