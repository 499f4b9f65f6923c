"""The growing archive of a board as bytes: everything up to the event that is the last one when a download begins.

- The bytes are those of the ballot protocol's archive; a later download begins with the same bytes.
- Whatever part is asked for, only a few megabytes of it are in memory at a time, and no connection is held meanwhile.
- Nothing is stored twice: headers and events are written anew from what the chain is made of.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from services.ballot.board import event
from services.ballot.ranges import Part
from services.ballot.store_reading import ChainRow, ReadingStore, RecordRow
from services.voting.archive import BLOCK, event_record, header_bytes, record_header

EVENTS_AT_A_TIME = 100

Contents = Mapping[tuple[int, int], bytes]


async def cut(pieces: AsyncIterator[bytes], skip: int, size: int) -> AsyncIterator[bytes]:
    """So many bytes of a stream, after some that are left out."""
    async for piece in pieces:
        shown = piece[skip : skip + size]
        skip = max(0, skip - len(piece))
        size -= len(shown)
        if shown:
            yield shown
        if not size:
            return


@dataclass(frozen=True, slots=True)
class Archive:
    """One board's archive."""

    store: ReadingStore
    uuid: str
    timestamp: int

    async def stream(self, part: Part) -> AsyncIterator[bytes]:
        """The bytes of a part, in pieces."""
        first = header_bytes(self.timestamp)
        if part.start < len(first):
            yield first[part.start : part.stop]
        start = max(len(first), part.start)
        if start < part.stop:
            async with self.store.database.transaction("download_archive", readonly=True) as connection:
                height, begin = await self.store.find_offset(connection, self.uuid, start)
            async for piece in cut(self._events(height), start - begin, part.stop - start):
                yield piece

    async def record(self, record: RecordRow) -> AsyncIterator[bytes]:
        """The content of a record, piece by piece."""
        for piece in range(record.pieces):
            async with self.store.database.transaction("read_record", readonly=True) as connection:
                content = await self.store.read_piece(connection, self.uuid, record.height, record.place, piece)
            assert content is not None  # records are never deleted
            yield content

    async def _events(self, height: int) -> AsyncIterator[bytes]:
        if height == 0:
            async for piece in self._setup():
                yield piece
            height = 1
        while True:
            async with self.store.database.transaction("download_archive", readonly=True) as connection:
                chain = await self.store.list_chain(connection, self.uuid, height - 1, EVENTS_AT_A_TIME)
                heights = (height, height + len(chain) - 1)
                records = await self.store.list_records(connection, self.uuid, *heights)
                contents = await self.store.read_contents(connection, self.uuid, *heights)
            for row in chain:
                yield self._members(row, records, contents)
            if not chain:
                return
            height += len(chain)

    async def _setup(self) -> AsyncIterator[bytes]:
        """The first event, whose public list is too large to hold."""
        async with self.store.database.transaction("download_archive", readonly=True) as connection:
            chain = await self.store.list_chain(connection, self.uuid, -1, 1)
            records = await self.store.list_records(connection, self.uuid, 0, 0)
        for record in records:
            yield self._header(record)
            async for piece in self.record(record):
                yield piece
            yield _padding(record.size)
        yield self._members(chain[0], [], {})

    def _members(self, row: ChainRow, records: list[RecordRow], contents: Contents) -> bytes:
        """An event, after those of the records that are its own."""
        own = [record for record in records if record.height == row.height]
        data = [self._header(record) + contents[record.height, record.place] + _padding(record.size) for record in own]
        return b"".join([*data, event_record(event(row.parent, row.height, row.type, row.payload), self.timestamp)])

    def _header(self, record: RecordRow) -> bytes:
        return record_header(f"{record.hash.hex()}.data.json", record.size, self.timestamp)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)
