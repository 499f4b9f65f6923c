import json

import pytest

from services.shared.problems import Malformed
from services.shared.requests import parse_json


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a": 1, "a": 1}', "duplicate-key"),
        (b'[{"b": {"a": 1, "\\u0061": 2}}]', "duplicate-key"),
        (b"NaN", "not-json"),
        (b'{"a": -Infinity}', "not-json"),
        (b"[Infinity]", "not-json"),
        (b"1e999", "not-json"),
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"{'a': 1}", "not-json"),
        (b'{"a": 1,}', "not-json"),
        (b"01", "not-json"),
        (b'"\xff"', "not-json"),
        (b'"\xed\xa0\x80"', "not-json"),  # a surrogate in what pretends to be UTF-8
        (b'\xef\xbb\xbf"a"', "not-json"),
        ('"a"'.encode("utf-16"), "not-json"),
        (b'"a\x00b"', "not-json"),
        (b'"a\nb"', "not-json"),
        (b'"a\\u0000b"', "not-storable"),
        (b'{"a\\u0000b": 1}', "not-storable"),
        (b'["\\ud800"]', "not-storable"),
        (b'["\\udc00\\ud800"]', "not-storable"),
        (b'{"\\uDFFF": 1}', "not-storable"),
        (b"[" * 100_000, "not-json"),
        (b"[" * 100_000 + b"]" * 100_000, "not-json"),
        (b"1" * 100_000, "not-json"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_json_that_two_readers_could_read_differently_or_that_cannot_be_stored_is_refused(
    raw: bytes, code: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_json(raw)
    assert refusal.value.type.endswith(":" + code)


@pytest.mark.parametrize(
    "value",
    ["", "€ \U0001f5f3 \\u0000 \\\\u0000 \\ud800", {"a": {"a": [1.5, -0.0, 1e300, None, True]}}, {}, [], "\u2028"],
    ids=str,
)
def test_all_other_json_is_read(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value
