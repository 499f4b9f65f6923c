from datetime import UTC, datetime, timedelta

import jwt
import pytest

from services.auth import signing
from services.auth.contract import AUDIENCES
from services.auth.devices import Device, read_device, write_device
from services.auth.sealing import Sealing, WrongSealingKey
from services.auth.signing import KEY_AFTERLIFE, KEY_NOTICE, SigningKey, active, new_signing_key, published
from services.shared.identity import REFETCH_SECONDS
from services.uvote.installation import new_secret

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SEALING = Sealing.under(new_secret())


@pytest.fixture
def keys() -> list[SigningKey]:
    """An old key, its successor, and one that was made just now."""
    return [new_signing_key(SEALING, at) for at in (NOW - timedelta(days=9), NOW, NOW + KEY_NOTICE)]


def test_the_latest_key_whose_time_has_come_signs(keys: list[SigningKey]) -> None:
    old, current, coming = keys
    assert active(keys, NOW - SECOND) == old
    assert active(keys, NOW) == current
    assert active(keys, NOW + KEY_NOTICE) == coming
    assert active([], NOW) is None


def test_a_key_is_published_before_it_signs_and_until_its_last_token_has_expired(keys: list[SigningKey]) -> None:
    old, current, coming = keys
    assert published(keys, NOW) == [old, current, coming]
    assert published(keys, NOW + KEY_AFTERLIFE) == [current, coming]
    assert published(keys, NOW + KEY_NOTICE + KEY_AFTERLIFE) == [coming]
    assert published([], NOW) == []


def test_notice_and_afterlife_cover_what_verifiers_may_still_hold() -> None:
    assert timedelta(seconds=signing.KEYS_MAX_AGE + REFETCH_SECONDS) <= KEY_NOTICE
    assert timedelta(seconds=signing.ACCESS_SECONDS) < KEY_AFTERLIFE


def test_each_audience_has_a_token_of_its_own_with_all_claims_and_the_key_id(keys: list[SigningKey]) -> None:
    tokens = signing.access_tokens(SEALING, keys[0], "somebody")
    assert set(tokens) == set(AUDIENCES)
    public = jwt.PyJWK(signing.key_set(keys).keys[0].model_dump(), "EdDSA").key
    for audience, token in tokens.items():
        claims = jwt.decode(token, public, ["EdDSA"], audience=audience)
        assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
        assert claims["exp"] - claims["iat"] == 300
        assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": keys[0].kid, "typ": "JWT"}


def test_a_key_cannot_be_unsealed_elsewhere_or_in_anothers_place(keys: list[SigningKey]) -> None:
    with pytest.raises(WrongSealingKey):
        Sealing.under(new_secret()).unseal(keys[0].sealed_key, keys[0].kid)
    with pytest.raises(WrongSealingKey):
        SEALING.unseal(keys[0].sealed_key, keys[1].kid)


def test_a_device_token_names_its_account_and_cannot_be_made_or_moved() -> None:
    token = write_device(SEALING, Device("ada", "browser"))
    assert read_device(SEALING, token) == Device("ada", "browser")
    assert read_device(SEALING, token.replace("ada", "bob")) is None
    assert read_device(Sealing.under(new_secret()), token) is None
    for wrong in (None, "", ".", "..", "a.b.c", "é.é.é", token[:-1]):
        assert read_device(SEALING, wrong) is None
