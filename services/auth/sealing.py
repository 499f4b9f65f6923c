"""What is made from the one sealing key: a key for each purpose, so that no two purposes can be confused."""

import base64
import os
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class WrongSealingKey(LookupError):
    """What is stored was sealed under another key."""


@dataclass(frozen=True)
class Sealing:
    """`devices` and `refresh` are HMAC keys. What is sealed is bound to a name: none can be put in another's place."""

    devices: bytes
    refresh: bytes
    cipher: AESGCM

    @classmethod
    def under(cls, sealing_key: str) -> Self:
        """From the base64 of 32 bytes."""
        secret = base64.b64decode(sealing_key, validate=True)

        def derive(purpose: bytes) -> bytes:
            return HKDF(SHA256(), 32, salt=None, info=b"uvote auth " + purpose).derive(secret)

        return cls(derive(b"devices"), derive(b"refresh tokens"), AESGCM(derive(b"signing keys")))

    def seal(self, secret: bytes, name: str) -> bytes:
        """The nonce, then AES-256-GCM of the secret."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, secret, name.encode())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """The secret.

        Raises:
            WrongSealingKey: when it was sealed under another key or name, or was changed.
        """
        try:
            return self.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise WrongSealingKey("the sealing key does not fit what is stored") from None
