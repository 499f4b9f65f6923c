"""An election from draft to archive, as its organiser and the reporting services see it."""

from collections.abc import AsyncIterator

import pytest

from services.election.contract import State, Step
from tests.service.election_world import World, make_world
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def test_an_election_lives_from_draft_to_archive(world: World) -> None:
    election = await world.decrypted()
    await world.anyone.publish_result(election.id, bearer=world.token)
    assert await world.owed(election) == {}
    archiving = await world.anyone.archive_election(election.id, bearer=world.token)
    assert archiving.state is State.PUBLISHED
    assert await world.owed(election) == {"voter": [Step.APPLY_RETENTION]}
    await world.report(election, Step.APPLY_RETENTION)
    assert await world.state(election) is State.ARCHIVED
    assert await world.owed(election) == {}
