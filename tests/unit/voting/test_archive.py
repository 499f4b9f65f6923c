"""The archive's form: what is written is read again, and nothing else is."""

import io
import tarfile

import pytest

from services.voting.archive import (
    BLOCK,
    KEPT_CONTENT,
    ArchiveReader,
    BrokenArchive,
    Entry,
    Event,
    NotAnArchive,
    data_record,
    event_record,
    header_bytes,
    record_bytes,
    record_hash,
    render_owned,
    render_setup_data,
)
from services.voting.canonical import MalformedJson
from tests.voting_archives.builder import TIMESTAMP, Chain

HASH = "ab" * 32


def chain_of(*contents: bytes) -> bytes:
    """An archive with one event per content; the reader does not ask what the types mean."""
    chain = Chain()
    for number, content in enumerate(contents):
        chain.append(f"Event{number}", content)
    return chain.render()


def read(raw: bytes) -> list[Entry]:
    return list(ArchiveReader(io.BytesIO(raw)))


GOOD = chain_of(b"one", b"two", b"x" * 2000)


def test_what_is_written_is_read() -> None:
    entries = read(GOOD)
    assert [entry.event.height for entry in entries] == [0, 1, 2]
    assert [entry.data[0].content for entry in entries] == [b"one", b"two", b"x" * 2000]
    assert [entry.event.parent for entry in entries] == [None, entries[0].event.hash, entries[1].event.hash]
    assert [entry.start for entry in entries] == [2 * BLOCK, entries[0].end, entries[1].end]
    assert entries[-1].end == len(GOOD)


def test_an_ordinary_tar_reader_reads_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(GOOD)) as tar:
        names = tar.getnames()
        assert names[0] == "BELENIOS"
        assert names[1] == f"{record_hash(b'one')}.data.json"
        assert {(member.mtime, member.mode) for member in tar.getmembers()} == {(TIMESTAMP, 0o644)}


def test_every_beginning_at_the_end_of_an_event_is_an_archive() -> None:
    ends = [2 * BLOCK] + [entry.end for entry in read(GOOD)]
    for length in range(2 * BLOCK, len(GOOD) + 1, 64):
        if length in ends:
            assert len(read(GOOD[:length])) == ends.index(length)
        else:
            with pytest.raises(BrokenArchive) as caught:
                read(GOOD[:length])
            assert caught.value.height == sum(end <= length for end in ends[1:])


def test_every_changed_byte_is_noticed() -> None:
    for place in range(0, len(GOOD), 7):
        changed = bytearray(GOOD)
        changed[place] ^= 1
        with pytest.raises((BrokenArchive, NotAnArchive)):
            read(bytes(changed))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"BELENIOS",
        bytes(2 * BLOCK),
        b"\x7fELF" + bytes(5000),
        GOOD[BLOCK:],
        record_bytes("BELENIOS", b'{"version":1,"timestamp":1700000000}', TIMESTAMP),
        record_bytes("BELENIOS", b'{"version":2,"timestamp":"1700000000"}', TIMESTAMP),
        record_bytes("BELENIOS", b'{"version":1,"timestamp":"1700000001"}', TIMESTAMP),
        record_bytes("BELENIOS", b'{"version":1,"timestamp":"999999999999999"}', TIMESTAMP),
        record_bytes("BELENIOS", b"[" * 400, TIMESTAMP),
        header_bytes(TIMESTAMP)[:600],
    ],
)
def test_what_does_not_begin_as_an_archive_is_none(raw: bytes) -> None:
    with pytest.raises(NotAnArchive):
        ArchiveReader(io.BytesIO(raw))


