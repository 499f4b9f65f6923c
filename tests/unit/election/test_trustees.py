"""Trustees' codes and keys."""

import pytest

from services.election.trustees import TrusteeCodes, check_key
from services.shared.problems import Invalid
from services.voting.credential import normalise_code
from tests.unit.election.keys import a_key

CODES = TrusteeCodes(b"k" * 32)
TRUSTEE, OTHER = "1" * 22, "2" * 22


def test_a_code_has_the_form_of_a_voters_code() -> None:
    code = CODES.code(TRUSTEE, 1)
    assert normalise_code(code) == code


def test_a_code_is_derived_anew_and_the_same_each_time() -> None:
    assert CODES.code(TRUSTEE, 1) == TrusteeCodes(b"k" * 32).code(TRUSTEE, 1)


def test_a_code_is_good_for_one_trustee_one_invitation_and_one_key() -> None:
    code = CODES.code(TRUSTEE, 1)
    assert CODES.matches(code, TRUSTEE, 1)
    assert CODES.matches(code.replace("-", " "), TRUSTEE, 1)
    assert not CODES.matches(code, TRUSTEE, 2)
    assert not CODES.matches(code, OTHER, 1)
    assert not TrusteeCodes(b"x" * 32).matches(code, TRUSTEE, 1)


@pytest.mark.parametrize("typed", ["", "abc", "000-000-000-000-000", "é" * 15, "111-111-111-111-111"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert not CODES.matches(typed, TRUSTEE, 1)


def test_the_key_of_the_codes_is_not_shown() -> None:
    assert "kkk" not in repr(CODES)


async def test_a_key_with_its_proof_is_taken() -> None:
    await check_key(a_key())


@pytest.mark.parametrize(
    "changes",
    [
        {"public_key": a_key().public_key},
        {"challenge": "1"},
        {"response": "0"},
        {"response": "9" * 600},
        {"public_key": "0"},
        {"public_key": "5"},
    ],
)
async def test_a_key_whose_proof_does_not_hold_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        await check_key(a_key().model_copy(update=changes))
    assert refusal.value.type.endswith(":key-not-proven")


async def test_the_key_that_hides_nothing_is_refused_although_its_proof_holds() -> None:
    with pytest.raises(Invalid):
        await check_key(a_key(private=0))
