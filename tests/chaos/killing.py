"""Kills services at random moments, and starts them again.

The moments come from a seed, which is printed: `CHAOS_SEED=... pytest ...` draws the same ones.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.election.client import ElectionClient
from services.election.contract import State
from services.shared.client import Breaker, DependencyDown
from tests.service.harness import System
from tests.service.voter_world import QUICK, eventually

KILLS = 2  # of each victim
PATIENCE_SECONDS = 120  # with services that are killed again and again, and started on a busy machine


def new_chance() -> random.Random:
    """Says its seed, so that a failure can be looked into."""
    seed = int(os.environ.get("CHAOS_SEED", random.getrandbits(32)))
    print(f"CHAOS_SEED={seed}")  # noqa: T201  # pytest shows it when a test fails
    return random.Random(seed)


@asynccontextmanager
async def tormented(system: System, *victims: str, seconds: float) -> AsyncIterator[None]:
    """Starts each victim, and kills it a random while later, at most `seconds`; again; and then lets it live.

    A second replica is killed once and not started again. The block may end before that, and must not count on anybody.
    """
    chance = new_chance()
    async with asyncio.TaskGroup() as torments:
        for victim in victims:
            kills = 1 if "/" in victim else KILLS
            waits = [chance.uniform(0, seconds) for _ in range(kills)]
            torments.create_task(_torment(system, victim, waits, again="/" not in victim))
        yield


async def _torment(system: System, victim: str, waits: list[float], *, again: bool) -> None:
    for wait in waits:
        await begin(system, victim)
        await asyncio.sleep(wait)
        print(f"{victim} is killed after {wait:.3f} s")  # noqa: T201  # the same
        system.kill(victim)
        await system.ended(victim)
    if again:
        await system.start(victim)


async def begin(system: System, name: str) -> None:
    """Starts a service with the usual settings of tests."""
    await system.begin(name, **(QUICK if name == "voter" else {}))


async def start(system: System, *names: str) -> None:
    """The same for several; waits until they are ready."""
    for name in names:
        await begin(system, name)
    await asyncio.gather(*(system.ready(name) for name in names))


async def becomes(system: System, election_id: str, state: State) -> None:
    """Waits for a state of an election, whoever is dead meanwhile."""
    client = ElectionClient(system.url("election"), caller=system.caller("voter"))

    async def reached() -> bool:
        try:
            works = await client.list_work()
        except DependencyDown:
            client.breaker = Breaker()  # patience is ours
            return False
        return any((work.election_id, work.state) == (election_id, state) for work in works)

    try:
        await eventually(reached, PATIENCE_SECONDS)
    finally:
        await client.close()
