"""The keys that sign organisers' tokens, and the tokens.

- A new key is published KEY_NOTICE before it signs: by then no verifier trusts an older copy of the key set.
- A key that no longer signs stays published until its last token has expired.
"""

import base64
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth.contract import AUDIENCES, JsonWebKey, JsonWebKeySet
from services.auth.sealing import Sealing
from services.shared.identity import ALGORITHM, ISSUER, LEEWAY_SECONDS

ACCESS_SECONDS = 300
KEYS_MAX_AGE = 300
KEY_NOTICE = timedelta(seconds=KEYS_MAX_AGE + 30)
KEY_AFTERLIFE = timedelta(seconds=ACCESS_SECONDS + 2 * LEEWAY_SECONDS)


@dataclass(frozen=True)
class SigningKey:
    """A key as it is stored."""

    kid: str
    public_key: bytes
    sealed_key: bytes
    signs_from: datetime


def new_signing_key(sealing: Sealing, signs_from: datetime) -> SigningKey:
    """A fresh key; its private half is sealed at once."""
    private = Ed25519PrivateKey.generate()
    kid = secrets.token_urlsafe(12)
    sealed = sealing.seal(private.private_bytes_raw(), kid)
    return SigningKey(kid, private.public_key().public_bytes_raw(), sealed, signs_from)


def active(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The key that signs now: the latest whose time has come."""
    begun = [key for key in keys if key.signs_from <= now]
    return max(begun, key=lambda key: key.signs_from, default=None)


def published(keys: Sequence[SigningKey], now: datetime) -> list[SigningKey]:
    """The keys that verifiers need: the active one, those to come, and those whose tokens may still live."""
    ordered = sorted(keys, key=lambda key: key.signs_from)
    return [*(key for key, following in pairwise(ordered) if now < following.signs_from + KEY_AFTERLIFE), *ordered[-1:]]


def key_set(keys: Sequence[SigningKey]) -> JsonWebKeySet:
    """The public halves (RFC 8037)."""
    return JsonWebKeySet(keys=[JsonWebKey(kid=key.kid, x=_base64url(key.public_key)) for key in keys])


def access_tokens(sealing: Sealing, key: SigningKey, organiser_id: str) -> dict[str, str]:
    """One token for each audience.

    Raises:
        WrongSealingKey: when the key cannot be unsealed.
    """
    private = Ed25519PrivateKey.from_private_bytes(sealing.unseal(key.sealed_key, key.kid))
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": organiser_id, "iat": now, "exp": now + ACCESS_SECONDS}
    return {
        audience: jwt.encode(
            {**claims, "aud": audience, "jti": secrets.token_urlsafe(12)}, private, ALGORITHM, {"kid": key.kid}
        )
        for audience in AUDIENCES
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
