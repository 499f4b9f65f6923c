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

    @cached_property
    def expressions(self) -> Mapping[str, "re.Pattern[bytes]"]:
        """How it looks in each disguise."""
        if self.number:
            return {"itself": re.compile(rb"(?<![\w.])" + self.value.encode() + rb"(?![\w.])")}
        whole = {what: re.compile(b"|".join(map(re.escape, looks))) for what, looks in self._looks().items()}
        return whole | {f"the beginning of its {name}": _begins(_digest(name, self.value.encode())) for name in DIGESTS}

    def _looks(self) -> dict[str, list[bytes]]:
        raw = self.value.encode()
        looks = {
            "itself": [raw],
            "in an address": [quote(self.value, safe="").encode(), quote_plus(self.value).encode()],
            "in lower case in an address": [quote(self.value, safe="").lower().encode()],
            "in JSON": [_in_json(raw), _in_json(_in_json(raw)), raw.replace(b"/", b"\\/")],
            "in a page": [html.escape(self.value).encode()],
            "in base64": [*_in_base64(raw)],
            "in hexadecimal": [raw.hex().encode(), raw.hex().upper().encode()],
        }
        looks |= {f"its {name}": _of_digest(_digest(name, raw)) for name in DIGESTS}
        if self.telling:
            looks["its beginning"] = [raw[:SHORT]]
        return looks


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
        Hit(sink, secret.name, disguise, content[max(0, found.start() - 80) : found.end() + 80])
        for sink, raw in sinks.items()
        for content in readable(raw)
        for secret in secrets
        for disguise, expression in secret.expressions.items()
        if (found := expression.search(content))
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


def _digest(name: str, raw: bytes) -> bytes:
    return hashlib.new(name, raw).digest()


def _of_digest(digest: bytes) -> list[bytes]:
    whole, encoded = digest.hex().encode(), base64.b64encode(digest).rstrip(b"=")
    return [digest, whole, whole.upper(), encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")]


def _begins(digest: bytes) -> "re.Pattern[bytes]":
    """A cut digest. Nothing of the kind stands before it: so few characters stand by chance in many a long number."""
    return re.compile(rb"(?<![0-9A-Fa-f])" + digest.hex()[:SHORT].encode(), re.IGNORECASE)
