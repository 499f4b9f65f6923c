"""Fixtures of the journeys: services, an open election, voters and their browsers."""

from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
from playwright.async_api import Browser, BrowserContext

from tests.journeys.elections import Invitation, Poll, Stage, make_stage
from tests.journeys.voting_page import VotingPage, new_voting_page
from tests.service.harness import System


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    """All services with an organiser, for the tests of a module."""
    async with make_stage(system) as stage:
        yield stage


@pytest.fixture(scope="module")
async def poll(stage: Stage) -> Poll:
    """An open election."""
    return await stage.opened(
        40, name="Council 2026", description="We elect the council.\n\nCandidates are listed.", zone="Europe/Berlin"
    )


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    """Voters who have not been used yet."""
    return count()


@pytest.fixture
async def invitation(poll: Poll, numbers: Iterator[int]) -> Invitation:
    """A voter's own."""
    return await poll.invitation(next(numbers))


@pytest.fixture
async def tab(profile: BrowserContext, poll: Poll) -> VotingPage:
    """A tab of a fresh browser."""
    return await new_voting_page(profile, poll)


@pytest.fixture
async def other_device(chromium: Browser, poll: Poll) -> AsyncIterator[VotingPage]:
    """A tab of another browser."""
    context = await chromium.new_context()
    yield await new_voting_page(context, poll, "voter-elsewhere")
    await context.close()
