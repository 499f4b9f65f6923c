"""What tests of every kind share: a real PostgreSQL, a real browser, Belenios' own tool.

A missing tool fails the test that needs it; nothing is left out silently.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright

from services.uvote.postgres import PrivatePostgres
from tests.setup import belenios_version, find_chromium

# The fixtures `system` and `fresh_system`: real services, for tests of several kinds.
pytest_plugins = ["tests.service.fixtures"]

# A fresh profile that asks nobody for anything: what goes over the network is what our pages ask for.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_report_header() -> str:
    return f"belenios-tool {belenios_version() or 'is missing'}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    """A server of this test process' own; what it holds is gone afterwards."""
    directory = tmp_path_factory.mktemp("postgres")
    with PrivatePostgres.start(directory, settings={"max_connections": "200"}, durable=False) as server:
        yield server
    shutil.rmtree(server.directory)


@pytest.fixture
async def fresh_database(postgres: PrivatePostgres) -> AsyncIterator[str]:
    """A superuser's URL of an empty database, which is dropped afterwards with whoever is still connected."""
    name = f"test_{secrets.token_hex(8)}"
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(database=name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="session")
def belenios_tool() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run it: `belenios_tool("election", "verify", "--dir", folder)`. A failure raises unless `check=False`."""
    assert belenios_version(), "belenios-tool is missing: run ./taskw setup"

    def run(
        *arguments: str | os.PathLike[str], cwd: Path | None = None, given: str = "", check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        command = ["belenios-tool", *arguments]
        return subprocess.run(command, cwd=cwd, input=given, check=check, capture_output=True, text=True)

    return run


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser, without a window."""
    program = find_chromium()
    assert program, "Chromium is missing: run ./taskw setup"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def profile(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile: no cookie, no storage, no cache of another test."""
    context = await chromium.new_context()
    yield context
    await context.close()
