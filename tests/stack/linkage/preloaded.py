"""The parent of the services' processes for a short day: what ticks every half a minute does so in TICK seconds.

The services are as they are. One that is told where to leak to says besides what the wall keeps in (leaks.py); nothing
in the services themselves can be told to.
"""

import sys

from observability.telemetry import ticks, writing
from services.uvote import preloaded
from tests.stack.linkage.leaks import put_back
from tests.stack.linkage.scale import REAL_TICK, TICK


def shorten_ticks() -> None:
    """Before anything is made that ticks."""
    ticks.TICK_SECONDS *= TICK / REAL_TICK
    lines = writing.Writer.__init__.__kwdefaults__
    assert lines is not None
    lines["tick_seconds"] *= TICK / REAL_TICK


if __name__ == "__main__":
    shorten_ticks()
    put_back()
    sys.exit(preloaded.main())
