"""Every statement about the public list of credentials until the board is set up; the caller holds the transaction."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.shared.database import Connection, Database


@dataclass(frozen=True, slots=True)
class ListRow:
    """A sealed list."""

    pages: int
    credentials: int
    total_weight: int
    hash: bytes


class ListStore:
    """Statements by name."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def read_page_digest(self, connection: Connection, uuid: str, page: int) -> bytes | None:
        """What the page that is there has as its digest."""
        digest: bytes | None = await connection.fetchval(
            """-- read_page_digest
            SELECT digest FROM credential_pages WHERE uuid = $1 AND page = $2
            """,
            uuid,
            page,
        )
        return digest

    async def write_page(
        self, connection: Connection, uuid: str, page: int, digest: bytes, lines: Sequence[str]
    ) -> None:
        """A page of the list, in place of an earlier one."""
        await connection.execute(
            """-- write_page
            INSERT INTO credential_pages (uuid, page, digest, lines) VALUES ($1, $2, $3, $4)
            ON CONFLICT (uuid, page) DO UPDATE SET digest = excluded.digest, lines = excluded.lines
            """,
            uuid,
            page,
            digest,
            list(lines),
        )

    async def read_pages(self, connection: Connection, uuid: str, pages: int) -> AsyncIterator[list[str]]:
        """The pages in their order, one at a time; a page that is missing is empty."""
        for page in range(pages):
            lines = await connection.fetchval(
                """-- read_page
                SELECT lines FROM credential_pages WHERE uuid = $1 AND page = $2
                """,
                uuid,
                page,
            )
            yield lines or []

    async def read_list(self, connection: Connection, uuid: str) -> ListRow | None:
        """The list, once it is sealed."""
        row = await connection.fetchrow(
            """-- read_list
            SELECT pages, credentials, total_weight, hash FROM credential_lists WHERE uuid = $1
            """,
            uuid,
        )
        return ListRow(*row) if row else None

    async def insert_list(self, connection: Connection, uuid: str, sealed: ListRow) -> None:
        """Seals the list."""
        await connection.execute(
            """-- insert_list
            INSERT INTO credential_lists (uuid, pages, credentials, total_weight, hash) VALUES ($1, $2, $3, $4, $5)
            """,
            uuid,
            sealed.pages,
            sealed.credentials,
            sealed.total_weight,
            sealed.hash,
        )

    async def is_withdrawn(self, connection: Connection, uuid: str) -> bool:
        """Whether the election was unsealed."""
        withdrawn: bool = await connection.fetchval(
            """-- is_withdrawn
            SELECT EXISTS (SELECT FROM withdrawals WHERE uuid = $1)
            """,
            uuid,
        )
        return withdrawn

    async def insert_credentials(self, connection: Connection, uuid: str) -> None:
        """The lines of all pages, numbered in their order."""
        await connection.execute(
            """-- insert_credentials
            INSERT INTO credentials (uuid, position, digest, key, weight)
            SELECT $1, row_number() OVER (ORDER BY l.page, l.place) - 1, sha256(convert_to(l.key, 'UTF8')), l.key,
              coalesce(nullif(l.weight, ''), '1')::bigint
            FROM (
              SELECT p.page, n.place, split_part(n.line, ',', 1) AS key, split_part(n.line, ',', 2) AS weight
              FROM credential_pages p, unnest(p.lines) WITH ORDINALITY AS n (line, place) WHERE p.uuid = $1
            ) AS l
            """,
            uuid,
        )

    async def insert_list_record(self, connection: Connection, uuid: str, sealed: ListRow, *, place: int) -> int:
        """The list as the record of the archive, a piece for each page; returns its size in bytes."""
        await connection.execute(
            """-- insert_list_record
            WITH pieces AS (
              SELECT page, convert_to(CASE page WHEN 0 THEN '[' ELSE ',' END || '"' || array_to_string(lines, '","')
                || '"' || CASE page WHEN $3 - 1 THEN ']' ELSE '' END, 'UTF8') AS content
              FROM credential_pages WHERE uuid = $1 AND page < $3
            )
            INSERT INTO records (uuid, height, place, piece, hash, size, content)
            SELECT $1, 0, $2, page, $4, (SELECT sum(octet_length(content)) FROM pieces), content FROM pieces
            """,
            uuid,
            place,
            sealed.pages,
            sealed.hash,
        )
        size: int = await connection.fetchval(
            """-- read_list_size
            SELECT size FROM records WHERE uuid = $1 AND height = 0 AND place = $2 AND piece = 0
            """,
            uuid,
            place,
        )
        return size

    async def empty_pages(self, connection: Connection, uuid: str) -> None:
        """Forgets the lines that are in the archive now; their digests stay, to recognise a page that is sent again."""
        await connection.execute(
            """-- empty_pages
            UPDATE credential_pages SET lines = '{}' WHERE uuid = $1
            """,
            uuid,
        )
