"""Keeps the encrypted tally of every open election up to date, so that closing costs the same for few and for many.

- A page of the board is counted wholly or not at all: position and product are written in one transaction.
- Two replicas may follow the same board: whoever is late finds that the position has moved and drops its work.
- The board is checked as it is read; one that does not continue what was read before is not followed any further.
"""

import asyncio
from collections.abc import Mapping

import structlog

from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.election.contract import State, Work
from services.result.counting import Change, Position, Reading, apply, change_of, digest, read_page
from services.result.store import Store, TallyRow
from services.voting.archive import Event, record_hash, render_setup_data
from services.voting.ballot import Ballot, parse_ballot
from services.voting.credential import parse_credentials
from services.voting.election import Election
from services.voting.tally import EncryptedTally

log = structlog.get_logger()

PAGE = 100
FOLLOWED = frozenset({State.OPEN, State.CLOSING, State.CLOSED})


class Following:
    """Follows boards."""

    def __init__(self, store: Store, election: ElectionClient, ballot: BallotClient) -> None:
        self.store = store
        self.database = store.database
        self.election = election
        self.ballot = ballot

    async def follow(self, work: Work) -> TallyRow | None:
        """Reads what is new on one board; None while there is nothing to follow."""
        if work.state not in FOLLOWED:
            return await self._read(work.uuid)
        row = await self._read(work.uuid) or await self._begin(work)
        is_last = False
        while not (is_last or row.position.ended):
            row, is_last = await self._follow_page(row)
        return row

    async def _read(self, uuid: str) -> TallyRow | None:
        async with self.database.transaction("read_tally", readonly=True) as connection:
            return await self.store.read_tally(connection, uuid)

    async def _begin(self, work: Work) -> TallyRow:
        definition = await self.ballot.read_definition(work.uuid)
        trustees = await self.ballot.read_trustees(work.uuid)
        credentials = await self.ballot.read_credentials(work.uuid)
        row, weights = await asyncio.to_thread(_first_row, work, definition, trustees, credentials)
        async with self.database.transaction("begin_tally") as connection:
            if await self.store.insert_tally(connection, row):
                await self.store.insert_weights(connection, work.uuid, weights)
        return row

    async def _follow_page(self, row: TallyRow) -> tuple[TallyRow, bool]:
        """Counts a page; says whether it was the last: a round asks as often with a new ballot as without one."""
        page = await self.ballot.list_full_events(row.uuid, after=row.position.height, limit=PAGE)
        if not page.events:
            return row, True
        reading = await asyncio.to_thread(read_page, row.position, page.events)
        return await self._count(row, reading), page.next is None

    async def _count(self, row: TallyRow, reading: Reading) -> TallyRow:
        credentials = {cast.credential for cast in reading.ballots}
        async with self.database.transaction("read_counted", readonly=True) as connection:
            counted = await self.store.read_counted(connection, row.uuid, credentials)
            weights = await self.store.read_weights(connection, row.uuid, credentials)
        change = change_of(reading, counted)
        replaced = {credential: await self._ballot_at(row.uuid, counted[credential]) for credential in change.remove}
        tally = await asyncio.to_thread(_apply, row, change, replaced, weights)
        async with self.database.transaction("count_ballots") as connection:
            now = await self.store.read_tally(connection, row.uuid, lock=True)
            assert now is not None
            if now.position != row.position:
                return now
            heights = {cast.credential: cast.height for cast in change.add.values()}
            await self.store.write_counted(connection, row.uuid, heights)
            await self.store.write_position(connection, row.uuid, reading.position, tally)
            written = await self.store.read_tally(connection, row.uuid)
        assert written is not None
        return written

    async def _ballot_at(self, uuid: str, height: int) -> Ballot:
        page = await self.ballot.list_full_events(uuid, after=height - 1, limit=1)
        return parse_ballot(page.events[0].data[0].encode())


def _first_row(work: Work, definition: bytes, trustees: bytes, credentials: bytes) -> tuple[TallyRow, dict[bytes, int]]:
    """The empty tally after Setup, and the weights that differ from 1.

    Nothing is taken on trust: the first ballot's event names its parent, and only these three records give that hash.
    """
    setup = render_setup_data(*(record_hash(record) for record in (definition, trustees, credentials)))
    event = Event(None, 0, "Setup", record_hash(setup))
    empty = EncryptedTally.empty(Election.parse(definition)).render().decode()
    position = Position(0, event.hash, ended=False, ballots=0)
    row = TallyRow(
        work.uuid,
        work.election_id,
        definition,
        trustees,
        False,
        position,
        0,
        0,
        empty,
        None,
        None,
        None,
    )
    listed = parse_credentials(credentials)
    return row, {digest(public.key): public.weight for public in listed if public.weight != 1}


def _apply(
    row: TallyRow, change: Change, replaced: Mapping[bytes, Ballot], weights: Mapping[bytes, int]
) -> EncryptedTally:
    return apply(row.tally(row.election()), change, replaced, weights)
