"""`election` is killed while it is being asked and told things: nothing is lost, doubled or half done."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from services.election.audit import verify_chain
from services.election.contract import Election, Replacement, State, Step
from services.shared.client import Refused
from services.shared.problems import Unavailable
from tests.service.election_world import LIST, World, make_world
from tests.service.harness import System

KILLS = 6
EDITS = 150  # more than can be made between the kills


@pytest.fixture
async def world(fresh_system: System) -> AsyncIterator[World]:
    async with make_world(fresh_system) as world:
        yield world


async def insist(world: World, attempt: Callable[[], Awaitable[object]]) -> None:
    """Repeats a call, as the services do, until it is answered."""
    async with asyncio.timeout(120):
        while True:
            try:
                await attempt()
            except Unavailable:
                await asyncio.sleep(0.02)
                for client in (world.anyone, world.voter, world.ballot, world.result):
                    client.breaker.succeeded()  # the caution of the clients would only make this take longer
            else:
                return


async def live(world: World, election: Election) -> None:
    """The reports of a whole life, each repeated until it is answered."""
    facts: dict[Step, dict[str, str | int]] = {
        Step.FREEZE_ROLL: {"voters": 12, "total_weight": 12, "credentials": LIST},
        Step.SET_UP_BOARD: {"event": "e" * 64, "credentials": LIST},
        Step.OPEN_BOARD: {},
        Step.CLOSE_BOARD: {},
        Step.END_BALLOTS: {},
        Step.DESTROY_SECRETS: {},
        Step.POST_TALLY: {"counted": 9, "turnout": 9},
        Step.POST_RESULT: {},
    }
    for step, stated in facts.items():
        await insist(world, lambda step=step, stated=stated: world.report(election, step, **stated))  # type: ignore[misc]  # mypy does not infer defaults of a lambda


async def edit(world: World, election: Election, edits: int) -> None:
    """Edits in a row; an edit that was stored although its answer was lost may be sent again."""
    for number in range(1, edits + 1):
        draft = election.draft.model_copy(update={"name": f"Edit {number}"})
        replacement = Replacement(revision=number, draft=draft)
        await insist(world, lambda it=replacement: world.anyone.replace_draft(election.id, it, bearer=world.token))  # type: ignore[misc]  # the same


async def kill_while(world: World, work: "asyncio.Future[list[None]]") -> None:
    """Kills the service a moment after each start, KILLS times; the work must not be done before."""
    for _ in range(KILLS):
        await asyncio.wait([work], timeout=random.uniform(0.02, 0.1))
        assert not work.done()
        world.system.kill("election")
        await world.system.ended("election")
        await world.system.start("election")


async def test_killed_at_any_moment_every_act_is_done_once(world: World) -> None:
    lives = [await world.sealing() for _ in range(4)]
    drafts = [await world.draft() for _ in range(2)]
    work = asyncio.gather(*(live(world, each) for each in lives), *(edit(world, each, EDITS) for each in drafts))
    await kill_while(world, work)
    await work
    for election in lives:
        assert await world.state(election) is State.DECRYPTED
        actions = await world.actions(election)
        assert len(actions) == len(set(actions)) == 12
    for election in drafts:
        assert (await world.election(election.id)).revision == EDITS + 1
        assert (await world.actions(election)).count("replace_draft") == EDITS
    for election in lives + drafts:
        verify_chain((await world.anyone.export_audit(election.id, bearer=world.token)).splitlines())


async def test_two_replicas_seal_once(world: World) -> None:
    """Both accept the same call at the same time; one edition is frozen, one record written."""
    from services.election.client import ElectionClient
    from tests.service.election_world import ALL

    await world.system.start("election/2")
    other = ElectionClient(world.system.url("election/2"))
    try:
        election = await world.ready()
        attempts = [client.seal_election(election.id, ALL, bearer=world.token) for client in (world.anyone, other) * 3]
        answers = await asyncio.gather(*attempts, return_exceptions=True)
    finally:
        await other.close()
    assert sum(isinstance(answer, Election) for answer in answers) == 1
    assert {answer.type for answer in answers if isinstance(answer, Refused)} == {"wrong-state"}
    assert (await world.actions(election)).count("seal_election") == 1
