"""Every statement of the schema `auth`. A store speaks within one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.auth.refreshing import TokenState
from services.auth.signing import SigningKey
from services.auth.throttling import Attempts, Bucket
from services.shared.database import Connection


@dataclass(frozen=True)
class Account:
    """An organiser with the hash of the password."""

    id: str
    email: str
    name: str
    password_hash: str


class Store:
    """One method for each statement."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def read_clock(self) -> datetime:
        """The database's time, now rather than at the beginning of the transaction."""
        now: datetime = await self.connection.fetchval("-- read_clock\nSELECT clock_timestamp()")
        return now

    async def find_account(self, email_key: str) -> Account | None:
        """By address."""
        row = await self.connection.fetchrow(
            "-- find_account\nSELECT id, email, name, password_hash FROM organisers WHERE email_key = $1", email_key
        )
        return Account(**row) if row else None

    async def read_account(self, organiser_id: str) -> Account | None:
        """By id."""
        row = await self.connection.fetchrow(
            "-- read_account\nSELECT id, email, name, password_hash FROM organisers WHERE id = $1", organiser_id
        )
        return Account(**row) if row else None

    async def lock_account(self, account: Account) -> bool:
        """Keeps the password as it is until the transaction ends; False when it has been changed."""
        return bool(
            await self.connection.fetchval(
                "-- lock_account\nSELECT true FROM organisers WHERE id = $1 AND password_hash = $2 FOR SHARE",
                account.id,
                account.password_hash,
            )
        )

    async def insert_account(self, account: Account, email_key: str) -> bool:
        """False when the address has an account already."""
        return bool(
            await self.connection.fetchval(
                """-- insert_account
                INSERT INTO organisers (id, email, email_key, name, password_hash) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (email_key) DO NOTHING RETURNING true""",
                account.id,
                account.email,
                email_key,
                account.name,
                account.password_hash,
            )
        )

    async def update_password(self, organiser_id: str, password_hash: str) -> None:
        """The new hash."""
        await self.connection.execute(
            "-- update_password\nUPDATE organisers SET password_hash = $2 WHERE id = $1", organiser_id, password_hash
        )

    async def insert_session(self, session_id: str, organiser_id: str, device_id: str) -> None:
        """A new family."""
        await self.connection.execute(
            "-- insert_session\nINSERT INTO sessions (id, organiser_id, device_id) VALUES ($1, $2, $3)",
            session_id,
            organiser_id,
            device_id,
        )

    async def insert_refresh_token(self, digest: bytes, session_id: str) -> None:
        """A token of the family."""
        await self.connection.execute(
            "-- insert_refresh_token\nINSERT INTO refresh_tokens (digest, session_id) VALUES ($1, $2)",
            digest,
            session_id,
        )

    async def lock_session(self, digest: bytes) -> None:
        """Makes others that present a token of the same family wait."""
        await self.connection.execute(
            """-- lock_session
            SELECT FROM sessions WHERE id = (SELECT session_id FROM refresh_tokens WHERE digest = $1) FOR UPDATE""",
            digest,
        )

    async def read_refresh_token(self, digest: bytes) -> TokenState | None:
        """A token with its session."""
        row = await self.connection.fetchrow(
            """-- read_refresh_token
            SELECT session_id, organiser_id, device_id, issued_at, used_at, started_at, ended_at
            FROM refresh_tokens JOIN sessions ON sessions.id = session_id WHERE digest = $1""",
            digest,
        )
        return TokenState(**row) if row else None

    async def mark_used(self, digest: bytes, at: datetime) -> None:
        """The token's successor has been given out."""
        await self.connection.execute(
            "-- mark_used\nUPDATE refresh_tokens SET used_at = $2 WHERE digest = $1", digest, at
        )

    async def end_session(self, session_id: str) -> None:
        """Ends one family."""
        await self.connection.execute(
            "-- end_session\nUPDATE sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL", session_id
        )

    async def end_sessions(self, organiser_id: str, *, but: str | None = None) -> None:
        """Ends all families of an organiser, but for one."""
        await self.connection.execute(
            """-- end_sessions
            UPDATE sessions SET ended_at = now()
            WHERE organiser_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2""",
            organiser_id,
            but,
        )

    async def lock_attempts(self, bucket: Bucket) -> Attempts:
        """What the bucket holds; nobody else counts in it before this transaction ends."""
        row = await self.connection.fetchrow(
            """-- lock_attempts
            INSERT INTO attempts (kind, subject) VALUES ($1, $2)
            ON CONFLICT (kind, subject) DO UPDATE SET kind = excluded.kind RETURNING count, last_at, free_at""",
            bucket.kind,
            bucket.subject,
        )
        assert row is not None
        return Attempts(**row)

    async def update_attempts(self, bucket: Bucket, attempts: Attempts) -> None:
        """What the bucket holds from now on."""
        await self.connection.execute(
            """-- update_attempts
            UPDATE attempts SET count = $3, last_at = $4, free_at = $5 WHERE (kind, subject) = ($1, $2)""",
            bucket.kind,
            bucket.subject,
            attempts.count,
            attempts.last_at,
            attempts.free_at,
        )

    async def delete_attempts(self, bucket: Bucket) -> None:
        """Empties a bucket."""
        await self.connection.execute(
            "-- delete_attempts\nDELETE FROM attempts WHERE (kind, subject) = ($1, $2)", bucket.kind, bucket.subject
        )

    async def take_back_attempt(self, bucket: Bucket) -> None:
        """One attempt fewer."""
        await self.connection.execute(
            """-- take_back_attempt
            UPDATE attempts SET count = greatest(count - 1, 0) WHERE (kind, subject) = ($1, $2)""",
            bucket.kind,
            bucket.subject,
        )

    async def lock_signing_keys(self) -> None:
        """Makes others that would make a key wait."""
        await self.connection.execute(
            "-- lock_signing_keys\nSELECT pg_advisory_xact_lock(hashtext('auth.signing_keys'))"
        )

    async def read_signing_keys(self) -> Sequence[SigningKey]:
        """All of them."""
        rows = await self.connection.fetch(
            "-- read_signing_keys\nSELECT kid, public_key, sealed_key, signs_from FROM signing_keys"
        )
        return [SigningKey(**row) for row in rows]

    async def insert_signing_key(self, key: SigningKey) -> None:
        """A new one."""
        await self.connection.execute(
            """-- insert_signing_key
            INSERT INTO signing_keys (kid, public_key, sealed_key, signs_from) VALUES ($1, $2, $3, $4)""",
            key.kid,
            key.public_key,
            key.sealed_key,
            key.signs_from,
        )

    async def delete_signing_keys(self, kids: Sequence[str]) -> None:
        """Forgets keys whose tokens have all expired."""
        await self.connection.execute(
            "-- delete_signing_keys\nDELETE FROM signing_keys WHERE kid = ANY($1)", list(kids)
        )

    async def delete_old_sessions(self, before: datetime) -> None:
        """Forgets sessions that began so long ago that no token of theirs is worth anything."""
        await self.connection.execute("-- delete_old_sessions\nDELETE FROM sessions WHERE started_at < $1", before)

    async def delete_old_attempts(self, before: datetime) -> None:
        """Forgets counts that nobody added to since."""
        await self.connection.execute("-- delete_old_attempts\nDELETE FROM attempts WHERE last_at < $1", before)
