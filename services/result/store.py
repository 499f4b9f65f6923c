"""Every statement of the schema `result`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from asyncpg import Record

from services.result.counting import Position
from services.shared.database import Connection, Database
from services.voting.election import Election
from services.voting.tally import EncryptedTally
from services.voting.trustee import Trustees, parse_trustees


@dataclass(frozen=True)
class TallyRow:
    """One election's tally as it is stored."""

    uuid: str
    election_id: str
    definition: bytes
    trustees: bytes
    decryption_confirmed: bool
    position: Position
    counted: int
    weight: int
    encrypted_tally: str
    tally_head: str | None
    result_record: str | None
    result: dict[str, Any] | None

    @classmethod
    def of(cls, row: Record) -> Self:
        """From a row of `tallies`."""
        return cls(
            row["uuid"],
            row["election_id"],
            row["definition"],
            row["trustees"],
            row["decryption_confirmed"],
            Position(row["height"], row["head"], row["ended"], row["ballots"]),
            row["counted"],
            row["weight"],
            row["encrypted_tally"],
            row["tally_head"],
            row["result_record"],
            None if row["result"] is None else json.loads(row["result"]),
        )

    def election(self) -> Election:
        """The definition, read."""
        return Election.parse(self.definition)

    def read_trustees(self, election: Election) -> Trustees:
        """The trustees, read."""
        return parse_trustees(self.trustees, election.group)

    def tally(self, election: Election) -> EncryptedTally:
        """The product, to go on with."""
        return EncryptedTally.parse(self.encrypted_tally.encode(), election, self.counted, self.weight)


TALLY_COLUMNS = """uuid, election_id, definition, trustees, decryption_confirmed, height, head, ended, ballots, counted,
  weight, encrypted_tally, tally_head, result_record, result"""


