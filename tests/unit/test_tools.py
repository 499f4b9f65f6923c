"""The tools that the other tests stand on, and the script that installs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import BrowserContext

from services.uvote.postgres import PrivatePostgres

SETUP = Path(__file__).parent.parent / "setup.py"


async def test_a_fresh_database_is_empty(fresh_database: str) -> None:
    connection = await asyncpg.connect(fresh_database)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


async def test_the_database_server_is_private_to_the_tests(postgres: PrivatePostgres) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    assert await connection.fetchval("SHOW listen_addresses") == ""
    await connection.close()


async def test_a_page_has_web_cryptography_and_a_fresh_profile(profile: BrowserContext) -> None:
    page = await profile.new_page()
    await page.goto("about:blank")
    assert await page.evaluate("typeof BigInt") == "function"
    assert await profile.cookies() == []


def test_belenios_tool_is_of_the_version_that_archives_are_written_for(
    belenios_tool: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    assert belenios_tool("--version").stdout.startswith("2.0")


def test_set_up_names_the_version_of_belenios_tool() -> None:
    done = subprocess.run([sys.executable, SETUP], check=True, capture_output=True, text=True)
    assert done.stderr.startswith("belenios-tool 2.0")


@pytest.mark.parametrize("in_ci", [{}, {"CI": "true"}])
def test_set_up_fails_with_one_line_when_tools_are_missing(in_ci: dict[str, str], tmp_path: Path) -> None:
    """Nothing is on PATH but what finds PostgreSQL, and nothing may be installed."""
    for name in ("sh", "test"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    code = f"import runpy, os; os.geteuid = lambda: 1; runpy.run_path({str(SETUP)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": str(tmp_path), **in_ci},
        check=False,
        capture_output=True,
        text=True,
        cwd=os.fspath(SETUP.parent.parent),
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("The tests need Chromium, belenios-tool 2.0, Node with npm: install")
