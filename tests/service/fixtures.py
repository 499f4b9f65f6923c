"""The fixtures `system` and `fresh_system`: see harness.py."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.uvote.launcher import Launcher
from services.uvote.postgres import PrivatePostgres
from tests.service.harness import OwnWorkshop, System, Workshop


@pytest.fixture(scope="session")
async def workshop(postgres: PrivatePostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Workshop]:
    """Made once for all systems of this test process."""
    with Launcher() as launcher:
        workshop = Workshop(postgres, launcher, tmp_path_factory.mktemp("logs"))
        await workshop.prepare()
        yield workshop


@pytest.fixture(scope="module")
async def system(workshop: Workshop) -> AsyncIterator[System]:
    """One for the tests of a module, which share its database."""
    async with workshop.system() as system:
        yield system


@pytest.fixture
async def fresh_system(workshop: Workshop) -> AsyncIterator[System]:
    """One for a single test, which may break it."""
    async with workshop.system() as system:
        yield system


@pytest.fixture
async def own_workshop(workshop: Workshop, tmp_path: Path) -> AsyncIterator[OwnWorkshop]:
    """For a test that stops or kills PostgreSQL: `async with own_workshop.system() as system`."""
    own = await asyncio.to_thread(OwnWorkshop, tmp_path, workshop.launcher)
    await own.prepare()
    yield own
    await own.stop_postgres()
    shutil.rmtree(own.postgres.directory)