def with_event(event: Event, *data: bytes) -> bytes:
    records = b"".join(data_record(content, TIMESTAMP) for content in data)
    return header_bytes(TIMESTAMP) + records + event_record(event, TIMESTAMP)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (with_event(Event(HASH, 0, "Setup", record_hash(b"x")), b"x"), "parent"),
        (with_event(Event(None, 1, "Setup", record_hash(b"x")), b"x"), "height"),
        (with_event(Event(None, 0, "Setup", HASH), b"x"), "payload"),
        (with_event(Event(None, 0, "Setup", None), b"x"), "payload"),
        (with_event(Event(None, 0, "Setup", record_hash(b"x"))), "payload"),
        (with_event(Event(None, 0, "Setup", record_hash(b"x")), b"x", b"y"), "payload"),
        (with_event(Event(None, 0, "Setup", record_hash(b"6")), b"1", b"2", b"3", b"4", b"5", b"6"), "more data"),
        (GOOD + b"\0" * BLOCK, "header"),
        (GOOD + b"\0" * 1024, "header"),
        (GOOD + b"x", "header"),
        (GOOD + data_record(b"late", TIMESTAMP), "middle of an event"),
        (header_bytes(TIMESTAMP) + record_bytes("x.txt", b"", TIMESTAMP), "header"),
        (header_bytes(TIMESTAMP) + record_bytes(f"{HASH}.data.json", b"", TIMESTAMP), "hash"),
        (header_bytes(TIMESTAMP) + data_record(b"x", TIMESTAMP + 1), "header"),
        (header_bytes(TIMESTAMP) + record_bytes(f"{HASH}.data.json", b"", TIMESTAMP)[:124] + b"7" * 388, "header"),
    ],
)
def test_the_rule_that_is_broken_is_named(raw: bytes, rule: str) -> None:
    with pytest.raises(BrokenArchive, match=rule):
        read(raw)


def event_text(raw: bytes) -> bytes:
    """An archive whose first event has this text."""
    return header_bytes(TIMESTAMP) + record_bytes(f"{record_hash(raw)}.event.json", raw, TIMESTAMP)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"height":0,"type":"Setup"} ',
        b'{"height":0, "type":"Setup"}',
        b'{"type":"Setup","height":0}',
        b'{"parent":null,"height":0,"type":"Setup"}',
        b'{"height":0,"type":"Setup","extra":1}',
        b'{"height":"0","type":"Setup"}',
        b'{"height":0.0,"type":"Setup"}',
        b'{"height":false,"type":"Setup"}',
        b'{"height":0,"type":["Setup"]}',
        b'{"height":0,"type":{}}',
        b'{"height":0,"type":"\\ud800"}',
        b'{"height":' + b"9" * 5000 + b',"type":"Setup"}',
        b'{"parent":"' + HASH.upper().encode() + b'","height":0,"type":"Setup"}',
        b"[" * KEPT_CONTENT,
        b" " * (KEPT_CONTENT + 1),
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_an_event_has_one_spelling(raw: bytes) -> None:
    with pytest.raises(BrokenArchive, match="cannot be read"):
        read(event_text(raw))


def test_events_travel_through_text_unchanged() -> None:
    for event in (Event(None, 0, "Setup", HASH), Event(HASH, 7, "EndBallots", None)):
        assert Event.parse(event.render()) == event
    with pytest.raises(MalformedJson):
        Event.parse(b'{"height":0}')


def test_large_records_are_read_in_pieces() -> None:
    large = b"y" * (3 * KEPT_CONTENT + 5)
    stream = io.BytesIO(chain_of(large, b"small"))
    reader = ArchiveReader(stream)
    for entry, content in zip(reader, (large, b"small"), strict=True):
        assert (entry.data[0].content is None) == (content is large)
        assert reader.read(entry.data[0]) == content


def test_a_record_that_claims_to_be_huge_is_not_read_into_memory() -> None:
    header = bytearray(data_record(b"", TIMESTAMP)[:BLOCK])
    header[124:135] = b"7" * 11
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(BrokenArchive, match="middle of a record"):
        read(header_bytes(TIMESTAMP) + bytes(header) + b"x" * 1000)


def test_small_records_are_as_the_protocol_has_them() -> None:
    assert render_owned(2, HASH) == b'{"owner":2,"payload":"' + HASH.encode() + b'"}'
    assert render_setup_data("a", "b", "c") == b'{"election":"a","trustees":"b","credentials":"c"}'
