"""Every statement of the schema `voter`: here those about the roll, in `store_edition` and `store_mail` the others."""

import json
from collections.abc import Sequence

from asyncpg import Record

from services.shared.database import Connection
from services.voter.corrections import Correction
from services.voter.roll import Entry, fold

PAGE = 5_000


class Store:
    """The roll within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def ensure_roll(self, election_id: str) -> None:
        """Makes an empty roll where there is none."""
        await self.connection.execute(
            """-- ensure_roll
            INSERT INTO roll (election_id) VALUES ($1) ON CONFLICT DO NOTHING""",
            election_id,
        )

    async def lock_roll(self, election_id: str) -> Record | None:
        """The roll, held against freezing and against other changes until the transaction ends."""
        return await self.connection.fetchrow(
            """-- lock_roll
            SELECT frozen_uuid, sealing_done, test_mail_accepted_at FROM roll WHERE election_id = $1 FOR UPDATE""",
            election_id,
        )

    async def read_roll(self, election_id: str) -> Record | None:
        """The roll, as it is."""
        return await self.connection.fetchrow(
            """-- read_roll
            SELECT frozen_uuid, sealing_done, test_mail_accepted_at, revision FROM roll WHERE election_id = $1""",
            election_id,
        )

    async def touch_roll(self, election_id: str) -> None:
        """Notes that election has to be told of a change."""
        await self.connection.execute(
            """-- touch_roll
            UPDATE roll SET revision = revision + 1 WHERE election_id = $1""",
            election_id,
        )

    async def put_voters(
        self, election_id: str, ids: Sequence[str], entries: Sequence[Entry], columns: frozenset[str]
    ) -> dict[str, str]:
        """Adds voters, or changes those with the same address; the ids of both by address key.

        The id of an added voter is the one given; what is not among `columns` stays as it was.
        """
        rows = await self.connection.fetch(
            """-- put_voters
            INSERT INTO voter AS present
              (id, election_id, address, address_key, name, weight, group_label, address_folded, name_folded)
            SELECT id, $1, address, address_key, name, weight, group_label, address_folded, name_folded
            FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[],
                        $9::text[])
              AS given (id, address, address_key, name, weight, group_label, address_folded, name_folded)
            ON CONFLICT (election_id, address_key) DO UPDATE SET
              address = excluded.address,
              address_folded = excluded.address_folded,
              name = CASE WHEN $10 THEN excluded.name ELSE present.name END,
              name_folded = CASE WHEN $10 THEN excluded.name_folded ELSE present.name_folded END,
              weight = CASE WHEN $11 THEN excluded.weight ELSE present.weight END,
              group_label = CASE WHEN $12 THEN excluded.group_label ELSE present.group_label END
            WHERE present.address <> excluded.address
              OR ($10 AND present.name <> excluded.name)
              OR ($11 AND present.weight <> excluded.weight)
              OR ($12 AND present.group_label <> excluded.group_label)
            RETURNING id, address_key""",
            election_id,
            ids,
            [entry.address for entry in entries],
            [entry.key for entry in entries],
            [entry.name for entry in entries],
            [entry.weight for entry in entries],
            [entry.group for entry in entries],
            [fold(entry.address) for entry in entries],
            [fold(entry.name) for entry in entries],
            "name" in columns,
            "weight" in columns,
            "group" in columns,
        )
        return {row["address_key"]: row["id"] for row in rows}

    async def count_voters(self, election_id: str) -> Record:
        """How many voters, and their total weight."""
        row = await self.connection.fetchrow(
            """-- count_voters
            SELECT count(*) AS voters, coalesce(sum(weight), 0)::bigint AS total_weight
            FROM voter WHERE election_id = $1""",
            election_id,
        )
        assert row is not None
        return row

    async def count_by_weight(self, election_id: str) -> dict[int, int]:
        """How many voters hold each weight."""
        rows = await self.connection.fetch(
            """-- count_by_weight
            SELECT weight, count(*) AS voters FROM voter WHERE election_id = $1 GROUP BY weight ORDER BY weight""",
            election_id,
        )
        return {row["weight"]: row["voters"] for row in rows}

    async def count_by_group(self, election_id: str) -> dict[str, int]:
        """How many voters carry each label."""
        rows = await self.connection.fetch(
            """-- count_by_group
            SELECT group_label, count(*) AS voters FROM voter
            WHERE election_id = $1 GROUP BY group_label ORDER BY group_label""",
            election_id,
        )
        return {row["group_label"]: row["voters"] for row in rows}

    async def list_voters(self, election_id: str, query: str, after: str, limit: int) -> list[Record]:
        """Voters behind an address key, in the order of these; `query` is a folded part of address or name."""
        return await self.connection.fetch(
            """-- list_voters
            SELECT id, address, address_key, name, weight, group_label FROM voter
            WHERE election_id = $1 AND address_key > $2
              AND ($3 = '' OR strpos(address_folded, $3) > 0 OR strpos(name_folded, $3) > 0)
            ORDER BY address_key LIMIT $4""",
            election_id,
            after,
            query,
            limit,
        )

    async def read_voter(self, election_id: str, voter_id: str) -> Record | None:
        """One voter."""
        return await self.connection.fetchrow(
            """-- read_voter
            SELECT id, address, address_key, name, weight, group_label FROM voter
            WHERE election_id = $1 AND id = $2""",
            election_id,
            voter_id,
        )

    async def list_weights(self, election_id: str) -> list[tuple[str, int]]:
        """Id and weight of every voter; other tasks get their turn while they arrive."""
        statement = """-- list_weights
            SELECT id, weight FROM voter WHERE election_id = $1"""
        cursor = self.connection.cursor(statement, election_id, prefetch=PAGE)
        return [(row["id"], row["weight"]) async for row in cursor]

    async def remove_voter(self, election_id: str, voter_id: str) -> bool:
        """Whether there was such a voter."""
        done = await self.connection.execute(
            """-- remove_voter
            DELETE FROM voter WHERE election_id = $1 AND id = $2""",
            election_id,
            voter_id,
        )
        return done == "DELETE 1"

    async def delete_voters(self, election_id: str) -> int:
        """How many there were."""
        done = await self.connection.execute(
            """-- delete_voters
            DELETE FROM voter WHERE election_id = $1""",
            election_id,
        )
        return int(done.split()[1])

    async def delete_roll(self, election_id: str) -> None:
        """Everything about an election."""
        await self.connection.execute(
            """-- delete_roll
            DELETE FROM roll WHERE election_id = $1""",
            election_id,
        )

    async def change_address(self, voter_id: str, address: str, key: str) -> None:
        """The new address, unless it is another voter's (asyncpg.UniqueViolationError)."""
        await self.connection.execute(
            """-- change_address
            UPDATE voter SET address = $2, address_key = $3, address_folded = $4 WHERE id = $1""",
            voter_id,
            address,
            key,
            fold(address),
        )

    async def last_correction(self, election_id: str) -> Record | None:
        """Number and hash of the last record of the chain."""
        return await self.connection.fetchrow(
            """-- last_correction
            SELECT number, hash FROM correction WHERE election_id = $1 ORDER BY number DESC LIMIT 1""",
            election_id,
        )

    async def add_correction(self, correction: Correction) -> None:
        """Appends to the chain."""
        await self.connection.execute(
            """-- add_correction
            INSERT INTO correction
              (election_id, number, uuid, at, organiser_id, voter_id, former_address, address, reason, previous, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
            correction.election_id,
            correction.number,
            correction.uuid,
            correction.at,
            correction.organiser_id,
            correction.voter_id,
            correction.former_address,
            correction.address,
            correction.reason,
            correction.previous,
            correction.hash,
        )

    async def count_corrections(self, election_id: str, uuid: str | None) -> int:
        """Corrections since the roll was frozen for this edition."""
        count: int = await self.connection.fetchval(
            """-- count_corrections
            SELECT count(*) FROM correction WHERE election_id = $1 AND uuid = $2""",
            election_id,
            uuid,
        )
        return count

    async def accept_test_mail(self, election_id: str) -> None:
        """The mail server has taken a test mail."""
        await self.connection.execute(
            """-- accept_test_mail
            UPDATE roll SET test_mail_accepted_at = now(), revision = revision + 1 WHERE election_id = $1""",
            election_id,
        )

    async def list_unreported(self) -> list[Record]:
        """Rolls whose change election has not been told of."""
        return await self.connection.fetch(
            """-- list_unreported
            SELECT election_id, revision FROM roll WHERE revision <> reported_revision LIMIT 100""",
        )

    async def note_reported(self, election_id: str, revision: int) -> None:
        """Election knows the roll as it was at this revision."""
        await self.connection.execute(
            """-- note_reported
            UPDATE roll SET reported_revision = greatest(reported_revision, $2) WHERE election_id = $1""",
            election_id,
            revision,
        )

    async def add_notice(self, key: str, election_id: str, uuid: str, action: str, facts: dict[str, int]) -> None:
        """Something to tell election for its audit log."""
        await self.connection.execute(
            """-- add_notice
            INSERT INTO notice (key, election_id, uuid, action, facts) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING""",
            key,
            election_id,
            uuid,
            action,
            json.dumps(facts),
        )

    async def list_notices(self) -> list[Record]:
        """What has not been told yet, oldest first."""
        return await self.connection.fetch(
            """-- list_notices
            SELECT key, election_id, uuid, action, facts FROM notice ORDER BY created_at LIMIT 100""",
        )

    async def drop_notice(self, key: str) -> None:
        """It has been told."""
        await self.connection.execute(
            """-- drop_notice
            DELETE FROM notice WHERE key = $1""",
            key,
        )
