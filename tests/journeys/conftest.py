"""Fixtures of the journeys: see elections.py."""

from collections.abc import AsyncIterator

import pytest

from tests.journeys.elections import Stage, make_stage
from tests.service.harness import System


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    """All services with an organiser, for the tests of a module."""
    async with make_stage(system) as stage:
        yield stage
