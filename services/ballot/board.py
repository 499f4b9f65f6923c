"""The chain of a board and where each event stands in the archive: pure.

- Each event names the one before it as its parent and stands one higher.
- An event's place in the archive follows from the sizes of what stands before it; nothing is written twice.
- After EndBallots come EncryptedTally, the partial decryptions of ascending owners, Result, in this order and no other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from services.ballot.contract import EventType
from services.voting.archive import BLOCK, Event, header_bytes

# What may follow what, after the last ballot.
FOLLOWERS: dict[EventType, tuple[EventType, ...]] = {
    EventType.END_BALLOTS: (EventType.ENCRYPTED_TALLY,),
    EventType.ENCRYPTED_TALLY: (EventType.PARTIAL_DECRYPTION,),
    EventType.PARTIAL_DECRYPTION: (EventType.PARTIAL_DECRYPTION, EventType.RESULT),
}


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last event of a chain, and the length of the archive up to it."""

    height: int
    hash: bytes | None
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class Link:
    """An event as it is stored. `text` is the exact text of its record."""

    type: EventType
    height: int
    hash: bytes
    parent: bytes | None
    payload: bytes | None
    archive_start: int
    archive_end: int

    @property
    def end(self) -> ChainEnd:
        """The chain's end once this event is on it."""
        return ChainEnd(self.height, self.hash, self.archive_end)


def beginning(archive_timestamp: int) -> ChainEnd:
    """A chain without events: the archive holds its first member only."""
    return ChainEnd(-1, None, len(header_bytes(archive_timestamp)))


def link(end: ChainEnd, kind: EventType, payload: bytes | None, sizes: Sequence[int]) -> Link:
    """The next event. `sizes` are the bytes of the records that stand before it in the archive."""
    parent = end.hash
    text = event_text(parent, end.height + 1, kind, payload)
    length = sum(member_size(size) for size in [*sizes, len(text)])
    start = end.archive_bytes
    return Link(kind, end.height + 1, hashlib.sha256(text).digest(), parent, payload, start, start + length)


def event_text(parent: bytes | None, height: int, kind: str, payload: bytes | None) -> bytes:
    """The exact text of an event's record."""
    return event(parent, height, kind, payload).render()


def event(parent: bytes | None, height: int, kind: str, payload: bytes | None) -> Event:
    """The event as the protocol knows it."""
    return Event(parent.hex() if parent else None, height, str(kind), payload.hex() if payload else None)


def member_size(size: int) -> int:
    """Bytes of an archive member with so much content: a header, and the content filled up to whole blocks."""
    return BLOCK + size + -size % BLOCK


def may_follow(last: EventType, types: Sequence[EventType]) -> bool:
    """Whether events of these types may come after the last one, in this order."""
    for kind in types:
        if kind not in FOLLOWERS.get(last, ()):
            return False
        last = kind
    return True
