"""What `voter` needs from outside."""

import base64
import binascii
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SecretStr

from services.shared.settings import DatabaseSettings, IdentitySide
from services.voter.addresses import InvalidAddress, parse_address


def _is_a_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(secret.get_secret_value(), validate=True))
    except binascii.Error:
        raise ValueError("must be base64") from None
    if length != 32:
        raise ValueError("must be the base64 of 32 bytes")
    return secret


def _is_an_address(address: str) -> str:
    try:
        return parse_address(address).written
    except InvalidAddress as error:
        raise ValueError(str(error)) from None


class VoterSettings(DatabaseSettings, IdentitySide):
    """`sealing_key` seals the keys of the elections. `frontend_url` is the public origin that links begin with.

    `mail_from` is the address that all mails come from; its domain is also that of their Message-ID.
    """

    service: ClassVar[str] = "voter"

    election_url: str
    ballot_url: str
    frontend_url: str
    sealing_key: Annotated[SecretStr, AfterValidator(_is_a_key)]
    smtp_host: str
    smtp_port: Annotated[int, Field(ge=1, le=65535)]
    smtp_tls: Literal["none", "starttls", "tls"]
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    # For each wait of a conversation with the mail server.
    smtp_seconds: Annotated[float, Field(gt=0, le=60)] = 20
    mail_from: Annotated[str, AfterValidator(_is_an_address)]
    mails_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600
    # Until the second attempt; each further wait is twice as long.
    mail_retry_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    poll_seconds: float = 0.5

    def sealing_key_bytes(self) -> bytes:
        """The key itself."""
        return base64.b64decode(self.sealing_key.get_secret_value())
