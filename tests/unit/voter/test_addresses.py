"""When two addresses are the same, and which can be mailed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voter.addresses import InvalidAddress, parse_address, travelling


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@example.org", "ANNA@EXAMPLE.ORG"),
        ("jos\u00e9@example.org", "jose\u0301@example.org"),
        ("stra\u00dfe@example.org", "STRASSE@example.org"),
        ("anna@ex\u00e4mple.org", "anna@xn--exmple-cua.org"),
        ("anna@\uff45\uff58ample.org", "anna@example.org"),
        (" anna@example.org\t", "anna@example.org"),
    ],
)
def test_equal_addresses_have_equal_keys(one: str, other: str) -> None:
    assert parse_address(one).key == parse_address(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("anna@example.org", "ana@example.org"), ("anna@stra\u00dfe.de", "anna@strasse.de"), ("a.b@x.org", "ab@x.org")],
)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert parse_address(one).key != parse_address(other).key


@pytest.mark.parametrize("written", ["Anna.Smith+vote@Example.ORG", "o'brien@example.org", "\u00c4nna@example.org"])
def test_an_address_is_mailed_as_it_was_written(written: str) -> None:
    assert travelling(parse_address(written).written) == written


def test_a_domain_of_other_letters_travels_in_ascii() -> None:
    assert travelling(parse_address("Anna@ex\u00e4mple.org").written) == "Anna@xn--exmple-cua.org"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anna",
        "@example.org",
        "anna@",
        "anna@@example.org",
        "anna@example.org@example.org",
        "anna@localhost",
        "anna@example.org.",
        "anna@-x.org",
        "anna@a b.org",
        "an na@example.org",
        ".anna@example.org",
        "an..na@example.org",
        "Anna <anna@example.org>",
        '"anna"@example.org',
        "anna,ben@example.org",
        "anna@example.org\nBcc: all@example.org",
        "anna\r@example.org",
        "an\x00na@example.org",
        "anna\u2028@example.org",
        "anna\u200b@example.org",
        "\ud800@example.org",
        f"{'a' * 65}@example.org",
        f"a@{'a' * 63}.{'a' * 63}.{'a' * 63}.{'a' * 63}.org",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        parse_address(text)
    assert str(caught.value).endswith(".")


@given(st.text())
def test_an_address_that_is_taken_ends_no_line(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    assert len(address.written.splitlines()) == 1
    assert not any(unicodedata.category(character) == "Cc" for character in address.written)
    assert travelling(address.written).count("@") == 1
