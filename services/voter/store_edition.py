"""Statements about the editions of an election: what is announced, and the sealed secret of the codes."""

from asyncpg import Record

from services.shared.database import Connection
from services.voter.codes import SealedSecret


class EditionStore:
    """The editions within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def try_lock_work(self, work: str) -> bool:
        """Whether this replica is the one that does this work until the transaction ends."""
        await self.connection.execute(
            """-- try_lock_work
            SELECT set_config('idle_in_transaction_session_timeout', '0', true)"""
        )
        locked: bool = await self.connection.fetchval(
            """-- try_lock_work
            SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))""",
            work,
        )
        return locked

    async def put_announcement(self, election_id: str, uuid: str, announcement: str) -> None:
        """What mails say from now on."""
        await self.connection.execute(
            """-- put_announcement
            INSERT INTO edition (uuid, election_id, announcement) VALUES ($1, $2, $3)
            ON CONFLICT (uuid) DO UPDATE SET announcement = excluded.announcement
            WHERE edition.announcement <> excluded.announcement""",
            uuid,
            election_id,
            announcement,
        )

    async def freeze_roll(self, election_id: str, uuid: str) -> bool:
        """Whether the roll is frozen for this edition now; not if another one holds it, or this one has ended."""
        done = await self.connection.execute(
            """-- freeze_roll
            UPDATE roll SET frozen_uuid = $2
            WHERE election_id = $1 AND (frozen_uuid IS NULL OR frozen_uuid = $2)
              AND EXISTS (SELECT FROM edition WHERE uuid = $2 AND election_id = $1 AND destroyed_at IS NULL)""",
            election_id,
            uuid,
        )
        return done == "UPDATE 1"

    async def unfreeze_roll(self, election_id: str, uuid: str) -> None:
        """The roll may be changed again; election is told of it as it is."""
        await self.connection.execute(
            """-- unfreeze_roll
            UPDATE roll SET frozen_uuid = NULL, sealing_done = 0, revision = revision + 1
            WHERE election_id = $1 AND frozen_uuid = $2""",
            election_id,
            uuid,
        )

    async def put_secret(self, uuid: str, secret: SealedSecret) -> None:
        """Gives the edition its secret, once."""
        await self.connection.execute(
            """-- put_secret
            UPDATE edition SET sealed_key = $2, sealed_secret = $3
            WHERE uuid = $1 AND sealed_key IS NULL AND destroyed_at IS NULL""",
            uuid,
            secret.key,
            secret.secret,
        )

    async def read_secret(self, uuid: str) -> SealedSecret | None:
        """None before the freezing and once destroyed."""
        row = await self.connection.fetchrow(
            """-- read_secret
            SELECT sealed_key, sealed_secret FROM edition WHERE uuid = $1 AND sealed_key IS NOT NULL""",
            uuid,
        )
        return None if row is None else SealedSecret(row["sealed_key"], row["sealed_secret"])

    async def destroy_secret(self, uuid: str) -> None:
        """There is no secret from now on, and will be none."""
        await self.connection.execute(
            """-- destroy_secret
            UPDATE edition SET sealed_key = NULL, sealed_secret = NULL, reminding = false,
              destroyed_at = coalesce(destroyed_at, now())
            WHERE uuid = $1""",
            uuid,
        )

    async def note_progress(self, election_id: str, uuid: str, done: int) -> None:
        """How many codes the sealing has made."""
        await self.connection.execute(
            """-- note_progress
            UPDATE roll SET sealing_done = $3 WHERE election_id = $1 AND frozen_uuid = $2""",
            election_id,
            uuid,
            done,
        )

    async def note_opened(self, uuid: str) -> bool:
        """Whether this is the first time that the opening is seen."""
        done = await self.connection.execute(
            """-- note_opened
            UPDATE edition SET opened = true WHERE uuid = $1 AND NOT opened""",
            uuid,
        )
        return done == "UPDATE 1"

    async def want_reminders(self, uuid: str) -> bool:
        """Notes that reminders are wanted; False when they are already, or some are still on their way."""
        done = await self.connection.execute(
            """-- want_reminders
            UPDATE edition SET reminding = true
            WHERE uuid = $1 AND NOT reminding AND destroyed_at IS NULL
              AND NOT EXISTS (SELECT FROM mail WHERE mail.uuid = $1 AND mail.kind = 'reminder')""",
            uuid,
        )
        return done == "UPDATE 1"

    async def end_reminding(self, uuid: str) -> bool:
        """Whether reminders were still wanted."""
        done = await self.connection.execute(
            """-- end_reminding
            UPDATE edition SET reminding = false WHERE uuid = $1 AND reminding""",
            uuid,
        )
        return done == "UPDATE 1"

    async def list_reminding(self) -> list[Record]:
        """The editions whose reminders are wanted."""
        return await self.connection.fetch(
            """-- list_reminding
            SELECT uuid, election_id FROM edition WHERE reminding"""
        )
