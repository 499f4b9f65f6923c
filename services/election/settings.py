"""What `election` needs from outside."""

import base64
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from services.shared.settings import BallotSide, DatabaseSettings, IdentitySide


def _is_key(secret: SecretStr) -> SecretStr:
    if len(base64.b64decode(secret.get_secret_value(), validate=True)) != 32:
        raise ValueError("must be the base64 of 32 bytes")
    return secret


class ElectionSettings(DatabaseSettings, IdentitySide, BallotSide):
    """`trustee_code_key` (base64 of 32 bytes) is what trustees' codes are derived from; a new one kills them all."""

    service: ClassVar[str] = "election"

    trustee_code_key: Annotated[SecretStr, AfterValidator(_is_key)]