class Store:
    """Statements by name; the caller holds the transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def insert_tally(self, connection: Connection, row: TallyRow) -> bool:
        """Begins to follow an election; False when another replica was faster."""
        inserted = await connection.fetchval(
            """-- insert_tally
            INSERT INTO tallies (uuid, election_id, definition, trustees, height, head, encrypted_tally)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (uuid) DO NOTHING
            RETURNING true""",
            row.uuid,
            row.election_id,
            row.definition,
            row.trustees,
            row.position.height,
            row.position.head,
            row.encrypted_tally,
        )
        return bool(inserted)

    async def insert_weights(self, connection: Connection, uuid: str, weights: Mapping[bytes, int]) -> None:
        """Remembers the weights that differ from 1."""
        await connection.execute(
            """-- insert_weights
            INSERT INTO weights (uuid, credential, weight)
            SELECT $1, credential, weight FROM unnest($2::bytea[], $3::integer[]) AS given (credential, weight)""",
            uuid,
            list(weights),
            list(weights.values()),
        )

    async def read_tally(self, connection: Connection, uuid: str, *, lock: bool = False) -> TallyRow | None:
        """One election's tally; with `lock` nobody else changes it until the transaction ends."""
        row = await connection.fetchrow(
            f"""-- read_tally
            SELECT {TALLY_COLUMNS} FROM tallies WHERE uuid = $1 {"FOR UPDATE" if lock else ""}""",  # noqa: S608  # joins constants only
            uuid,
        )
        return None if row is None else TallyRow.of(row)

    async def read_counted(self, connection: Connection, uuid: str, credentials: Iterable[bytes]) -> dict[bytes, int]:
        """The heights of the ballots of these credentials that are in the product."""
        rows = await connection.fetch(
            """-- read_counted
            SELECT credential, height FROM counted WHERE uuid = $1 AND credential = ANY($2::bytea[])""",
            uuid,
            list(credentials),
        )
        return {row["credential"]: row["height"] for row in rows}

    async def read_weights(self, connection: Connection, uuid: str, credentials: Iterable[bytes]) -> dict[bytes, int]:
        """The weights of these credentials that differ from 1."""
        rows = await connection.fetch(
            """-- read_weights
            SELECT credential, weight FROM weights WHERE uuid = $1 AND credential = ANY($2::bytea[])""",
            uuid,
            list(credentials),
        )
        return {row["credential"]: row["weight"] for row in rows}

    async def write_counted(self, connection: Connection, uuid: str, heights: Mapping[bytes, int]) -> None:
        """Says which ballot of each of these credentials is in the product now."""
        await connection.execute(
            """-- write_counted
            INSERT INTO counted (uuid, credential, height)
            SELECT $1, credential, height FROM unnest($2::bytea[], $3::integer[]) AS given (credential, height)
            ON CONFLICT (uuid, credential) DO UPDATE SET height = excluded.height""",
            uuid,
            list(heights),
            list(heights.values()),
        )

    async def write_position(
        self, connection: Connection, uuid: str, position: Position, tally: EncryptedTally
    ) -> None:
        """Stores how far the board was read, and the product of what was read."""
        await connection.execute(
            """-- write_position
            UPDATE tallies SET height = $2, head = $3, ended = $4, ballots = $5, counted = $6, weight = $7,
              encrypted_tally = $8
            WHERE uuid = $1""",
            uuid,
            position.height,
            position.head,
            position.ended,
            position.ballots,
            tally.num_tallied,
            tally.total_weight,
            tally.render().decode(),
        )

    async def write_tally_head(self, connection: Connection, uuid: str, head: str) -> None:
        """Remembers that EncryptedTally is on the board."""
        await connection.execute(
            """-- write_tally_head
            UPDATE tallies SET tally_head = $2 WHERE uuid = $1""",
            uuid,
            head,
        )

    async def confirm_decryption(self, connection: Connection, uuid: str) -> None:
        """Remembers that the trustees may decrypt."""
        await connection.execute(
            """-- confirm_decryption
            UPDATE tallies SET decryption_confirmed = true WHERE uuid = $1 AND NOT decryption_confirmed""",
            uuid,
        )

    async def insert_share(self, connection: Connection, uuid: str, owner: int, partial: str) -> None:
        """Keeps a verified partial decryption, unless the same text is kept already."""
        await connection.execute(
            """-- insert_share
            INSERT INTO shares (uuid, owner, number, partial_decryption)
            SELECT $1, $2, coalesce(max(number), 0) + 1, $3 FROM shares WHERE uuid = $1 AND owner = $2
            HAVING NOT coalesce(bool_or(partial_decryption = $3), false)""",
            uuid,
            owner,
            partial,
        )

    async def read_shares(self, connection: Connection, uuid: str) -> dict[int, list[bytes]]:
        """All posts of each trustee, oldest first."""
        rows = await connection.fetch(
            """-- read_shares
            SELECT owner, partial_decryption FROM shares WHERE uuid = $1 ORDER BY owner, number""",
            uuid,
        )
        posts: dict[int, list[bytes]] = {}
        for row in rows:
            posts.setdefault(row["owner"], []).append(row["partial_decryption"].encode())
        return posts

    async def read_share_owners(self, connection: Connection, uuid: str) -> set[int]:
        """The trustees who have posted."""
        rows = await connection.fetch(
            """-- read_share_owners
            SELECT DISTINCT owner FROM shares WHERE uuid = $1""",
            uuid,
        )
        return {row["owner"] for row in rows}

    async def write_unusable(self, connection: Connection, uuid: str, owners: Iterable[int]) -> None:
        """Says whose shares must be posted again, and no others'."""
        await connection.execute(
            """-- write_unusable: clear
            DELETE FROM unusable WHERE uuid = $1""",
            uuid,
        )
        await connection.execute(
            """-- write_unusable
            INSERT INTO unusable (uuid, owner) SELECT $1, unnest($2::integer[])""",
            uuid,
            list(owners),
        )

    async def read_unusable(self, connection: Connection, uuid: str) -> set[int]:
        """The trustees who must post again."""
        rows = await connection.fetch(
            """-- read_unusable
            SELECT owner FROM unusable WHERE uuid = $1""",
            uuid,
        )
        return {row["owner"] for row in rows}

    async def write_result_record(self, connection: Connection, uuid: str, record: str) -> None:
        """Keeps the Result record before it is sent to the board, so that it is sent again after a crash."""
        await connection.execute(
            """-- write_result_record
            UPDATE tallies SET result_record = $2 WHERE uuid = $1""",
            uuid,
            record,
        )

    async def write_result(self, connection: Connection, uuid: str, result: str) -> None:
        """Remembers that the result is on the board, and what readers see of it."""
        await connection.execute(
            """-- write_result
            UPDATE tallies SET result = $2::jsonb WHERE uuid = $1""",
            uuid,
            result,
        )
