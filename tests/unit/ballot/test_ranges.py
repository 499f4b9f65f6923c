"""Which part of a document a Range header asks for."""

import pytest

from services.ballot.ranges import Part, wanted_part
from services.shared.problems import RangeNotSatisfiable

TOTAL = 1000


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-999", 0, 1000),
        ("bytes=10-19", 10, 20),
        ("bytes=990-2000", 990, 1000),
        ("bytes=500-", 500, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=-5000", 0, 1000),
        ("Bytes=1-2", 1, 3),
        ("bytes= 1-2 ", 1, 3),
    ],
)
def test_one_range_is_served(header: str, start: int, stop: int) -> None:
    assert wanted_part(header, TOTAL) == Part(start, stop, TOTAL)


@pytest.mark.parametrize(
    "header",
    [
        *(
            None,
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,5-6",
            "bytes=5-4",
            "lines=0-1",
            "bytes=0x1-2",
        ),
        *("bytes=" + "9" * 30 + "-", "bytes=1--2", "bytes=+1-2", "bytes=\u0661-\u0662"),
    ],
)
def test_anything_else_gets_the_whole_document(header: str | None) -> None:
    assert wanted_part(header, TOTAL) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused_with_the_length(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refusal:
        wanted_part(header, TOTAL)
    assert refusal.value.headers == {"Content-Range": "bytes */1000"}


def test_a_part_says_where_it_stands() -> None:
    part = Part(10, 20, TOTAL)
    assert (part.size, part.content_range) == (10, "bytes 10-19/1000")
