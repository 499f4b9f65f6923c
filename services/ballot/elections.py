"""The definitions of the elections that have a board, read once and kept: they never change."""

import asyncio
from collections import OrderedDict

from services.ballot.store_reading import ReadingStore
from services.shared.problems import NotFound
from services.voting.election import Election

KEPT = 64
DEFINITION, TRUSTEES, CREDENTIALS, SETUP_DATA = range(4)  # places of the records before Setup


def no_such_board() -> NotFound:
    """The refusal for a uuid that has no board."""
    return NotFound("There is no such election.")


class Elections:
    """Finds elections by uuid."""

    def __init__(self, store: ReadingStore) -> None:
        self.store = store
        self.kept: OrderedDict[str, Election] = OrderedDict()
        self.tests: frozenset[str] = frozenset()

    def class_of(self, uuid: str) -> str:
        """`test` for an election that is known to decide nothing."""
        return "test" if uuid in self.tests else "real"

    async def find(self, uuid: str) -> Election:
        """The election as its definition says.

        Raises:
            NotFound: there is no board of this election.
        """
        election = self.kept.get(uuid)
        if election is None:
            election = await asyncio.to_thread(Election.parse, await self.read_definition(uuid))
            self.kept[uuid] = election
            if len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        else:
            self.kept.move_to_end(uuid)
        return election

    async def read_definition(self, uuid: str) -> bytes:
        """The exact bytes; raises NotFound."""
        return await self.read_record(uuid, DEFINITION)

    async def read_trustees(self, uuid: str) -> bytes:
        """The exact bytes; raises NotFound."""
        return await self.read_record(uuid, TRUSTEES)

    async def read_record(self, uuid: str, place: int) -> bytes:
        """A small record of the Setup event; raises NotFound."""
        async with self.store.database.transaction("read_record", readonly=True) as connection:
            content = await self.store.read_piece(connection, uuid, 0, place, 0)
        if content is None:
            raise no_such_board()
        return content
