"""Codes: derived without bias, normalised before use, and the ones that belenios-tool knows."""

import math
from collections import Counter

import pytest

from services.voting.canonical import MalformedJson, parse_json
from services.voting.credential import (
    ALPHABET,
    InvalidCode,
    PublicCredential,
    derive_code,
    normalise_code,
    parse_credentials,
    private_key,
    public_credential,
    render_credentials,
)
from services.voting.group import BELENIOS_2048

SECRET = b"0123456789abcdef0123456789abcdef"
CODE = derive_code(SECRET, "voter")


def test_a_code_has_five_groups_and_a_check_digit() -> None:
    assert normalise_code(CODE) == CODE
    assert [len(group) for group in CODE.split("-")] == [3] * 5
    assert set(CODE.replace("-", "")) <= set(ALPHABET)
    value = 0
    for digit in CODE.replace("-", "")[:14]:
        value = value * 58 + ALPHABET.index(digit)
    assert (value + ALPHABET.index(CODE[-1])) % 53 == 0


def test_a_code_depends_on_the_secret_and_on_the_voter_only() -> None:
    assert derive_code(SECRET, "voter") == CODE
    assert derive_code(SECRET, "voter2") != CODE
    assert derive_code(SECRET[:-1], "voter") != CODE


def test_every_digit_is_equally_likely_at_every_place() -> None:
    """Chi-squared over 58 digits: 57 degrees of freedom; 140 is beyond any luck, and the sample is fixed."""
    codes = [derive_code(SECRET, str(number)).replace("-", "") for number in range(5800)]
    for place in range(14):
        counts = Counter(code[place] for code in codes)
        chi_squared = sum((counts[digit] - 100) ** 2 / 100 for digit in ALPHABET)
        assert chi_squared < 140
    assert len(set(codes)) == len(codes)
    assert math.isclose(math.log2(58**14), 82, abs_tol=0.1)


@pytest.mark.parametrize(
    "typed",
    [
        CODE.replace("-", ""),
        CODE.replace("-", " "),
        f"  {CODE}\n",
        CODE.replace("-", "\u2013"),
        CODE.replace("-", "\u2011"),
        " ".join(CODE),
        CODE.replace("-", " - "),
        CODE.replace("-", "\u00a0"),
    ],
)
def test_dashes_and_blanks_do_not_matter(typed: str) -> None:
    assert normalise_code(typed) == CODE


@pytest.mark.parametrize(
    ("typed", "group"),
    [
        ("taJ-2OD-3aB-3EE-zid", 2),
        ("taJ-21D-3aB-3EE-zi0", 5),
        ("taJ-21D-3a-3EE-zid", 3),
        ("taJ-21D-3aBx-3EE-zid", 3),
        ("taJ-21D-3aB-3EE", 5),
        ("taJ-21D", 3),
        ("taJ21D3aB3EEzi", 5),
        ("", 1),
        ("taJ-21D-3aB-3EE-zid-abc", 5),
        ("\u0661aJ-21D-3aB-3EE-zid", 1),
    ],
)
def test_the_first_group_that_cannot_be_right_is_named(typed: str, group: int) -> None:
    with pytest.raises(InvalidCode) as caught:
        normalise_code(typed)
    assert caught.value.group == group


def test_a_wrong_check_digit_accuses_no_group() -> None:
    assert normalise_code("taJ-21D-3aB-3EE-zid") == "taJ-21D-3aB-3EE-zid"
    with pytest.raises(InvalidCode) as caught:
        normalise_code("taJ-21D-3aB-3EE-zie")
    assert caught.value.group is None


def test_one_wrong_character_is_always_noticed_among_the_first_fourteen() -> None:
    digits = CODE.replace("-", "")
    for place in range(14):
        for digit in ALPHABET:
            typed = digits[:place] + digit + digits[place + 1 :]
            difference = (ALPHABET.index(digit) - ALPHABET.index(digits[place])) % 53
            if difference:
                with pytest.raises(InvalidCode):
                    normalise_code(typed)


def test_no_message_repeats_the_code() -> None:
    with pytest.raises(InvalidCode) as caught:
        normalise_code("secret-code-that-was-mistyped")
    assert "secret" not in str(caught.value)


def test_the_key_does_not_depend_on_how_the_code_was_typed() -> None:
    uuid = "kagvfzaf5hTSSH"
    assert private_key(CODE.replace("-", " "), uuid, BELENIOS_2048) == private_key(CODE, uuid, BELENIOS_2048)
    assert private_key(CODE, uuid, BELENIOS_2048) != private_key(CODE, uuid + "1", BELENIOS_2048)


def test_the_public_credential_is_g_to_the_key() -> None:
    uuid = "kagvfzaf5hTSSH"
    key = private_key(CODE, uuid, BELENIOS_2048)
    assert public_credential(CODE, uuid, BELENIOS_2048) == str(pow(BELENIOS_2048.g, key, BELENIOS_2048.p))


def test_the_list_is_sorted_by_number_and_names_weights_other_than_1() -> None:
    credentials = [PublicCredential("12"), PublicCredential("9", 3), PublicCredential("100", 0)]
    raw = render_credentials(credentials)
    assert parse_json(raw) == ["9,3", "12", "100,0"]
    assert parse_credentials(raw) == [PublicCredential("9", 3), PublicCredential("12"), PublicCredential("100", 0)]


@pytest.mark.parametrize(
    "raw", [b"{}", b"[1]", b'["1","1"]', b'["1","1,2"]', b'["1,"]', b'["1,1.5"]', b'["1,-1"]', b'["1,2,x"]']
)
def test_a_list_with_doubles_or_odd_weights_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_credentials(raw)
