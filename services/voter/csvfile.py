"""Reads what spreadsheets call CSV: the encoding and the delimiter are found out, not asked for.

- UTF-8, with or without byte order mark, is taken for what it is; anything else for the Western encoding that
  spreadsheets write when they do not write UTF-8 (Windows-1252, which is Latin-1 with quotation marks and a few letters
  in places where Latin-1 has control characters).
- The delimiter is the one of `;` `,` and tab that the first row has most of, outside quotation marks.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["utf-8", "latin-1"]
Delimiter = Literal[",", ";", "tab"]

DELIMITERS: dict[Delimiter, str] = {";": ";", ",": ",", "tab": "\t"}
QUOTED = re.compile(r'"[^"]*"')


class UnreadableFile(ValueError):
    """The file as a whole cannot be read; the error's text is a sentence for a person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)  # both, so that it survives the way from another process
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class CsvFile:
    """A file's text, and how it is written."""

    text: str
    encoding: Encoding
    delimiter: Delimiter

    def records(self) -> Iterator[list[str]]:
        """The rows as lists of cells; raises UnreadableFile where quotation marks do not fit."""
        lines = io.StringIO(self.text, newline="")
        reader = csv.reader(lines, delimiter=DELIMITERS[self.delimiter], strict=True)
        number = 0
        try:
            for number, record in enumerate(reader, start=1):  # noqa: B007  # the error names the row after it
                yield record
        except csv.Error:
            sentence = f"Row {number + 1} cannot be read: its quotation marks do not fit, or a cell is too long."
            raise UnreadableFile("csv-unreadable", sentence) from None


def read_csv(raw: bytes) -> CsvFile:
    """The file; raises UnreadableFile when it is empty or in UTF-16."""
    text, encoding = _decode(raw)
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise UnreadableFile("csv-empty", "The file is empty.")
    return CsvFile(text, encoding, _delimiter(first))


def _decode(raw: bytes) -> tuple[str, Encoding]:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFile("csv-utf-16", "The file is in UTF-16: save it as “CSV UTF-8” and import that.")
    try:
        return raw.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), "latin-1"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "latin-1"


def _delimiter(first: str) -> Delimiter:
    outside = QUOTED.sub("", first)
    best = max(DELIMITERS, key=lambda name: outside.count(DELIMITERS[name]))
    return best if DELIMITERS[best] in outside else ","
