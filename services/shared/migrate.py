"""Brings a service's schema to the version that its code needs.

- Migrations run once each, in the order of their names, each in a transaction of its own.
- Two runs at the same time wait for each other (advisory lock).
- The schema's owner runs them, whoever signs in; the runtime role may not.
"""

import asyncio
from pathlib import Path

import asyncpg

from services.shared.database import Database

SERVICES = Path(__file__).parent.parent
LOCK = 0x75766F7465  # "uvote"


def migrations(service: str) -> list[Path]:
    """The service's migrations in their order."""
    return sorted((SERVICES / service / "migrations").glob("*.sql"))


async def migrate(url: str, service: str) -> list[str]:
    """Applies what is missing, as the owner of the schema, and returns the names."""
    session = {"search_path": service, "application_name": "migrate", "role": f"{service}_owner"}
    connection = await asyncpg.connect(url, server_settings=session)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM schema_version")}
        applied = [path for path in migrations(service) if path.stem not in done]
        for path in applied:
            statements = await asyncio.to_thread(path.read_text)
            async with connection.transaction():
                await connection.execute(statements)
                await connection.execute("INSERT INTO schema_version (name) VALUES ($1)", path.stem)
        return [path.stem for path in applied]
    finally:
        await connection.close()


async def check_schema(database: Database, service: str) -> None:
    """Raises LookupError while the schema lacks a migration that this code needs."""
    async with database.transaction("check_schema", readonly=True) as connection:
        done = {row["name"] for row in await connection.fetch("SELECT name FROM schema_version")}
    missing = [path.stem for path in migrations(service) if path.stem not in done]
    if missing:
        raise LookupError(f"migration {missing[0]} has not run")
