"""A file in a form, passed on while it arrives: it is never held as a whole, in memory or on a disk.

The form's other fields stand before the file, its token too, which is checked before anything is passed on.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.frontend import csrf
from services.frontend.forms import Form
from services.shared.problems import Malformed, WrongMediaType

MOST_PARTS = 10
MOST_FIELD_BYTES = 1024
MOST_HEADER_BYTES = 4096


@dataclass(frozen=True)
class Upload:
    """A form whose last field is a file."""

    form: Form
    content: AsyncIterator[bytes]


class _Parts:
    """What the parser has found and nobody has taken yet: begun parts with their header, pieces of content, ends."""

    def __init__(self, boundary: bytes) -> None:
        self.found: deque[tuple[str, bytes]] = deque()
        self.header = bytearray()
        self.disposition = b""
        self.parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._on_header,
                "on_header_value": self._on_header,
                "on_header_end": self._on_header_end,
                "on_headers_finished": lambda: self.found.append(("begin", self.disposition)),
                "on_part_begin": self._on_part_begin,
                "on_part_data": lambda data, start, end: self.found.append(("data", bytes(data[start:end]))),
                "on_part_end": lambda: self.found.append(("end", b"")),
            },
        )

    def _on_part_begin(self) -> None:
        self.disposition = b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]
        if len(self.header) > MOST_HEADER_BYTES:
            raise Malformed("The form cannot be read.")

    def _on_header_end(self) -> None:
        line = bytes(self.header)
        self.header.clear()
        # The parser gives name and value without the colon between them.
        if line.lower().startswith(b"content-disposition"):
            self.disposition = line[len(b"content-disposition") :].strip()


async def _events(request: Request) -> AsyncGenerator[tuple[str, bytes], None]:
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise WrongMediaType("This takes a form with a file.")
    parts = _Parts(options[b"boundary"])
    try:
        async for piece in request.stream():
            parts.parser.write(piece)
            while parts.found:
                yield parts.found.popleft()
        parts.parser.finalize()
    except MultipartParseError:
        raise Malformed("The form cannot be read.") from None


async def read_upload(request: Request) -> Upload:
    """Reads the fields before the file.

    Raises:
        ForeignRequest: the token is wrong.
        WrongMediaType, Malformed: it is no form with a file.
    """
    events = _events(request)
    form = Form()
    for _ in range(MOST_PARTS):
        _, options = parse_options_header(await _begin(events))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            csrf.check_token(request, form.get(csrf.FIELD))
            return Upload(form, _content(events))
        form.values.setdefault(name, []).append(await _field(events))
    raise Malformed("The form has no file.")


async def _begin(events: AsyncGenerator[tuple[str, bytes], None]) -> bytes:
    """The disposition of the next part."""
    async for _kind, disposition in events:
        return disposition
    raise Malformed("The form has no file.")


async def _field(events: AsyncGenerator[tuple[str, bytes], None]) -> str:
    value = b""
    async for kind, data in events:
        value += data
        if len(value) > MOST_FIELD_BYTES:
            raise Malformed("A field of the form is too long.")
        if kind == "end":
            break
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed("The form cannot be read.") from None


async def _content(events: AsyncGenerator[tuple[str, bytes], None]) -> AsyncGenerator[bytes, None]:
    async for kind, data in events:
        if kind == "end":
            return
        if data:
            yield data
