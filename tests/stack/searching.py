"""Finds a secret in what was written somewhere, also when it stands there in disguise.

A secret is looked for as it is, encoded for addresses, JSON, pages, in base64 and in hexadecimal, as its digests by
MD5, SHA-1 and SHA-256 (whole in both notations, and the first 8 characters), and by its own first 8 characters where
these tell it from everything else. What is compressed is searched uncompressed too.
"""

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, quote_plus

from tests.stack.snappy import snappy_blocks

DIGESTS = ("md5", "sha1", "sha256")
SHORT = 8
BEGINNING = "the beginning of"
HEXADECIMAL, NUMBER = re.compile(rb"[0-9A-Fa-f]"), re.compile(rb"[\w.]")
GZIP = b"\x1f\x8b\x08"
# Nothing here can read these. A server that begins to write them is to be noticed.
UNREADABLE = {"zstd": b"\x28\xb5\x2f\xfd", "lz4": b"\x04\x22\x4d\x18"}


@dataclass(frozen=True)
class Secret:
    """What must be found nowhere. `number` says that it is only digits, and is itself only where no others adjoin.

    `telling` says that its first 8 characters stand for it.
    """

    name: str
    value: str
    telling: bool = True
    number: bool = False

    def find(self, content: bytes) -> Iterator[tuple[str, int]]:
        """In which disguises it stands in a content, and where."""
        for disguise, looks in self.looks.items():
            places = (place for look in looks for place in _places(content, look, self._bound(disguise)))
            if (place := next(places, None)) is not None:
                yield disguise, place

    def _bound(self, disguise: str) -> "re.Pattern[bytes] | None":
        """What must not adjoin: so few characters stand by chance in many a long number."""
        if self.number:
            return NUMBER
        return HEXADECIMAL if disguise.startswith(BEGINNING) else None

    @cached_property
    def looks(self) -> Mapping[str, list[bytes]]:
        """How it looks in each disguise."""
        raw = self.value.encode()
        if self.number:
            return {"itself": [raw]}
        digests = {name: hashlib.new(name, raw).digest() for name in DIGESTS}
        return {
            "itself": [raw],
            "in an address": [quote(self.value, safe="").encode(), quote_plus(self.value).encode()],
            "in lower case in an address": [quote(self.value, safe="").lower().encode()],
            "in JSON": [_in_json(raw), _in_json(_in_json(raw)), raw.replace(b"/", b"\\/")],
            "in a page": [html.escape(self.value).encode()],
            "in base64": [*_in_base64(raw)],
            "in hexadecimal": [raw.hex().encode(), raw.hex().upper().encode()],
            **{f"its {name}": _of_digest(digest) for name, digest in digests.items()},
            **{f"{BEGINNING} its {name}": _beginning_of(digest) for name, digest in digests.items()},
            **({"its beginning": [raw[:SHORT]]} if self.telling else {}),
        }


@dataclass(frozen=True)
class Hit:
    """A secret that was found: in which sink, in which disguise, and what stands around it."""

    sink: str
    secret: str
    disguise: str
    around: bytes


def search(sinks: Mapping[str, bytes], secrets: list[Secret]) -> list[Hit]:
    """Every disguise of every secret in every sink."""
    return [
        Hit(sink, secret.name, disguise, content[max(0, place - 80) : place + 120])
        for sink, raw in sinks.items()
        for content in readable(raw)
        for secret in secrets
        for disguise, place in secret.find(content)
    ]


def readable(raw: bytes) -> Iterator[bytes]:
    """A content as it is and, unless it is text, what is compressed in it.

    Raises:
        AssertionError: something is compressed in a way that nothing here reads.
    """
    yield raw
    if not _is_text(raw):
        for way, magic in UNREADABLE.items():
            assert magic not in raw, f"{way} begins at {raw.index(magic)}"
        yield b"\n".join(_gzipped(raw))
        yield b"\n".join(snappy_blocks(raw))


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _gzipped(raw: bytes) -> Iterator[bytes]:
    at = raw.find(GZIP)
    while at >= 0:
        with suppress(zlib.error):  # three bytes that only look like a beginning
            yield zlib.decompressobj(wbits=31).decompress(raw[at:])
        at = raw.find(GZIP, at + 1)


def _in_json(raw: bytes) -> bytes:
    return json.dumps(raw.decode())[1:-1].encode()


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Those characters that do not depend on what stands before and after, at each of the three offsets."""
    for offset in range(3):
        whole, rest = divmod(offset + len(raw), 3)
        inner = base64.b64encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : 4 * whole + rest]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def _of_digest(digest: bytes) -> list[bytes]:
    whole, encoded = digest.hex().encode(), base64.b64encode(digest).rstrip(b"=")
    return [digest, whole, whole.upper(), encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")]


def _beginning_of(digest: bytes) -> list[bytes]:
    cut = digest.hex()[:SHORT].encode()
    return [cut, cut.upper()]


def _places(content: bytes, look: bytes, bound: "re.Pattern[bytes] | None") -> Iterator[int]:
    """Where something stands in a content with nothing adjoining that may not."""
    place = content.find(look)
    while place >= 0:
        before, after = content[max(0, place - 1) : place], content[place + len(look) : place + len(look) + 1]
        if bound is None or not (bound.match(before) or (bound is NUMBER and bound.match(after))):
            yield place
        place = content.find(look, place + 1)
