"""Which part of a document a `Range` header asks for (RFC 9110, section 14): pure.

- One range of bytes is served, from the start, from the middle, or from the end.
- A header that is no range of bytes, or that asks for several, is answered with the whole document.
- A range that begins beyond the end cannot be served.
"""

import re
from dataclasses import dataclass

from services.shared.problems import RangeNotSatisfiable

# More digits than any document has bytes; longer ones would cost time to read.
RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to, not including, `stop`, of a document of `total`."""

    start: int
    stop: int
    total: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """The value of the header Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.total}"


def wanted_part(header: str | None, total: int) -> Part | None:
    """The part that is asked for; None when the whole document is to be sent.

    Raises:
        RangeNotSatisfiable: there is no such part.
    """
    asked = RANGE.fullmatch(header or "")
    if asked is None or asked[1] == asked[2] == "":
        return None
    if asked[1] == "":
        start, stop = max(0, total - int(asked[2])), total
    else:
        start, stop = int(asked[1]), min(total, int(asked[2]) + 1 if asked[2] else total)
        if asked[2] and int(asked[2]) < start:
            return None  # not a range at all
    if start >= total:
        raise RangeNotSatisfiable("The document is shorter.", headers={"Content-Range": f"bytes */{total}"})
    return Part(start, stop, total)
