"""What anyone may read of a board, and what `voter` and `result` read of it besides."""

import base64
import binascii
import hashlib

from services.ballot.archive import Archive
from services.ballot.board import event_text
from services.ballot.contract import (
    Board,
    BoardEvent,
    BoardPage,
    CredentialStatus,
    EventType,
    FullEvent,
    FullEventPage,
    TrackerStatus,
    Used,
)
from services.ballot.elections import CREDENTIALS, no_such_board
from services.ballot.rows import BoardRow
from services.ballot.store import Store
from services.ballot.store_reading import ChainRow, EventRow, ReadingStore, RecordRow
from services.shared.problems import Invalid, NotFound

USED_PAGE = 5000


class Reading:
    """Reads boards."""

    def __init__(self, boards: Store, store: ReadingStore) -> None:
        self.boards = boards
        self.store = store

    async def read_board(self, uuid: str) -> Board:
        """The head and the numbers; raises NotFound."""
        return public_board(await self.find_board(uuid))

    async def find_board(self, uuid: str) -> BoardRow:
        """The board as it is stored; raises NotFound."""
        async with self.store.database.transaction("read_board", readonly=True) as connection:
            board = await self.boards.read_board(connection, uuid)
        if board is None:
            raise no_such_board()
        return board

    async def list_events(self, uuid: str, after: int, limit: int) -> BoardPage:
        """Events above a height; raises NotFound."""
        async with self.store.database.transaction("list_events", readonly=True) as connection:
            rows = await self.store.list_events(connection, uuid, after, limit)
        if not rows:
            await self.find_board(uuid)
        return BoardPage(
            events=[public_event(row) for row in rows], next=rows[-1].height if len(rows) == limit else None
        )

    async def list_full_events(self, uuid: str, after: int, limit: int) -> FullEventPage:
        """Events above a height with their data; `next` is None at the end of the board."""
        async with self.store.database.transaction("list_full_events", readonly=True) as connection:
            board = await self.boards.read_board(connection, uuid)
            if board is None:
                raise no_such_board()
            chain = await self.store.list_chain(connection, uuid, after, limit)
            if not chain:
                return FullEventPage(events=[], next=None)
            contents = await self.store.read_contents(connection, uuid, chain[0].height, chain[-1].height)
        last = chain[-1].height
        return FullEventPage(
            events=[_full_event(row, contents) for row in chain], next=last if last < board.end.height else None
        )

    async def look_up_tracker(self, uuid: str, tracker: str) -> TrackerStatus:
        """Where the ballot with this tracker stands.

        Raises:
            Invalid: no tracker looks like this.
            NotFound: it is not on the board.
        """
        digest = read_tracker(tracker)
        async with self.store.database.transaction("look_up_tracker", readonly=True) as connection:
            ballot = await self.store.look_up_tracker(connection, uuid, digest)
        if ballot is None:
            raise NotFound("No ballot with this tracker is on the board.", code="unknown-tracker")
        status = "counts" if ballot.counts else "replaced"
        return TrackerStatus(
            tracker=write_tracker(digest), status=status, height=ballot.height, ballot=ballot.content.decode()
        )

    async def read_credential(self, uuid: str, digest: str) -> CredentialStatus:
        """Whether a public credential is on the list; raises NotFound when there is no such board."""
        await self.find_board(uuid)
        async with self.store.database.transaction("read_credential", readonly=True) as connection:
            found = await self.store.read_credential(connection, uuid, bytes.fromhex(digest))
        if found is None:
            return CredentialStatus(listed=False, ballots=0, weight=None)
        return CredentialStatus(listed=True, weight=found[0], ballots=found[1])

    async def list_used(self, uuid: str, after: str | None) -> Used:
        """Credentials that have cast a ballot, after one of them."""
        await self.find_board(uuid)
        async with self.store.database.transaction("list_used", readonly=True) as connection:
            position = -1
            if after is not None:
                found = await self.store.read_position(connection, uuid, hashlib.sha256(after.encode()).digest())
                if found is None:
                    raise Invalid("The page cannot begin after a credential that is not on the list.")
                position = found
            keys = await self.store.list_used(connection, uuid, position, USED_PAGE)
        return Used(credentials=keys, next=keys[-1] if len(keys) == USED_PAGE else None)

    async def credentials_record(self, uuid: str) -> RecordRow:
        """The record of the public list, without its content; raises NotFound."""
        async with self.store.database.transaction("read_credentials", readonly=True) as connection:
            records = await self.store.list_records(connection, uuid, 0, 0)
        if not records:
            raise no_such_board()
        return records[CREDENTIALS]

    def archive(self, uuid: str, timestamp: int = 0) -> Archive:
        """The archive of a board whose headers have this time."""
        return Archive(self.store, uuid, timestamp)


def public_board(board: BoardRow) -> Board:
    """What anyone may know of a board."""
    assert board.end.hash is not None  # a board begins with its Setup event
    return Board(
        uuid=board.uuid,
        phase=board.schedule.phase(board.now),
        now=board.now,
        opens_at=board.schedule.opens_at,
        closes_at=board.schedule.closes_at,
        revote_allowed=board.revote_allowed,
        election_class="test" if board.election_class == "test" else "real",
        fingerprint=board.fingerprint,
        credentials=board.credentials,
        credentials_hash=board.credentials_hash.hex(),
        total_weight=board.total_weight,
        ballots=board.ballots,
        voted=board.voted,
        voted_weight=board.voted_weight,
        ended=board.schedule.ended,
        height=board.end.height,
        head=board.end.hash.hex(),
        archive_bytes=board.end.archive_bytes,
    )


def public_event(row: EventRow) -> BoardEvent:
    """An event as it is listed."""
    is_ballot = row.type == EventType.BALLOT
    return BoardEvent(
        height=row.height,
        hash=row.hash.hex(),
        parent=row.parent.hex() if row.parent else None,
        type=EventType(row.type),
        payload=row.payload.hex() if row.payload else None,
        tracker=write_tracker(row.payload) if is_ballot and row.payload else None,
        credential=row.key,
        counts=row.counts,
    )


def _full_event(row: ChainRow, contents: dict[tuple[int, int], bytes]) -> FullEvent:
    data = [content.decode() for (height, _), content in contents.items() if height == row.height]
    return FullEvent(
        height=row.height, event=event_text(row.parent, row.height, row.type, row.payload).decode(), data=data
    )


def write_tracker(digest: bytes) -> str:
    """A ballot's hash as voters keep it."""
    return base64.b64encode(digest).decode().rstrip("=")


def read_tracker(text: str) -> bytes:
    """The hash that a tracker stands for, in either alphabet of base64; raises Invalid."""
    try:
        digest = base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=", validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise Invalid("A tracker has 43 letters, digits, + or /.", code="not-a-tracker")
    return digest
