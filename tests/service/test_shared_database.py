"""The database's promises: what is acknowledged is stored, every wait is bounded, no error carries a row."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.shared.database import CommitUncertain, Database, DatabaseUnavailable

# What PostgreSQL says when the wait for a standby is cancelled is a warning at COMMIT; so is this.
WARN_AT_COMMIT = """
CREATE TABLE uncertain (id int);
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'not sure'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON uncertain DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION warn();
CREATE TABLE certain (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(fresh_database)
    await connection.execute(WARN_AT_COMMIT)
    await connection.close()
    database = await Database.open(fresh_database, schema="public", connections=2)
    yield database
    await database.close()


async def run(database: Database, *statements: str) -> None:
    """One transaction."""
    async with database.transaction("run") as connection:
        for statement in statements:
            await connection.execute(statement)


async def stored(database: Database) -> int:
    """How many rows are in `certain`."""
    async with database.transaction("count", readonly=True) as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM certain")
        return found


INSERT = "INSERT INTO certain VALUES (1)"


async def test_a_transaction_that_ends_without_an_error_is_committed(database: Database) -> None:
    await run(database, INSERT)
    assert await stored(database) == 1


async def test_a_commit_that_ends_with_a_warning_is_no_acknowledgement(database: Database) -> None:
    for _ in range(3):
        with pytest.raises(CommitUncertain) as refusal:
            await run(database, "INSERT INTO uncertain VALUES (1)")
        assert refusal.value.status == 503
        assert "Retry-After" in refusal.value.headers
    await run(database, INSERT)


async def test_a_warning_before_the_commit_is_no_doubt_about_it(database: Database) -> None:
    await run(database, "DO $$ BEGIN RAISE WARNING 'never mind'; END $$", INSERT)
    assert await stored(database) == 1


async def test_a_commit_that_fails_is_an_error_and_leaves_the_connection_usable(database: Database) -> None:
    for _ in range(4):
        with pytest.raises(asyncpg.UniqueViolationError):
            await run(database, INSERT, INSERT)
    assert await stored(database) == 0


async def test_an_error_on_the_way_rolls_back(database: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await run(database, INSERT, "SELECT 1/0")
    assert await stored(database) == 0


async def test_commits_are_synchronous_and_waits_are_bounded(database: Database) -> None:
    async with database.transaction("show") as connection:
        for setting, bounded in (
            ("synchronous_commit", "on"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("statement_timeout", "1min"),
            ("TimeZone", "UTC"),
        ):
            assert await connection.fetchval("SELECT current_setting($1)", setting) == bounded


async def test_waiting_for_a_lock_ends_in_a_refusal(database: Database) -> None:
    async with database.transaction("hold") as holder:
        await holder.execute("LOCK certain")
        with pytest.raises(DatabaseUnavailable):
            await run(database, "SET LOCAL lock_timeout = '10ms'", "SELECT FROM certain")


async def test_a_database_that_cannot_be_reached_is_a_refusal_without_its_address() -> None:
    database = await Database.open("postgresql://ada:secret@/x?host=/nowhere", schema="public")
    with pytest.raises(DatabaseUnavailable) as refusal:
        await database.ping()
    assert "nowhere" not in str(refusal.value.body())
    assert "secret" not in str(refusal.value.body())
    await database.close()


CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def test_an_idle_connection_that_is_cut_is_a_refusal_at_most_once(
    database: Database, fresh_database: str
) -> None:
    await run(database, INSERT)
    superuser = await asyncpg.connect(fresh_database)
    await superuser.execute(CUT)
    await superuser.close()
    with contextlib.suppress(DatabaseUnavailable):
        await database.ping()
    assert await stored(database) == 1


async def test_a_transaction_that_is_cut_is_a_refusal_and_leaves_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await run(database, INSERT, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert await stored(database) == 0
