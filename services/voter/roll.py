"""The electoral roll as a file: which column is what, which rows can be taken, and how it is written out again.

- Columns are known by their header, in any order and case, under the names that people give them.
- A file without header is taken only when its first column holds addresses; the second is then the name.
- Every row has one outcome. A row that cannot be taken is refused with a sentence; it never becomes another row.
- Of two rows with the same address the first counts.
- A cell that a spreadsheet would compute is written with an apostrophe before it, which an import takes off again.
"""

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from services.shared.fields import BASE58
from services.voter.addresses import InvalidAddress, parse_address
from services.voter.csvfile import CsvFile, Delimiter, Encoding, UnreadableFile, read_csv

WEIGHT_MAX = 10**9
CELL_MAX = 300
COLUMNS = ("address", "name", "weight", "group")
SYNONYMS = {
    "address": {"address", "addresses", "email", "e-mail", "mail", "email address", "e-mail address", "mail address"},
    "name": {"name", "full name", "voter", "voter name"},
    "weight": {"weight", "weights", "votes", "number of votes"},
    "group": {"group", "groups", "section", "constituency"},
}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
WHOLE = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
ID_LENGTH = 22
# 232 = 4 * 58 bytes stand for a digit each; the rest would make some digits likelier than others.
DIGIT_OF_BYTE = bytes(ord(BASE58[byte % 58]) for byte in range(256))
UNFAIR_BYTES = bytes(range(232, 256))
COMPUTED = ("=", "+", "-", "@", "\t", "\r")  # OWASP, "CSV Injection"


class Entry(NamedTuple):
    """A row that can be taken. `row` counts from 1; `key` is what addresses are compared by."""

    row: int
    address: str
    key: str
    name: str = ""
    weight: int = 1
    group: str = ""


@dataclass(frozen=True)
class ParsedRoll:
    """A file in the words of a roll. `columns` are those that it has: what it lacks is left as it was."""

    encoding: Encoding
    delimiter: Delimiter
    columns: frozenset[str]
    entries: list[Entry] = field(default_factory=list)
    duplicates: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


class _Refused(ValueError):
    """Why a row is refused."""


def parse_roll(raw: bytes) -> ParsedRoll:
    """Reads an imported file; raises UnreadableFile when it cannot be read as a whole."""
    file = read_csv(raw)
    numbered = ((row, record) for row, record in enumerate(file.records(), start=1) if any(map(str.strip, record)))
    header_row, header = next(numbered, (0, None))
    if header is None:
        raise UnreadableFile("csv-empty", "No cell of the file holds anything.")
    places = _places(header)
    if places is not None:
        return _collect(file, places, len(header), numbered)
    if not _is_address(header[0]):
        raise UnreadableFile(
            "csv-no-header",
            "The first row names no column of addresses: it needs a header such as “address,name,weight,group”.",
        )
    places = {"address": 0, "name": 1} if len(header) > 1 else {"address": 0}
    return _collect(file, places, len(header), _again(header_row, header, numbered))


def _again(row: int, record: list[str], rest: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield row, record
    yield from rest


def _is_address(cell: str) -> bool:
    try:
        parse_address(_cell(cell))
    except (InvalidAddress, _Refused):
        return False
    return True


def _places(header: list[str]) -> dict[str, int] | None:
    """The place of each known column; None when the row names no address."""
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        title = " ".join(unicodedata.normalize("NFKC", cell).casefold().replace("_", " ").split())
        column = next((name for name, titles in SYNONYMS.items() if title in titles), None)
        if column in places:
            raise UnreadableFile("csv-ambiguous-header", f"Two columns of the header mean “{column}”: leave one out.")
        if column is not None:
            places[column] = place
    return places if "address" in places else None


def _collect(file: CsvFile, places: dict[str, int], width: int, records: Iterable[tuple[int, list[str]]]) -> ParsedRoll:
    parsed = ParsedRoll(file.encoding, file.delimiter, frozenset(places))
    first_rows: dict[str, int] = {}
    for row, record in records:
        try:
            entry = _entry(row, record, places, width)
        except (_Refused, InvalidAddress) as error:
            parsed.refused.append((row, str(error)))
            continue
        first = first_rows.setdefault(entry.key, row)
        if first != row:
            parsed.duplicates.append((row, f"Row {first} has the same address."))
        else:
            parsed.entries.append(entry)
    return parsed


def _entry(row: int, record: list[str], places: dict[str, int], width: int) -> Entry:
    if any(cell.strip() for cell in record[width:]):
        raise _Refused(f"The row has {len(record)} cells, the first row has {width}.")
    cells = {column: _cell(record[place]) if place < len(record) else "" for column, place in places.items()}
    if not cells["address"]:
        raise _Refused("The address is missing.")
    address = parse_address(cells["address"])
    weight = _weight(cells.get("weight", ""))
    return Entry(row, address.written, address.key, cells.get("name", ""), weight, cells.get("group", ""))


def _cell(cell: str) -> str:
    text = cell.strip()
    if len(text) > 1 and text[0] == "'" and text[1] in COMPUTED:
        text = text[1:]
    if CONTROL.search(text):
        raise _Refused("A cell contains a line break or another control character.")
    if len(text) > CELL_MAX:
        raise _Refused(f"A cell is longer than {CELL_MAX} characters.")
    return text


def _weight(text: str) -> int:
    if not text:
        return 1
    if not WHOLE.fullmatch(text) or int(text) > WEIGHT_MAX:
        raise _Refused("The weight is not a whole number from 1 to 1000000000.")
    return int(text)


def render_rows(rows: Iterable[Iterable[str | int]]) -> str:
    """Rows of the exported file, in the form that spreadsheets and our own import read."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows([_inert(str(cell)) for cell in row] for row in rows)
    return written.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(COMPUTED) else cell


def new_voter_ids(number: int) -> list[str]:
    """Random ids, each of the 58^22 equally likely; in one go, because a large roll needs many."""
    digits = b""
    while len(digits) < number * ID_LENGTH:
        digits += os.urandom(number * ID_LENGTH).translate(DIGIT_OF_BYTE, UNFAIR_BYTES)
    text = digits.decode("ascii")
    return [text[start : start + ID_LENGTH] for start in range(0, number * ID_LENGTH, ID_LENGTH)]


def fold(text: str) -> str:
    """A text without the differences that a search passes over: case, composed or not."""
    return (
        text.lower() if text.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    )
