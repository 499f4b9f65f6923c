"""Every statement that only reads a board, for the public and for `result` and `voter`."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.shared.database import Connection, Database

PAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event; `key` and `counts` are set for ballots."""

    height: int
    type: str
    hash: bytes
    parent: bytes | None
    payload: bytes | None
    key: str | None
    counts: bool | None


@dataclass(frozen=True, slots=True)
class ChainRow:
    """An event as it stands in the archive."""

    height: int
    type: str
    parent: bytes | None
    payload: bytes | None
    archive_start: int


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record without its content, which is stored in so many pieces."""

    height: int
    place: int
    hash: bytes
    size: int
    pieces: int


@dataclass(frozen=True, slots=True)
class BallotRow:
    """A ballot on the board."""

    height: int
    counts: bool
    content: bytes


class ReadingStore:
    """Statements by name."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def list_events(self, connection: Connection, uuid: str, after: int, limit: int) -> list[EventRow]:
        """Events above a height."""
        rows = await connection.fetch(
            """-- list_events
            SELECT e.height, e.type, e.hash, e.parent, e.payload,
              (SELECT c.key FROM credentials c WHERE c.uuid = e.uuid AND c.position = e.credential) AS key,
              CASE WHEN e.credential IS NOT NULL THEN NOT EXISTS (SELECT FROM events l
                WHERE l.uuid = e.uuid AND l.credential = e.credential AND l.height > e.height) END AS counts
            FROM events e WHERE e.uuid = $1 AND e.height > $2 ORDER BY e.height LIMIT $3
            """,
            uuid,
            after,
            limit,
        )
        return [EventRow(*row) for row in rows]

    async def list_chain(self, connection: Connection, uuid: str, after: int, limit: int) -> list[ChainRow]:
        """Events above a height as they stand in the archive; fewer than asked for when their data is much."""
        rows = await connection.fetch(
            """-- list_chain
            SELECT height, type, parent, payload, archive_start FROM (
              SELECT height, type, parent, payload, archive_start, min(archive_start) OVER () AS beginning FROM (
                SELECT height, type, parent, payload, archive_start
                FROM events WHERE uuid = $1 AND height > $2 ORDER BY height LIMIT $3
              ) AS asked
            ) AS page
            WHERE archive_start <= beginning + $4 ORDER BY height
            """,
            uuid,
            after,
            limit,
            PAGE_BYTES,
        )
        return [ChainRow(*row) for row in rows]

    async def list_records(self, connection: Connection, uuid: str, first: int, last: int) -> list[RecordRow]:
        """The records of the events between two heights, without content."""
        rows = await connection.fetch(
            """-- list_records
            SELECT height, place, hash, size, count(*) AS pieces FROM records
            WHERE uuid = $1 AND height BETWEEN $2 AND $3
            GROUP BY height, place, hash, size ORDER BY height, place
            """,
            uuid,
            first,
            last,
        )
        return [RecordRow(*row) for row in rows]

    async def read_contents(
        self, connection: Connection, uuid: str, first: int, last: int
    ) -> dict[tuple[int, int], bytes]:
        """The contents, by height and place, of the records of the events between two heights."""
        rows = await connection.fetch(
            """-- read_contents
            SELECT height, place, content FROM records WHERE uuid = $1 AND height BETWEEN $2 AND $3
            ORDER BY height, place, piece
            """,
            uuid,
            first,
            last,
        )
        contents: dict[tuple[int, int], list[bytes]] = {}
        for height, place, content in rows:
            contents.setdefault((height, place), []).append(content)
        return {name: b"".join(pieces) for name, pieces in contents.items()}

    async def read_piece(self, connection: Connection, uuid: str, height: int, place: int, piece: int) -> bytes | None:
        """A piece of a record."""
        content: bytes | None = await connection.fetchval(
            """-- read_piece
            SELECT content FROM records WHERE uuid = $1 AND height = $2 AND place = $3 AND piece = $4
            """,
            uuid,
            height,
            place,
            piece,
        )
        return content

    async def find_offset(self, connection: Connection, uuid: str, offset: int) -> tuple[int, int]:
        """Height and beginning of the event that covers this byte of the archive."""
        row = await connection.fetchrow(
            """-- find_offset
            SELECT height, archive_start FROM events WHERE uuid = $1 AND archive_start <= $2
            ORDER BY archive_start DESC LIMIT 1
            """,
            uuid,
            offset,
        )
        assert row is not None  # the Setup event begins where the archive's first member ends
        return row["height"], row["archive_start"]

    async def look_up_tracker(self, connection: Connection, uuid: str, tracker: bytes) -> BallotRow | None:
        """The ballot with this hash."""
        row = await connection.fetchrow(
            """-- look_up_tracker
            SELECT e.height, NOT EXISTS (SELECT FROM events l
              WHERE l.uuid = e.uuid AND l.credential = e.credential AND l.height > e.height) AS counts, r.content
            FROM events e JOIN records r ON r.uuid = e.uuid AND r.height = e.height
            WHERE e.uuid = $1 AND e.payload = $2 AND e.credential IS NOT NULL
            """,
            uuid,
            tracker,
        )
        return BallotRow(*row) if row else None

    async def read_credential(self, connection: Connection, uuid: str, digest: bytes) -> tuple[int, int] | None:
        """Weight and number of ballots of the credential whose decimal text has this SHA-256."""
        row = await connection.fetchrow(
            """-- read_credential
            SELECT c.weight, (SELECT count(*) FROM events e WHERE e.uuid = c.uuid AND e.credential = c.position)
            FROM credentials c WHERE c.uuid = $1 AND c.digest = $2
            """,
            uuid,
            digest,
        )
        return (row[0], row[1]) if row else None

    async def read_position(self, connection: Connection, uuid: str, digest: bytes) -> int | None:
        """The place of that credential in the list."""
        position: int | None = await connection.fetchval(
            """-- read_position
            SELECT position FROM credentials WHERE uuid = $1 AND digest = $2
            """,
            uuid,
            digest,
        )
        return position

    async def list_used(self, connection: Connection, uuid: str, after: int, limit: int) -> Sequence[str]:
        """Credentials above a position that have cast a ballot."""
        rows = await connection.fetch(
            """-- list_used
            SELECT c.key FROM credentials c CROSS JOIN LATERAL (
              SELECT e.height FROM events e WHERE e.uuid = c.uuid AND e.credential = c.position LIMIT 1) AS used
            WHERE c.uuid = $1 AND c.position > $2
            ORDER BY c.position LIMIT $3
            """,
            uuid,
            after,
            limit,
        )
        return [row["key"] for row in rows]
