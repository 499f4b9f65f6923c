"""`uvote migrate [NAME...]`: brings schemas to the version that the code needs.

`prepare` does all that an empty database needs. Migrations run as the owner of each schema, whoever signs in.
"""

import asyncio
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

import asyncpg

from services.shared.migrate import migrate, migrations
from services.shared.settings import SERVICES

ROLES = Path(__file__).parent.parent / "roles.sql"
OWNING = tuple(name for name in SERVICES if name != "frontend")


async def prepare(superuser_url: str, passwords: Mapping[str, str]) -> None:
    """Makes roles, schemas, tables and grants, and sets the passwords of the roles named in `passwords`.

    Raises:
        ExceptionGroup: of the migrations that failed, after all else has been done.
    """
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(ROLES.read_text())
        runs = [migrate(superuser_url, name) for name in OWNING if migrations(name)]
        outcomes = await asyncio.gather(*runs, return_exceptions=True)
        await connection.execute(ROLES.read_text())
        await set_passwords(connection, passwords)
    finally:
        await connection.close()
    if failures := [outcome for outcome in outcomes if isinstance(outcome, Exception)]:
        raise ExceptionGroup("migrations failed", failures)


async def set_passwords(connection: "asyncpg.Connection[asyncpg.Record]", passwords: Mapping[str, str]) -> None:
    """Sets passwords of roles; hashing is PostgreSQL's."""
    for role, password in passwords.items():
        statement = await connection.fetchval(
            "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", role, password
        )
        await connection.execute(statement)


def add_arguments(parser: ArgumentParser) -> None:
    """The services whose schemas to change."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="services (default: all that have a schema)")
    parser.epilog = "UVOTE_OWNER_URL: a login that is the owner of these schemas or may become it."


def run(args: Namespace) -> int:
    """Migrates, saying what was applied."""
    url = os.environ.get("UVOTE_OWNER_URL")
    unknown = set(args.names) - set(OWNING)
    if not url or unknown:
        reason = f"no schema belongs to {', '.join(sorted(unknown))}" if unknown else "UVOTE_OWNER_URL is not set"
        print(f"uvote migrate: {reason}", file=sys.stderr)
        return 2
    for name in args.names or OWNING:
        applied = asyncio.run(migrate(url, name))
        print(f"{name}: {', '.join(applied) or 'nothing to do'}")
    return 0
