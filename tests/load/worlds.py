"""What measurements stand on: a database server, the preloaded parent, and a system of services."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from services.uvote.launcher import Launcher
from services.uvote.postgres import PrivatePostgres
from tests.service.harness import NOBODY, System, Workshop


@asynccontextmanager
async def fresh_system(collectors: Mapping[str, str] = NOBODY) -> AsyncIterator[System]:
    """An empty installation; nothing of it stays."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        Launcher() as launcher,
        PrivatePostgres.start(Path(name), settings={"max_connections": "200"}) as postgres,
    ):
        workshop = Workshop(postgres, launcher, Path(name))
        await workshop.prepare()
        async with workshop.system(collectors=collectors) as system:
            yield system
