"""Statements about mails: the queue, its pace, and the fate of what was in it."""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record

from services.shared.database import Connection

SEND_LIMIT = "150s"  # a little more than the longest conversation with a mail server


class MailStore:
    """The mails within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def reserve_sending(self, interval: timedelta) -> float | None:
        """Seconds until the next mail may leave; None when none is due. All replicas share the pace."""
        seconds: float | None = await self.connection.fetchval(
            """-- reserve_sending
            WITH due AS (
              SELECT FROM mail WHERE status IN ('queued', 'deferred') AND next_try_at <= now() LIMIT 1
            )
            UPDATE pace SET next_at = greatest(next_at, now()) + $1 FROM due
            RETURNING extract(epoch FROM next_at - $1::interval - now())::float8""",
            interval,
        )
        return seconds

    async def claim_mail(self) -> Record | None:
        """A mail that is due, with all that it is made of; held until the transaction ends, however it ends."""
        await self.connection.execute(
            """-- claim_mail
            SELECT set_config('idle_in_transaction_session_timeout', $1, true)""",
            SEND_LIMIT,
        )
        return await self.connection.fetchrow(
            """-- claim_mail
            SELECT mail.id, mail.kind, mail.election_id, mail.uuid, mail.voter_id, mail.trustee_id, mail.generation,
              mail.attempts, mail.to_former, now() - mail.queued_at AS age,
              CASE WHEN mail.correction IS NULL THEN voter.address
                WHEN mail.to_former THEN correction.former_address
                ELSE correction.address END AS address,
              edition.announcement, edition.sealed_key, edition.sealed_secret
            FROM mail
            LEFT JOIN voter ON voter.id = mail.voter_id
            LEFT JOIN edition ON edition.uuid = mail.uuid
            LEFT JOIN correction ON correction.election_id = mail.election_id AND correction.number = mail.correction
            WHERE mail.id = (
              SELECT id FROM mail
              WHERE status IN ('queued', 'deferred') AND next_try_at <= now()
              ORDER BY turn, id LIMIT 1 FOR UPDATE SKIP LOCKED
            )"""
        )

    async def note_final(self, mail_id: object, status: str, reply: str) -> None:
        """The mail was accepted or refused."""
        await self.connection.execute(
            """-- note_final
            UPDATE mail SET status = $2, reply = $3, attempts = attempts + 1, next_try_at = NULL WHERE id = $1""",
            mail_id,
            status,
            reply,
        )

    async def note_deferred(self, mail_id: object, reply: str, wait: timedelta) -> None:
        """The mail is tried again after a wait."""
        await self.connection.execute(
            """-- note_deferred
            UPDATE mail SET status = 'deferred', reply = $2, attempts = attempts + 1, next_try_at = now() + $3
            WHERE id = $1""",
            mail_id,
            reply,
            wait,
        )

    async def forget_reminder(self, mail_id: object, status: str) -> None:
        """Counts a reminder that is done with and deletes its row."""
        await self.connection.execute(
            """-- forget_reminder
            WITH gone AS (DELETE FROM mail WHERE id = $1 RETURNING election_id)
            INSERT INTO reminded (election_id, status, mails) SELECT election_id, $2, 1 FROM gone
            ON CONFLICT (election_id, status) DO UPDATE SET mails = reminded.mails + 1""",
            mail_id,
            status,
        )

    async def drop_mail(self, mail_id: object) -> None:
        """The mail is not wanted any more."""
        await self.connection.execute(
            """-- drop_mail
            DELETE FROM mail WHERE id = $1""",
            mail_id,
        )

    async def queue_invitations(self, election_id: str, uuid: str) -> int:
        """Queues the invitation of everybody who has none yet; how many."""
        done = await self.connection.execute(
            """-- queue_invitations
            INSERT INTO mail (kind, election_id, uuid, voter_id, turn)
            SELECT 'invitation', $1, $2, voter.id, row_number() OVER (ORDER BY voter.id)
            FROM voter
            WHERE voter.election_id = $1 AND NOT EXISTS (
              SELECT FROM mail
              WHERE mail.voter_id = voter.id AND mail.uuid = $2 AND mail.kind IN ('invitation', 'resent')
            )
            ON CONFLICT DO NOTHING""",
            election_id,
            uuid,
        )
        return int(done.split()[2])

    async def queue_reminders(self, election_id: str, uuid: str, voter_ids: Sequence[str]) -> None:
        """Queues reminders to some voters."""
        await self.connection.execute(
            """-- queue_reminders
            INSERT INTO mail (kind, election_id, uuid, voter_id, turn)
            SELECT 'reminder', $1, $2, voter_id, turn
            FROM unnest($3::text[]) WITH ORDINALITY AS given (voter_id, turn)""",
            election_id,
            uuid,
            voter_ids,
        )

    async def hurry_invitation(self, uuid: str, voter_id: str) -> bool:
        """Makes a voter's unsent invitation due now; whether there is one."""
        unsent: int = await self.connection.fetchval(
            """-- hurry_invitation
            WITH unsent AS (
              SELECT id FROM mail
              WHERE uuid = $1 AND voter_id = $2
                AND kind IN ('invitation', 'resent') AND status IN ('queued', 'deferred')
            ), free AS (
              SELECT mail.id FROM mail JOIN unsent USING (id) FOR UPDATE OF mail SKIP LOCKED
            ), hurried AS (
              UPDATE mail SET next_try_at = now(), turn = 0 FROM free WHERE mail.id = free.id
            )
            SELECT count(*) FROM unsent""",
            uuid,
            voter_id,
        )
        return unsent > 0

    async def queue_resent(self, election_id: str, uuid: str, voter_id: str) -> None:
        """Queues one voter's invitation once more, before all others."""
        await self.connection.execute(
            """-- queue_resent
            INSERT INTO mail (kind, election_id, uuid, voter_id, turn) VALUES ('resent', $1, $2, $3, 0)""",
            election_id,
            uuid,
            voter_id,
        )

    async def announce_correction(self, election_id: str, uuid: str, voter_id: str, number: int) -> None:
        """Queues the mails to the former and to the new address."""
        await self.connection.execute(
            """-- announce_correction
            INSERT INTO mail (kind, election_id, uuid, voter_id, correction, to_former, turn)
            SELECT 'address_changed', $1, $2, $3, $4, to_former, 0 FROM unnest(ARRAY[true, false]) AS to_former""",
            election_id,
            uuid,
            voter_id,
            number,
        )

    async def withdraw_codes(self, election_id: str, uuid: str) -> None:
        """Queues a mail to everybody whose invitation was sent, or may have been: a row that is held is on its way."""
        await self.connection.execute(
            """-- withdraw_codes
            WITH unsent AS (
              SELECT id FROM mail
              WHERE uuid = $2 AND kind IN ('invitation', 'resent') AND status = 'queued' FOR UPDATE SKIP LOCKED
            )
            INSERT INTO mail (kind, election_id, uuid, voter_id, turn)
            SELECT 'code_withdrawn', $1, $2, voter_id, row_number() OVER (ORDER BY voter_id)
            FROM (
              SELECT DISTINCT voter_id FROM mail
              WHERE uuid = $2 AND kind IN ('invitation', 'resent') AND status <> 'refused'
                AND id NOT IN (SELECT id FROM unsent)
            ) AS invited
            ON CONFLICT DO NOTHING""",
            election_id,
            uuid,
        )

    async def refuse_unsent(self, uuid: str, why: str) -> None:
        """What is still queued and carries a code is not sent any more.

        Mails on their way are not waited for: nothing may wait for the mail server, and without the secret they are
        not tried again.
        """
        await self.connection.execute(
            """-- refuse_unsent
            WITH unsent AS (
              SELECT id FROM mail
              WHERE uuid = $1 AND kind IN ('invitation', 'resent') AND status IN ('queued', 'deferred')
              FOR UPDATE SKIP LOCKED
            )
            UPDATE mail SET status = 'refused', next_try_at = NULL, reply = $2 FROM unsent WHERE mail.id = unsent.id""",
            uuid,
            why,
        )
        await self.connection.execute(
            """-- refuse_unsent
            WITH unsent AS (
              SELECT id FROM mail WHERE uuid = $1 AND kind = 'reminder' FOR UPDATE SKIP LOCKED
            ), gone AS (
              DELETE FROM mail USING unsent WHERE mail.id = unsent.id RETURNING mail.election_id
            )
            INSERT INTO reminded (election_id, status, mails)
            SELECT election_id, 'refused', count(*) FROM gone GROUP BY election_id
            ON CONFLICT (election_id, status) DO UPDATE SET mails = reminded.mails + excluded.mails""",
            uuid,
        )

    async def list_mails(self, voter_ids: Sequence[str]) -> list[Record]:
        """The mails of some voters, oldest first, but for reminders, which would tell who has not voted."""
        return await self.connection.fetch(
            """-- list_mails
            SELECT voter_id, kind, status, queued_at, next_try_at, reply FROM mail
            WHERE voter_id = ANY ($1) AND kind <> 'reminder' ORDER BY queued_at, id""",
            voter_ids,
        )

    async def has_withdrawals(self, election_id: str, voter_id: str | None) -> bool:
        """Whether a holder of a dead code (this voter, or anybody) has still to be told."""
        found: bool = await self.connection.fetchval(
            """-- has_withdrawals
            SELECT EXISTS (
              SELECT FROM mail WHERE election_id = $1 AND kind = 'code_withdrawn' AND status IN ('queued', 'deferred')
                AND ($2::text IS NULL OR voter_id = $2)
            )""",
            election_id,
            voter_id,
        )
        return found

    async def read_mail_queue(self) -> list[Record]:
        """How many mails of each kind and status were not handed over yet, and the age of the oldest in seconds."""
        return await self.connection.fetch(
            """-- read_mail_queue
            SELECT kind, status, count(*)::integer AS mails,
              extract(epoch FROM clock_timestamp() - min(queued_at))::float8 AS oldest
            FROM mail WHERE status IN ('queued', 'deferred') GROUP BY kind, status"""
        )

    async def read_mail_totals(self, election_id: str) -> list[Record]:
        """How many mails of each kind have come how far."""
        return await self.connection.fetch(
            """-- read_mail_totals
            SELECT kind, status, count(*)::integer AS mails FROM mail WHERE election_id = $1 GROUP BY kind, status
            UNION ALL
            SELECT 'reminder', status, mails FROM reminded WHERE election_id = $1""",
            election_id,
        )

    async def read_oldest_unsent(self, election_id: str) -> float | None:
        """Seconds since the oldest unsent mail was queued."""
        seconds: float | None = await self.connection.fetchval(
            """-- read_oldest_unsent
            SELECT extract(epoch FROM now() - min(queued_at))::float8 FROM mail
            WHERE election_id = $1 AND status IN ('queued', 'deferred')""",
            election_id,
        )
        return seconds

    async def queue_trustee(self, trustee_id: str, generation: int) -> None:
        """Queues a trustee's invitation, once for each generation of the code."""
        await self.connection.execute(
            """-- queue_trustee
            INSERT INTO mail (kind, trustee_id, generation, turn) VALUES ('trustee', $1, $2, 0)
            ON CONFLICT DO NOTHING""",
            trustee_id,
            generation,
        )

    async def list_trustee_mails(self) -> list[Record]:
        """The trustees' mails that election has not been told of, or that are on their way."""
        return await self.connection.fetch(
            """-- list_trustee_mails
            SELECT id, trustee_id, generation, status, queued_at < now() - interval '1 minute' AS old
            FROM mail WHERE trustee_id IS NOT NULL"""
        )
