"""The public credentials of an archive, for lists that do not fit into memory.

Promise: the list is read piece by piece, and some 250 bytes per credential are kept.
"""

import hashlib
import re
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice

from services.voting.batches import CredentialBatch
from services.voting.canonical import MalformedJson
from services.voting.credential import PublicCredential
from services.voting.group import Group

_BATCH = 256  # credentials that one process tests at a stretch, a tenth of a second
_LARGEST_WEIGHT = 2**64 - 1
_BLANKS = b" \t\r\n"
_LINE = re.compile(rb'[ \t\r\n]*"([0-9a-f,]{1,700})"[ \t\r\n]{0,100}([,\]])')
_LONGEST_LINE = 1024  # more than `_LINE` matches after its leading blanks


class CredentialList:
    """Numbers the credentials of a list, knows their weights, and which ballot of each is the last so far."""

    def __init__(self, chunks: Iterable[bytes], group: Group) -> None:
        """Reads the list; raises MalformedJson. Whether the keys are in the group is for `check_batch` to say."""
        self._numbers: dict[bytes, int] = {}
        self._weights = array("Q")
        for line in _lines(chunks):
            self._append(PublicCredential.parse(line), group)
        self._last = array("Q", bytes(self._weights.itemsize * len(self._weights)))

    def __len__(self) -> int:
        return len(self._weights)

    def unused(self, chunks: Iterable[bytes]) -> Iterator[CredentialBatch]:
        """The credentials that have signed no ballot, from the same list read once more."""
        keys = (PublicCredential.parse(line).key for line in _lines(chunks))
        idle = (key for key, last in zip(keys, self._last, strict=True) if not last)
        while batch := tuple(islice(idle, _BATCH)):
            yield CredentialBatch(batch)

    @property
    def number_unused(self) -> int:
        return self._last.count(0)

    def number(self, key: str) -> int | None:
        return self._numbers.get(_digest(key))

    def cast(self, number: int, height: int) -> None:
        """The credential has signed the ballot at this height, which replaces any earlier one."""
        self._last[number] = height

    def counted_weight(self, number: int, height: int) -> int | None:
        """The weight with which a ballot counts, or None when a later one of the same credential has replaced it."""
        return self._weights[number] if self._last[number] == height else None

    def _append(self, credential: PublicCredential, group: Group) -> None:
        group.parse(credential.key)
        if credential.weight > _LARGEST_WEIGHT:
            raise MalformedJson("a weight is beyond any election")
        if self._numbers.setdefault(_digest(credential.key), len(self._weights)) != len(self._weights):
            raise MalformedJson("a credential stands twice in the list")
        self._weights.append(credential.weight)


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("ascii"), digest_size=16).digest()


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The strings of a JSON array of strings without escapes, whatever blanks stand between them."""
    unread = _Unread(chunks)
    if not unread.skip(b"["):
        raise MalformedJson("the list of credentials is not an array")
    if unread.skip(b"]"):
        return unread.expect_end()
    while True:
        line, separator = unread.line()
        yield line
        if separator == b"]":
            return unread.expect_end()


class _Unread:
    """Text that comes in pieces, of which only what is not read yet is kept."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._text, self._place = b"", 0

    def skip(self, token: bytes) -> bool:
        """Skip blanks, and the token if it comes next."""
        while not (rest := self._text[self._place :].lstrip(_BLANKS)) and self._more():
            pass
        self._text, self._place = rest, 0
        found = rest.startswith(token)
        self._place += len(token) * found
        return found

    def line(self) -> tuple[str, bytes]:
        """The next string, and the comma or bracket behind it."""
        while not (match := _LINE.match(self._text, self._place)):
            self._text, self._place = self._text[self._place :].lstrip(_BLANKS), 0
            if len(self._text) > _LONGEST_LINE or not self._more():
                raise MalformedJson("the list of credentials is not an array of credentials")
        self._place = match.end()
        return match[1].decode("ascii"), match[2]

    def expect_end(self) -> None:
        self.skip(b"")
        if self._place < len(self._text):
            raise MalformedJson("something stands behind the list of credentials")

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._text, self._place = self._text[self._place :] + chunk, 0
        return bool(chunk)
