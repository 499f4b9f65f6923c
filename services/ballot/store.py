"""Every statement that changes a board or is needed to cast; the caller holds the transaction.

Reading for the public is in store_reading.py, the public list before a board is set up in store_list.py.
"""

import time
from collections.abc import Sequence
from datetime import datetime

from services.ballot.board import Link
from services.ballot.rows import BallotLink, BoardRow, CastAnswer, CastQuestion, Rival
from services.ballot.schedule import Schedule
from services.shared.database import Connection, Database

# A replica that stops in mid-batch loses its transaction, and with it the lock, before those who wait for it give up.
# The server ends a session that is idle within a transaction by itself, but not one that has sent half of what a
# statement needs: `end_stuck_sessions` does.
LOCK_TIMEOUT = "4s"
IDLE_TIMEOUT = "2s"
WRITE_TIMEOUT = "4s"
COMMIT_TIMEOUT = "60s"


BOARD_COLUMNS = """clock_timestamp() AS now, b.uuid, b.election_id, b.fingerprint, b.archive_timestamp,
  b.revote_allowed, b.election_class, b.credentials, b.credentials_hash, b.total_weight,
  b.schedule_revision, b.schedule_applied, b.opens_at, b.closes_at,
  b.height, b.head, b.archive_bytes, b.ballots, b.voted, b.voted_weight, b.ended,
  EXISTS (SELECT FROM withdrawals w WHERE w.uuid = b.uuid) AS withdrawn"""


