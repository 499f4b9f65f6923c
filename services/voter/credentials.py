"""Computes public credentials in processes of their own, so that requests are answered meanwhile.

- The order of the results is that of the voters, however the work is shared out.
- Nothing is written down on the way: a list beside the voters' ids would tie the roll to the board. Whoever is
  interrupted begins again and finds the same credentials.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from services.voter.codes import public_credentials
from services.voter.processes import processes

CHUNK = 250  # voters; about a third of a second
NICENESS = 5  # requests come first
SMALL = 50  # voters whose credentials are computed before a process has even started


async def compute_credentials(secret: bytes, uuid: str, voter_ids: Sequence[str]) -> AsyncIterator[list[str]]:
    """Yields the public credentials chunk by chunk, in the order of the voters."""
    if len(voter_ids) <= SMALL:
        yield await asyncio.to_thread(public_credentials, secret, uuid, list(voter_ids))
        return
    loop = asyncio.get_running_loop()
    chunks = [list(voter_ids[start : start + CHUNK]) for start in range(0, len(voter_ids), CHUNK)]
    async with processes(niceness=NICENESS) as pool:
        running = [loop.run_in_executor(pool, public_credentials, secret, uuid, chunk) for chunk in chunks]
        try:
            for future in running:
                yield await future
        finally:
            for future in running:
                future.cancel()
