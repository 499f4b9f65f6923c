"""The election archive (.bel): a tar of hash-named records and a chain of events, growing only at its end.

Promises:
- What is written is byte for byte what belenios-tool would write from the same records.
- The reader yields an event only when everything up to it is in order: each header is exactly the one that we would
  write, each record has the hash that names it, each event follows its parent, and its payload stands right before it.
- The reader holds a few small records at a time, however large the file and the records in it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.voting.canonical import MalformedJson, decimal, members, parse_json, render_json, small_integer, text

BLOCK = 512
KEPT_CONTENT = 64 * 1024  # records up to this size are kept with their event, larger ones are read again when wanted
_CHUNK = 64 * 1024
_MOST_DATA = 4  # no event has more data before it
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(rb"([0-9a-f]{64})\.(data|event)\.json\0*")
_SIZE = re.compile(rb"([0-7]{11})\0")
_FIRST = "BELENIOS"
_CHANGED = "the file was changed while it was read"


class NotAnArchive(ValueError):
    """The file does not begin as an election archive."""


class BrokenArchive(ValueError):
    """The archive is not in order; `height` is that of the first event that is missing or wrong."""

    def __init__(self, height: int, rule: str) -> None:
        super().__init__(rule)
        self.height, self.rule = height, rule


@dataclass(frozen=True, slots=True)
class Event:
    """A link of the chain. `parent` and `payload` are hexadecimal SHA-256; the first event has no parent."""

    parent: str | None
    height: int
    type: str
    payload: str | None

    def render(self) -> bytes:
        parent = {} if self.parent is None else {"parent": self.parent}
        payload = {} if self.payload is None else {"payload": self.payload}
        return render_json({**parent, "height": self.height, "type": self.type, **payload})

    @property
    def hash(self) -> str:
        return record_hash(self.render())

    @classmethod
    def parse(cls, raw: bytes) -> "Event":
        """Raises MalformedJson unless the bytes are exactly those of an event."""
        optional = ("parent", "payload")
        parent, height, kind, payload = members(
            parse_json(raw), "parent", "height", "type", "payload", optional=optional
        )
        event = cls(_optional_hash(parent), small_integer(height), text(kind), _optional_hash(payload))
        if event.render() != raw:
            raise MalformedJson("the event is not in canonical form")
        return event


@dataclass(frozen=True, slots=True)
class Record:
    """A record's place in the file; its content too where it is small."""

    hash: str
    offset: int
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with the data that stands before it; the bytes from `start` to `end` are theirs."""

    event: Event
    data: tuple[Record, ...]
    start: int
    end: int


def record_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def header_bytes(timestamp: int) -> bytes:
    """The first member of an archive; all others repeat its time (seconds since 1970)."""
    return record_bytes(_FIRST, render_json({"version": 1, "timestamp": str(timestamp)}), timestamp)


def data_record(content: bytes, timestamp: int) -> bytes:
    return record_bytes(f"{record_hash(content)}.data.json", content, timestamp)


def event_record(event: Event, timestamp: int) -> bytes:
    return record_bytes(f"{event.hash}.event.json", event.render(), timestamp)


def record_bytes(name: str, content: bytes, timestamp: int) -> bytes:
    """A member: a header of 512 bytes, and the content filled up with NUL to whole blocks."""
    return record_header(name, len(content), timestamp) + content + bytes(-len(content) % BLOCK)


def record_header(name: str, size: int, timestamp: int) -> bytes:
    """The header alone, for content that is too large to hold; it is to be filled up with NUL to whole blocks."""
    return _header(name.encode("ascii"), size, timestamp)


def render_setup_data(election_hash: str, trustees_hash: str, credentials_hash: str) -> bytes:
    return render_json({"election": election_hash, "trustees": trustees_hash, "credentials": credentials_hash})


def render_owned(owner: int, payload_hash: str) -> bytes:
    return render_json({"owner": owner, "payload": payload_hash})


class ArchiveReader:
    """Iterates over the entries of a seekable stream; raises BrokenArchive at the first that is not in order."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises NotAnArchive unless the stream begins with the member that says so."""
        self._stream = stream
        self.timestamp = self._read_first()
        self.start = stream.tell()

    def __iter__(self) -> Iterator[Entry]:
        parent: str | None = None
        height, place = 0, self.start
        while entry := self._read_entry(parent, height, place):
            yield entry
            parent, height, place = entry.event.hash, height + 1, entry.end

    def read(self, record: Record) -> bytes:
        """The content of a record, which the caller has found not to be too large."""
        return record.content if record.content is not None else b"".join(self.chunks(record))

    def chunks(self, record: Record) -> Iterator[bytes]:
        """The content of a record piece by piece; the place in the stream is free to move in between.

        Raises OSError when the file has become shorter meanwhile.
        """
        for start in range(0, record.size, _CHUNK):
            self._stream.seek(record.offset + start)
            chunk = self._stream.read(min(_CHUNK, record.size - start))
            if len(chunk) < min(_CHUNK, record.size - start):
                raise OSError(_CHANGED)
            yield chunk

    def _read_first(self) -> int:
        first = self._stream.read(2 * BLOCK)
        try:
            size = int(first[124:135], 8)
            version, timestamp = members(parse_json(first[BLOCK : BLOCK + size]), "version", "timestamp")
            if version != 1 or first != header_bytes(decimal(timestamp)):
                raise NotAnArchive("the file does not begin as an election archive")
        except (ValueError, OverflowError) as error:
            raise NotAnArchive("the file does not begin as an election archive") from error
        return decimal(timestamp)

    def ballots(self, start: int, end: int) -> Iterator[bytes]:
        """The ballots between two places of the file where an iteration has found nothing but Ballot events.

        Raises OSError when they are not there any more.
        """
        while start < end:
            self._stream.seek(start)
            try:
                ballot, event = self._read_member(0), self._read_member(0)
            except BrokenArchive as error:
                raise OSError(_CHANGED) from error
            if ballot is None or event is None:
                raise OSError(_CHANGED)
            start = self._stream.tell()
            yield self.read(ballot[1])

    def _read_entry(self, parent: str | None, height: int, start: int) -> Entry | None:
        """The next event with its data, or None at the end of the file."""
        data = list[Record]()
        self._stream.seek(start)
        while True:
            member = self._read_member(height)
            if member is None and not data:
                return None
            if member is None:
                raise BrokenArchive(height, "the file ends in the middle of an event")
            kind, record = member
            if kind == b"event":
                return Entry(_link(record, data, parent, height), tuple(data), start, self._stream.tell())
            if len(data) == _MOST_DATA:
                raise BrokenArchive(height, "more data stands before an event than any event has")
            data.append(record)

    def _read_member(self, height: int) -> tuple[bytes, Record] | None:
        header = self._stream.read(BLOCK)
        if not header:
            return None
        name, size = _NAME.fullmatch(header[:100]), _SIZE.fullmatch(header[124:136])
        if len(header) < BLOCK:
            raise BrokenArchive(height, "the file ends in the middle of a header")
        if not name or not size or header != _header(header[:100], int(size[1], 8), self.timestamp):
            raise BrokenArchive(height, "a header is not in order")
        return name[2], self._read_record(height, name[1].decode("ascii"), int(size[1], 8))

    def _read_record(self, height: int, expected: str, size: int) -> Record:
        """Read past a record's content and padding, comparing its hash with its name."""
        offset, digest, left, content = self._stream.tell(), hashlib.sha256(), size, b""
        while left:
            chunk = self._stream.read(min(_CHUNK, left))
            if not chunk:
                raise BrokenArchive(height, "the file ends in the middle of a record")
            digest.update(chunk)
            left -= len(chunk)
            content = chunk if size <= KEPT_CONTENT else b""
        padding = self._stream.read(-size % BLOCK)
        if len(padding) != -size % BLOCK:
            raise BrokenArchive(height, "the file ends in the middle of a record")
        if any(padding):
            raise BrokenArchive(height, "a record is not filled up with NUL")
        if digest.hexdigest() != expected:
            raise BrokenArchive(height, "a record does not have the hash that names it")
        return Record(expected, offset, size, content if size <= KEPT_CONTENT else None)


