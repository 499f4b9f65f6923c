"""PostgreSQL: one pool per service, one named transaction per action.

- A transaction that ends without an error has been committed synchronously: a COMMIT that PostgreSQL answers with a
  warning (the wait for the standby was cancelled) raises `CommitUncertain`.
- Every wait is bounded, and a wait that is cut off is no acknowledgement.
- Errors of the connection become a refusal that carries no value of any row.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Self

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from observability.telemetry.calls import in_transaction
from observability.telemetry.registry import Side
from observability.telemetry.side import side_of_work
from services.shared import metrics
from services.shared.problems import Unavailable

log = structlog.get_logger()

Connection = PoolConnectionProxy

ACQUIRE_SECONDS = 5
CLOSE_SECONDS = 5
SESSION = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "statement_timeout": "60s",
    "synchronous_commit": "on",
    "timezone": "UTC",
}


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, has no connection to spare, or did not answer in time."""

    code = "database-unavailable"


class CommitUncertain(DatabaseUnavailable):
    """The transaction may or may not be durable: it must not be acknowledged."""


UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server has said goodbye, and the driver has not yet seen the end
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # what was the primary is one no longer
)


class Database:
    """The connections of one service to its schema."""

    def __init__(self, pool: asyncpg.Pool, service: str, watch: metrics.PoolWatch | None = None) -> None:
        self.pool = pool
        self.service = service
        self.watch = watch

    @classmethod
    async def open(cls, url: str, *, schema: str, connections: int = 8, watched: bool = True) -> Self:
        """A pool that connects when it is first used, so that a service may start before its database.

        One whose connections are kept is always busy, and not watched.
        """
        pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections,
            timeout=ACQUIRE_SECONDS,
            server_settings={"application_name": schema, "search_path": schema, **SESSION},
        )
        return cls(await pool, schema, metrics.PoolWatch(pool) if watched else None)

    async def close(self) -> None:
        """Ends the connections, in the end also those that somebody still holds."""
        if self.watch is not None:
            self.watch.close()
        try:
            await asyncio.wait_for(self.pool.close(), CLOSE_SECONDS)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(
        self,
        name: str,
        *,
        isolation: Literal["read_committed", "repeatable_read", "serializable"] = "read_committed",
        readonly: bool = False,
    ) -> AsyncIterator[Connection]:
        """One action on the database, under the name that it has everywhere.

        Raises:
            DatabaseUnavailable: the database cannot be reached or did not answer in time.
            CommitUncertain: COMMIT ended with a warning.
        """
        warnings: list[str] = []

        def note(_: Any, message: Any) -> None:
            if message.severity_en == "WARNING":
                warnings.append(message.sqlstate)

        try:
            async with self._connection(name) as connection:
                try:
                    async with connection.transaction(isolation=isolation, readonly=readonly):
                        yield connection
                        connection.add_log_listener(note)  # from here on only COMMIT speaks
                finally:
                    connection.remove_log_listener(note)
        except UNREACHABLE as error:
            metrics.database_up.set(0)
            # On the ballot side the name would say that somebody has just looked a tracker up.
            told = None if side_of_work() is Side.BALLOT else name
            log.warning("database_unavailable", transaction=told, error=type(error).__name__)
            raise DatabaseUnavailable("The database does not answer.") from None
        if warnings:
            raise CommitUncertain("The database could not say that this is stored.")

    @asynccontextmanager
    async def _connection(self, name: str) -> AsyncIterator[Connection]:
        with in_transaction(name), metrics.measured_transaction(self.service, name):
            connection = await self._acquire()
            try:
                metrics.database_up.set(1)
                yield connection
            finally:
                await self.pool.release(connection)

    async def _acquire(self) -> Connection:
        began = time.monotonic()
        try:
            return await self.pool.acquire(timeout=ACQUIRE_SECONDS)
        finally:
            metrics.note_wait(time.monotonic() - began)

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers."""
        async with self.transaction("ping", readonly=True) as connection:
            await connection.execute("SELECT 1")
