"""What `auth` needs from outside."""

import base64
import binascii
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from services.shared.settings import DatabaseSettings, IdentitySide


def _is_a_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(secret.get_secret_value(), validate=True))
    except binascii.Error:
        raise ValueError("must be base64") from None
    if length != 32:
        raise ValueError("must be the base64 of 32 bytes")
    return secret


class AuthSettings(DatabaseSettings, IdentitySide):
    """`sealing_key` (base64 of 32 bytes) seals the keys that sign tokens: a dump of the database signs nothing."""

    service: ClassVar[str] = "auth"

    sealing_key: Annotated[SecretStr, AfterValidator(_is_a_key)]
    sign_up_enabled: bool = False
