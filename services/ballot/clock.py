"""How far this machine's clock is from the database's. Only that one decides; this one dates lines and spans."""

import time
from dataclasses import dataclass

from services.ballot.metrics import clock_offset
from services.ballot.store import Store

CLOCK_SECONDS = 10
PARTS = 2  # of a second: what an answer takes on its way is no difference


@dataclass(frozen=True)
class ClockWatch:
    """Compares the two."""

    store: Store

    async def look(self) -> None:
        """Once."""
        async with self.store.database.transaction("read_clock", readonly=True) as connection:
            asked = time.time()
            theirs = (await self.store.read_clock(connection)).timestamp()
            ours = (asked + time.time()) / 2
        clock_offset.set(round((theirs - ours) * PARTS) / PARTS)