def _header(name: bytes, size: int, timestamp: int) -> bytes:
    """A V7 tar header without magic; raises OverflowError for a time that 11 octal digits cannot hold."""
    if timestamp >= 8**11:
        raise OverflowError("the time does not fit into a header")
    fields = bytearray(BLOCK)
    fields[0 : len(name)] = name
    fields[100:124] = b"0000644\0" + b"0000000\0" * 2
    fields[124:148] = b"%011o\0%011o\0" % (size, timestamp)
    fields[148:156] = b" " * 8
    fields[156:157] = b"0"
    fields[148:156] = b"%06o\0 " % sum(fields)
    return bytes(fields)


def _link(record: Record, data: list[Record], parent: str | None, height: int) -> Event:
    """The event in a record, if it continues the chain and its payload is the last of the data."""
    try:
        event = Event.parse(record.content or b"")
    except MalformedJson as error:
        raise BrokenArchive(height, f"the event cannot be read: {error}") from error
    if event.parent != parent:
        raise BrokenArchive(height, "the event does not name the one before it as its parent")
    if event.height != height:
        raise BrokenArchive(height, "the event's height does not follow that of the one before it")
    if event.payload != (data[-1].hash if data else None):
        raise BrokenArchive(height, "the event's payload is not the data before it")
    return event


def _optional_hash(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise MalformedJson("a hash was expected")
    return value
