"""The chain of a board, and where its events stand in the archive."""

import hashlib
import io
from itertools import pairwise

import pytest

from services.ballot.board import ChainEnd, beginning, event, link, may_follow
from services.ballot.contract import EventType
from services.voting.archive import ArchiveReader, data_record, event_record, header_bytes

TIME = 1_700_000_000
E = EventType


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def written(records: list[list[bytes]], kinds: list[EventType]) -> tuple[bytes, list[ChainEnd]]:
    """An archive of events with these records, and the chain's end after each."""
    archive, ends = header_bytes(TIME), [beginning(TIME)]
    for contents, kind in zip(records, kinds, strict=True):
        payload = digest(contents[-1]) if contents else None
        step = link(ends[-1], kind, payload, [len(content) for content in contents])
        assert step.archive_start == len(archive)
        archive += b"".join(data_record(content, TIME) for content in contents)
        archive += event_record(event(step.parent, step.height, kind, payload), TIME)
        ends.append(step.end)
    return archive, ends


def test_the_archive_of_a_chain_is_in_order_and_as_long_as_the_chain_says() -> None:
    records = [[b"a", b"bb" * 600, b"c", b"d"], [b"x" * 512], [b"y" * 513], []]
    archive, ends = written(records, [E.SETUP, E.BALLOT, E.BALLOT, E.END_BALLOTS])
    entries = list(ArchiveReader(io.BytesIO(archive)))
    assert [entry.event.height for entry in entries] == [0, 1, 2, 3]
    assert [entry.event.hash for entry in entries] == [end.hash.hex() for end in ends[1:] if end.hash]
    assert [entry.end for entry in entries] == [end.archive_bytes for end in ends[1:]]


def test_each_event_names_the_one_before_it() -> None:
    _, ends = written([[b"a"], [b"b"], [b"c"]], [E.SETUP, E.BALLOT, E.BALLOT])
    for before, after in pairwise(ends):
        assert after.height == before.height + 1
        assert after.hash != before.hash


@pytest.mark.parametrize(
    ("last", "kinds", "allowed"),
    [
        (E.END_BALLOTS, [E.ENCRYPTED_TALLY], True),
        (E.ENCRYPTED_TALLY, [E.PARTIAL_DECRYPTION, E.PARTIAL_DECRYPTION, E.RESULT], True),
        (E.PARTIAL_DECRYPTION, [E.RESULT], True),
        (E.BALLOT, [E.ENCRYPTED_TALLY], False),
        (E.SETUP, [E.ENCRYPTED_TALLY], False),
        (E.END_BALLOTS, [E.ENCRYPTED_TALLY, E.RESULT], False),
        (E.END_BALLOTS, [E.PARTIAL_DECRYPTION], False),
        (E.ENCRYPTED_TALLY, [E.ENCRYPTED_TALLY], False),
        (E.RESULT, [E.RESULT], False),
    ],
)
def test_the_order_of_the_conclusion(last: EventType, kinds: list[EventType], allowed: bool) -> None:
    assert may_follow(last, kinds) is allowed
