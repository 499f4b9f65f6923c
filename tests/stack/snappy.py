"""Finds and reads what is compressed by Snappy, in files of whatever format.

A block has no beginning by which it could be known: every place is tried, and few places make sense for long.
"""

from collections.abc import Iterator

SHORTEST, LONGEST = 8, 2**24
MARK_OF_LENGTH = 0x80


def snappy_blocks(raw: bytes) -> Iterator[bytes]:
    """The content of every block, and of a few places that only look like one."""
    at = 0
    while at < len(raw):
        block, end = _read_block(raw, at)
        if len(block) >= SHORTEST:
            yield block
        at = end if len(block) >= 256 else at + 1


def _read_block(raw: bytes, at: int) -> tuple[bytes, int]:
    """What begins here, and where it ends; nothing when it makes no sense."""
    start, length = at, 0
    for shift in range(0, 28, 7):
        if at >= len(raw):
            return b"", start
        length |= (raw[at] & ~MARK_OF_LENGTH) << shift
        at += 1
        if raw[at - 1] < MARK_OF_LENGTH:
            break
    if not SHORTEST <= length <= LONGEST:
        return b"", start
    out = bytearray()
    while len(out) < length and at < len(raw):
        at = _read_element(raw, at, out)
        if at < 0:
            return b"", start
    return (bytes(out), at) if len(out) == length else (b"", start)


def _read_element(raw: bytes, at: int, out: bytearray) -> int:
    """Adds a literal or a copy to `out`; returns where the next element begins, or -1."""
    tag = raw[at]
    kind = tag & 3
    if kind == 0:
        size, more = tag >> 2, 0
        if size >= 60:
            more = size - 59
            size = int.from_bytes(raw[at + 1 : at + 1 + more], "little")
        at += 1 + more
        out += raw[at : at + size + 1]
        return at + size + 1 if at + size + 1 <= len(raw) else -1
    width = (0, 1, 2, 4)[kind]
    offset = int.from_bytes(raw[at + 1 : at + 1 + width], "little")
    size = (tag >> 2) + 1
    if kind == 1:
        offset, size = offset | (tag >> 5) << 8, (tag >> 2 & 7) + 4
    if not 0 < offset <= len(out):
        return -1
    for _ in range(size):
        out.append(out[-offset])
    return at + 1 + width
