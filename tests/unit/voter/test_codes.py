"""The sealed secret, and credentials computed in processes."""

import secrets

import pytest
from cryptography.exceptions import InvalidTag

from services.voter.codes import SealedSecret, harmless_code, link_part, public_credentials
from services.voter.credentials import compute_credentials
from services.voting.credential import derive_code, normalise_code
from services.voting.election import generate_uuid

KEY = secrets.token_bytes(32)


def test_a_sealed_secret_opens_to_the_same_32_bytes() -> None:
    sealed = SealedSecret.create("uuid", KEY)
    assert len(sealed.open("uuid", KEY)) == 32
    assert sealed.open("uuid", KEY) == sealed.open("uuid", KEY)
    assert sealed.open("uuid", KEY) not in sealed.secret + sealed.key


def test_a_sealed_secret_opens_for_no_other_edition_and_no_other_key() -> None:
    sealed = SealedSecret.create("uuid", KEY)
    for uuid, key in (("other", KEY), ("uuid", secrets.token_bytes(32))):
        with pytest.raises(InvalidTag):
            sealed.open(uuid, key)


def test_two_editions_have_two_secrets() -> None:
    assert SealedSecret.create("uuid", KEY).open("uuid", KEY) != SealedSecret.create("uuid", KEY).open("uuid", KEY)


def test_a_link_lacks_the_last_three_characters_of_a_code() -> None:
    code = derive_code(KEY, "voter")
    assert link_part(code) + code[-4:] == code


def test_a_test_code_is_well_formed_and_new_each_time() -> None:
    first, second = harmless_code(), harmless_code()
    assert normalise_code(first) == first
    assert first != second


async def test_credentials_computed_in_processes_come_in_the_order_of_the_voters() -> None:
    voter_ids = [generate_uuid() for _ in range(600)]
    computed = [key async for chunk in compute_credentials(KEY, "u" * 22, voter_ids) for key in chunk]
    assert len(computed) == 600
    for place in (0, 1, 300, 599):
        assert [computed[place]] == public_credentials(KEY, "u" * 22, [voter_ids[place]])
