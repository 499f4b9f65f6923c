"""The secret that an election's codes are derived from, and how it is kept.

- One secret of 32 random bytes for each edition of an election. It is stored sealed under a key of that edition, which
  is stored sealed under the service's key; both are bound to the edition, so neither opens anything elsewhere.
- Codes are derived when they are needed and never stored.
"""

import os
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.voting.credential import derive_code, public_credential
from services.voting.group import BELENIOS_2048

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True)
class SealedSecret:
    """What the database holds of an edition's secret."""

    key: bytes
    secret: bytes

    @classmethod
    def create(cls, uuid: str, sealing_key: bytes) -> Self:
        """A new secret, known to nobody yet."""
        key = os.urandom(KEY_BYTES)
        return cls(_seal(sealing_key, key, f"key {uuid}"), _seal(key, os.urandom(KEY_BYTES), f"secret {uuid}"))

    def open(self, uuid: str, sealing_key: bytes) -> bytes:
        """The secret; raises cryptography.exceptions.InvalidTag when it belongs to another edition or service key."""
        key = _open(sealing_key, self.key, f"key {uuid}")
        return _open(key, self.secret, f"secret {uuid}")


def _seal(key: bytes, plain: bytes, purpose: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def _open(key: bytes, sealed: bytes, purpose: str) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())


def harmless_code() -> str:
    """A code in the right form that belongs to nobody, for a test mail."""
    return derive_code(os.urandom(KEY_BYTES), "test")


def link_part(code: str) -> str:
    """What a link carries of a code: all but its last group, which its reader types."""
    return code.rpartition("-")[0]


def public_credentials(secret: bytes, uuid: str, voter_ids: list[str]) -> list[str]:
    """The public credentials of some voters, in their order (about a millisecond each)."""
    return [public_credential(derive_code(secret, voter_id), uuid, BELENIOS_2048) for voter_id in voter_ids]
