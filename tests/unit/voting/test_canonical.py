"""JSON: hostile text ends in MalformedJson, and what goes out is canonical."""

import pytest

from services.voting.canonical import (
    MalformedJson,
    base64_digest,
    decimal,
    members,
    natural,
    parse_json,
    render_json,
    render_natural,
    small_integer,
)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"\xed\xa0\x80",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b"[" * 900 + b"1" + b"]" * 900 + b"x",
        b"9" * 5000,
        b"-" + b"9" * 100_000,
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'{"a":1,"a":1}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b"[1,]",
        b"\xef\xbb\xbf1",
        b"1 2",
        b'"a\nb"',
        b"'a'",
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_hostile_text_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(raw)


def test_paired_surrogate_escapes_are_text() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_canonical_json_has_no_blanks_and_keeps_order_and_letters() -> None:
    assert render_json({"b": 1, "a": ["\u00e9", True]}) == '{"b":1,"a":["\u00e9",true]}'.encode()


def test_members_must_be_complete_in_order_and_alone() -> None:
    assert members({"a": 1, "b": 2}, "a", "b") == [1, 2]
    assert members({"a": 1}, "a", "b", optional=("b",)) == [1, None]
    for wrong in ({"b": 2, "a": 1}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, [1, 2], None):
        with pytest.raises(MalformedJson):
            members(wrong, "a", "b")


@pytest.mark.parametrize("value", ["", "01", "-1", "+1", "1.0", " 1", "\u0661", "9" * 1001, 1, None, True])
def test_only_canonical_decimals_are_decimals(value: object) -> None:
    with pytest.raises(MalformedJson):
        decimal(value)


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_only_whole_numbers_are_small_integers(value: object) -> None:
    with pytest.raises(MalformedJson):
        small_integer(value)


@pytest.mark.parametrize("value", [-1, "-1", 1.5, True, "1e3"])
def test_only_numbers_from_zero_on_are_natural(value: object) -> None:
    with pytest.raises(MalformedJson):
        natural(value)


def test_numbers_from_two_to_the_thirtieth_on_are_written_as_strings() -> None:
    assert render_natural(2**30 - 1) == 2**30 - 1
    assert render_natural(2**30) == str(2**30)
    assert natural(str(2**70)) == 2**70


def test_digests_have_43_characters() -> None:
    assert base64_digest(b"") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
