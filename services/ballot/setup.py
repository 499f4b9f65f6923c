"""The beginning of a board: its Setup event, written once, from what `election` froze and `voter` sent.

- Definition and trustees must fit together: the election's key is the product of the trustees' keys.
- All of the board is written in one transaction: after a crash it is there wholly or not at all.
- An election that was withdrawn gets no board any more.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.ballot.board import Link, beginning, link
from services.ballot.contract import EventType
from services.ballot.elections import CREDENTIALS, DEFINITION, SETUP_DATA, TRUSTEES
from services.ballot.rows import BoardRow
from services.ballot.schedule import change_schedule
from services.ballot.store import COMMIT_TIMEOUT, Store
from services.ballot.store_list import ListRow, ListStore
from services.election.contract import Work
from services.shared.database import Connection
from services.voting.archive import render_setup_data
from services.voting.election import Election, InvalidElection
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.trustee import InvalidTrustee, parse_trustees


class UnusableDefinition(Exception):
    """What was frozen cannot be voted on; the message says why."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What `election` froze, checked."""

    election: Election
    trustees: bytes


def read_definition(uuid: str, raw: bytes, trustees: bytes) -> Definition:
    """Checks what was frozen.

    Raises:
        UnusableDefinition: it is of another election, or in another group, or the keys do not fit together.
    """
    try:
        election = Election.parse(raw)
        keys = parse_trustees(trustees, election.group)
    except (InvalidElection, InvalidTrustee) as error:
        raise UnusableDefinition(f"The definition cannot be used: {error}.") from None
    if election.uuid != uuid:
        raise UnusableDefinition("The definition is that of another election.")
    if election.group is not BELENIOS_2048 or not all(isinstance(q, HomomorphicQuestion) for q in election.questions):
        raise UnusableDefinition("The definition has a group or a question that cannot be voted on here.")
    if keys.public_key != election.public_key:
        raise UnusableDefinition("The election's key is not that of its trustees.")
    return Definition(election, trustees)


class SettingUp:
    """Writes boards."""

    def __init__(self, boards: Store, lists: ListStore) -> None:
        self.boards = boards
        self.lists = lists

    async def is_list_sealed(self, uuid: str) -> bool:
        """Whether `voter` has sent the whole list."""
        async with self.lists.database.transaction("read_list", readonly=True) as connection:
            return await self.lists.read_list(connection, uuid) is not None

    async def set_up_board(self, work: Work, definition: Definition) -> BoardRow | None:
        """The board, made unless it is there; None when the election was withdrawn or the list is not complete."""
        async with self.boards.database.transaction("set_up_board") as connection:
            await self.boards.lock_board(connection, work.uuid, COMMIT_TIMEOUT)
            board = await self.boards.read_board(connection, work.uuid)
            if board is None and not await self.lists.is_withdrawn(connection, work.uuid):
                sealed = await self.lists.read_list(connection, work.uuid)
                if sealed:
                    board = await self._write(connection, work, definition, sealed)
        return board

    async def _write(self, connection: Connection, work: Work, definition: Definition, sealed: ListRow) -> BoardRow:
        now = await self.boards.read_clock(connection)
        list_size = await self.lists.insert_list_record(connection, work.uuid, sealed, place=CREDENTIALS)
        await self.lists.insert_credentials(connection, work.uuid)
        await self.lists.empty_pages(connection, work.uuid)
        records = _small_records(definition, sealed)
        sizes = [list_size, *(len(content) for _, _, content in records)]
        setup = link(beginning(int(now.timestamp())), EventType.SETUP, records[-1][1], sizes)
        await self.boards.insert_event(connection, work.uuid, setup, records)
        board = _new_board(work, definition, sealed, setup, now)
        await self.boards.insert_board(connection, board)
        return board


def _small_records(definition: Definition, sealed: ListRow) -> list[tuple[int, bytes, bytes]]:
    """Place, hash and content of the records before Setup, without the public list."""
    raw, trustees = definition.election.raw, definition.trustees
    hashes = [hashlib.sha256(raw).digest(), hashlib.sha256(trustees).digest(), sealed.hash]
    setup_data = render_setup_data(*(digest.hex() for digest in hashes))
    return [
        (DEFINITION, hashes[0], raw),
        (TRUSTEES, hashes[1], trustees),
        (SETUP_DATA, hashlib.sha256(setup_data).digest(), setup_data),
    ]


def _new_board(work: Work, definition: Definition, sealed: ListRow, setup: Link, now: datetime) -> BoardRow:
    schedule = change_schedule(None, work.schedule.opens, work.schedule.closes, now)
    assert schedule is not None  # a new board's close has not been reached
    return BoardRow(
        now=now,
        uuid=work.uuid,
        election_id=work.election_id,
        fingerprint=definition.election.fingerprint,
        archive_timestamp=int(now.timestamp()),
        revote_allowed=work.revote_allowed,
        election_class=work.election_class,
        credentials=sealed.credentials,
        credentials_hash=sealed.hash,
        total_weight=sealed.total_weight,
        schedule_revision=work.schedule.revision,
        schedule_applied=True,
        schedule=schedule,
        end=setup.end,
        ballots=0,
        voted=0,
        voted_weight=0,
    )