class Store:
    """Statements by name."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def look_up_casts(self, connection: Connection, questions: Sequence[CastQuestion]) -> list[CastAnswer | None]:
        """One answer per question, None where there is no such board."""
        asked = time.monotonic()
        rows = await connection.fetch(
            """-- look_up_casts
            SELECT q.number, clock_timestamp() AS now, b.opens_at, b.closes_at, b.ended, b.revote_allowed,
              EXISTS (SELECT FROM withdrawals w WHERE w.uuid = q.uuid) AS withdrawn,
              EXISTS (SELECT FROM events e WHERE e.uuid = q.uuid AND e.payload = q.tracker
                AND e.credential IS NOT NULL) AS on_board,
              c.position, c.weight,
              (SELECT count(*) FROM events e WHERE e.uuid = q.uuid AND e.credential = c.position) AS ballots
            FROM unnest($1::text[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS q (uuid, tracker, digest, number)
            JOIN boards b ON b.uuid = q.uuid
            LEFT JOIN LATERAL (SELECT c.position, c.weight FROM credentials c
              WHERE c.uuid = q.uuid AND c.digest = q.digest LIMIT 1) AS c ON true
            """,
            [question.uuid for question in questions],
            [question.tracker for question in questions],
            [question.digest for question in questions],
        )
        answered = time.monotonic()
        answers: list[CastAnswer | None] = [None] * len(questions)
        for number, now, opens, closes, ended, revote, withdrawn, on_board, position, weight, ballots in rows:
            schedule = Schedule(opens, closes, withdrawn, ended)
            answers[number - 1] = CastAnswer(
                now, asked, answered, on_board, position, weight, ballots, revote, schedule
            )
        return answers

    async def lock_board(self, connection: Connection, uuid: str, statement_timeout: str = WRITE_TIMEOUT) -> None:
        """Nobody else changes this board until the transaction ends; bounds all waits of it but that of its COMMIT."""
        await connection.execute(
            """-- lock_board
            SELECT set_config('lock_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $3, true),
              set_config('statement_timeout', $4, true), pg_advisory_xact_lock(hashtextextended('ballot/' || $1, 0))
            """,
            uuid,
            LOCK_TIMEOUT,
            IDLE_TIMEOUT,
            statement_timeout,
        )

    async def end_stuck_sessions(self, connection: Connection) -> int:
        """Ends sessions of replicas that hold a board's lock and have not gone on for IDLE_TIMEOUT; returns how many.

        A board's lock is one number (`objsubid`). The server waits for their clients; one that waits for a disk, a lock
        or the standby is left alone.
        """
        ended: int = await connection.fetchval(
            """-- end_stuck_sessions
            SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
            WHERE a.usename = current_user AND a.datname = current_database() AND a.wait_event = 'ClientRead'
              AND a.state_change < clock_timestamp() - $1::text::interval
              AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
                AND l.objsubid = 1)
            """,
            IDLE_TIMEOUT,
        )
        return ended

    async def read_board(self, connection: Connection, uuid: str) -> BoardRow | None:
        """The board now."""
        row = await connection.fetchrow(
            f"""-- read_board
            SELECT {BOARD_COLUMNS} FROM boards b WHERE b.uuid = $1
            """,  # noqa: S608  # the columns are a constant
            uuid,
        )
        return BoardRow.of(row) if row else None

    async def read_clock(self, connection: Connection) -> datetime:
        """The clock that decides."""
        now: datetime = await connection.fetchval("-- read_clock\nSELECT clock_timestamp()")
        return now

    async def read_boards(self, connection: Connection, uuids: Sequence[str]) -> dict[str, BoardRow]:
        """Several boards at once."""
        rows = await connection.fetch(
            f"""-- read_boards
            SELECT {BOARD_COLUMNS} FROM boards b WHERE b.uuid = ANY ($1)
            """,  # noqa: S608  # the columns are a constant
            list(uuids),
        )
        return {row["uuid"]: BoardRow.of(row) for row in rows}

    async def list_boards_to_end(self, connection: Connection, grace_seconds: float) -> list[str]:
        """Boards whose close, and the time for late appends, is over."""
        rows = await connection.fetch(
            """-- list_boards_to_end
            SELECT b.uuid FROM boards b
            WHERE NOT b.ended AND b.closes_at + make_interval(secs => $1) <= clock_timestamp()
              AND NOT EXISTS (SELECT FROM withdrawals w WHERE w.uuid = b.uuid)
            """,
            grace_seconds,
        )
        return [row["uuid"] for row in rows]

    async def read_rivals(self, connection: Connection, uuid: str, ballots: Sequence[tuple[bytes, int]]) -> list[Rival]:
        """For each tracker and position: whether the ballot is on the board, and how many its credential has cast."""
        rows = await connection.fetch(
            """-- read_rivals
            SELECT EXISTS (SELECT FROM events e WHERE e.uuid = $1 AND e.payload = q.tracker
                AND e.credential IS NOT NULL) AS on_board,
              (SELECT count(*) FROM events e WHERE e.uuid = $1 AND e.credential = q.position) AS ballots
            FROM unnest($2::bytea[], $3::integer[]) WITH ORDINALITY AS q (tracker, position, number)
            ORDER BY q.number
            """,
            uuid,
            [tracker for tracker, _ in ballots],
            [position for _, position in ballots],
        )
        return [Rival(row["on_board"], row["ballots"]) for row in rows]

    async def append_ballots(
        self, connection: Connection, uuid: str, ballots: Sequence[BallotLink], voted: int, voted_weight: int
    ) -> None:
        """Writes ballots and the new head. `voted` and `voted_weight` are those of credentials that are new to it."""
        links = [ballot.link for ballot in ballots]
        await connection.execute(
            """-- append_ballots
            WITH chained AS (
              INSERT INTO events (uuid, height, type, hash, parent, payload, credential, archive_start)
              SELECT $1, n.height, 'Ballot', n.hash, n.parent, n.payload, n.credential, n.archive_start
              FROM unnest($2::integer[], $3::bytea[], $4::bytea[], $5::bytea[], $6::integer[], $7::bigint[])
                AS n (height, hash, parent, payload, credential, archive_start)
            ), stored AS (
              INSERT INTO records (uuid, height, place, piece, hash, size, content)
              SELECT $1, n.height, 0, 0, n.hash, octet_length(n.content), n.content
              FROM unnest($2::integer[], $5::bytea[], $8::bytea[]) AS n (height, hash, content)
            )
            UPDATE boards SET height = $9, head = $10, archive_bytes = $11, ballots = ballots + cardinality($2),
              voted = voted + $12, voted_weight = voted_weight + $13
            WHERE uuid = $1 AND set_config('statement_timeout', $14, true) IS NOT NULL
            """,
            uuid,
            [link.height for link in links],
            [link.hash for link in links],
            [link.parent for link in links],
            [link.payload for link in links],
            [ballot.position for ballot in ballots],
            [link.archive_start for link in links],
            [ballot.raw for ballot in ballots],
            links[-1].height,
            links[-1].hash,
            links[-1].archive_end,
            voted,
            voted_weight,
            COMMIT_TIMEOUT,
        )

    async def mark_commit(self, connection: Connection) -> None:
        """Makes the transaction write to the log, so that its COMMIT waits until the standby has all of it.

        A transaction that only reads could acknowledge what the standby lacks.
        """
        await connection.execute(
            """-- mark_commit
            SELECT pg_logical_emit_message(true, 'ballot', ''), set_config('statement_timeout', $1, true)
            """,
            COMMIT_TIMEOUT,
        )

    async def insert_board(self, connection: Connection, board: BoardRow) -> None:
        """A new board, whose Setup event is its end."""
        await connection.execute(
            """-- insert_board
            INSERT INTO boards (uuid, election_id, fingerprint, archive_timestamp, revote_allowed, election_class,
              credentials, credentials_hash, total_weight, schedule_revision, schedule_applied, opens_at, closes_at,
              height, head, archive_bytes, ballots, voted, voted_weight, ended)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true, $11, $12, $13, $14, $15, 0, 0, 0, false)
            """,
            board.uuid,
            board.election_id,
            board.fingerprint,
            board.archive_timestamp,
            board.revote_allowed,
            board.election_class,
            board.credentials,
            board.credentials_hash,
            board.total_weight,
            board.schedule_revision,
            board.schedule.opens_at,
            board.schedule.closes_at,
            board.end.height,
            board.end.hash,
            board.end.archive_bytes,
        )

    async def insert_event(
        self, connection: Connection, uuid: str, link: Link, records: Sequence[tuple[int, bytes, bytes]]
    ) -> None:
        """An event that is no ballot, with its records: place, hash and content of each."""
        await connection.execute(
            """-- insert_event
            INSERT INTO events (uuid, height, type, hash, parent, payload, archive_start)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            uuid,
            link.height,
            link.type.value,
            link.hash,
            link.parent,
            link.payload,
            link.archive_start,
        )
        await connection.executemany(
            """-- insert_record
            INSERT INTO records (uuid, height, place, piece, hash, size, content)
            VALUES ($1, $2, $3, 0, $4, octet_length($5::bytea), $5)
            """,
            [(uuid, link.height, *record) for record in records],
        )

    async def write_end(self, connection: Connection, uuid: str, link: Link) -> None:
        """The board's new last event, which is EndBallots or comes after it."""
        await connection.execute(
            """-- write_end
            UPDATE boards SET height = $2, head = $3, archive_bytes = $4, ended = true WHERE uuid = $1
            """,
            uuid,
            link.height,
            link.hash,
            link.archive_end,
        )

    async def write_schedule(
        self, connection: Connection, uuid: str, schedule: Schedule, revision: int, *, applied: bool
    ) -> None:
        """The instants, and the order that they come from."""
        await connection.execute(
            """-- write_schedule
            UPDATE boards SET opens_at = $2, closes_at = $3, schedule_revision = $4, schedule_applied = $5
            WHERE uuid = $1
            """,
            uuid,
            schedule.opens_at,
            schedule.closes_at,
            revision,
            applied,
        )

    async def insert_withdrawal(self, connection: Connection, uuid: str) -> None:
        """The election is withdrawn, for good."""
        await connection.execute(
            """-- insert_withdrawal
            INSERT INTO withdrawals (uuid) VALUES ($1) ON CONFLICT DO NOTHING
            """,
            uuid,
        )

    async def read_following(
        self, connection: Connection, uuid: str, parent: bytes, count: int
    ) -> list[tuple[int, bytes]]:
        """Heights and hashes of up to `count` events after the one with this hash; none when it is the last."""
        rows = await connection.fetch(
            """-- read_following
            SELECT e.height, e.hash FROM events e
            WHERE e.uuid = $1 AND e.height >= (SELECT f.height FROM events f WHERE f.uuid = $1 AND f.parent = $2)
            ORDER BY e.height LIMIT $3
            """,
            uuid,
            parent,
            count,
        )
        return [(row["height"], row["hash"]) for row in rows]

    async def read_event(self, connection: Connection, uuid: str, height: int) -> tuple[str, bytes]:
        """Type and hash of an event that is there."""
        row = await connection.fetchrow(
            """-- read_event
            SELECT type, hash FROM events WHERE uuid = $1 AND height = $2
            """,
            uuid,
            height,
        )
        assert row is not None  # events are never deleted
        return row["type"], row["hash"]
