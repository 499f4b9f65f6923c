"""The statements that the publisher of a board's numbers needs. They run on one connection that it keeps."""

from services.ballot.rows import BoardRow, Cast
from services.ballot.store import BOARD_COLUMNS
from services.shared.database import Connection

# In the space of two numbers, apart from the boards' locks: nobody is to be freed from this one.
VOICE = (0x75766F74, 1)


class PublishingStore:
    """Statements by name."""

    async def hold_voice(self, connection: Connection) -> bool:
        """Whether this session is the one that speaks, from now on if none was; it is until it ends."""
        held: bool = await connection.fetchval(
            """-- hold_voice
            SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
              AND classid = $1 AND objid = $2 AND objsubid = 2) OR pg_try_advisory_lock($1::integer, $2::integer)
            """,
            *VOICE,
        )
        return held

    async def list_published(self, connection: Connection) -> list[BoardRow]:
        """The boards that are spoken of: not withdrawn, and closed for less than 30 days."""
        rows = await connection.fetch(
            f"""-- list_published
            SELECT {BOARD_COLUMNS} FROM boards b
            WHERE b.closes_at > clock_timestamp() - interval '30 days'
              AND NOT EXISTS (SELECT FROM withdrawals w WHERE w.uuid = b.uuid)
            """  # noqa: S608  # the columns are a constant
        )
        return [BoardRow.of(row) for row in rows]

    async def compare_numbers(self, connection: Connection, uuid: str) -> bool:
        """Whether the counters of a board are what stands on it: events, ballots, their contents, who has voted."""
        matches: bool = await connection.fetchval(
            """-- compare_numbers
            SELECT (b.height + 1, b.ballots, b.voted, b.ballots) = (e.events, e.ballots, e.voted, r.contents)
              AND b.voted_weight = w.weight
            FROM boards b,
              LATERAL (SELECT count(*) AS events, count(credential) AS ballots, count(DISTINCT credential) AS voted
                FROM events WHERE uuid = b.uuid) AS e,
              LATERAL (SELECT count(*) AS contents FROM records
                WHERE uuid = b.uuid AND height BETWEEN 1 AND b.ballots AND place = 0 AND piece = 0) AS r,
              LATERAL (SELECT coalesce(sum(weight), 0) AS weight FROM credentials c
                WHERE uuid = b.uuid
                  AND EXISTS (SELECT FROM events v WHERE v.uuid = b.uuid AND v.credential = c.position)) AS w
            WHERE b.uuid = $1
            """,
            uuid,
        )
        return matches

    async def list_casts(self, connection: Connection, uuid: str, after: int, limit: int) -> list[Cast]:
        """Ballots above a height, in the order of the board."""
        rows = await connection.fetch(
            """-- list_casts
            SELECT e.height, c.weight, NOT EXISTS (SELECT FROM events p
                WHERE p.uuid = e.uuid AND p.credential = e.credential AND p.height < e.height) AS first
            FROM events e JOIN credentials c ON c.uuid = e.uuid AND c.position = e.credential
            WHERE e.uuid = $1 AND e.height > $2 AND e.credential IS NOT NULL ORDER BY e.height LIMIT $3
            """,
            uuid,
            after,
            limit,
        )
        return [Cast(row["height"], row["first"], row["weight"]) for row in rows]
