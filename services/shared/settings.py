"""What every service needs from outside; each adds its own. A service refuses to start without it.

Read from environment variables `UVOTE_...` or, for secrets, from files of that name in `UVOTE_SECRETS_DIR`.
"""

import os
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from observability.telemetry.registry import Side

SERVICES = ("auth", "voter", "election", "ballot", "result", "frontend")


class Settings(BaseSettings):
    """The common part.

    `caller_key` is this service's Ed25519 private key (base64 of its 32 bytes); `callers` maps the services that may
    call this one to the base64 of their public keys.
    """

    model_config = SettingsConfigDict(
        env_prefix="UVOTE_", secrets_dir=os.environ.get("UVOTE_SECRETS_DIR"), extra="ignore", frozen=True
    )

    service: ClassVar[str]

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)]
    caller_key: SecretStr
    callers: dict[str, str] = {}
    auth_url: str = "http://127.0.0.1:5001"
    # Addresses of the proxies whose X-Forwarded-For is believed.
    trusted_proxies: str = "127.0.0.1"
    drain_seconds: int = 20
    # Where Prometheus reads; none is served without it.
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def without_secrets(self) -> dict[str, Any]:
        """What may be digested, so that one can see whether two processes were told the same."""
        return {name: value for name, value in self if not isinstance(value, SecretStr)}

    def collectors(self) -> dict[Side, str]:
        """Where each side of this service sends its spans and lines."""
        told = {side: getattr(self, f"otlp_{side}_endpoint", None) for side in Side}
        return {side: endpoint for side, endpoint in told.items() if endpoint is not None}

    def error_reports(self) -> str | None:
        """Where unforeseen errors of the identity side are reported."""
        told: SecretStr | None = getattr(self, "sentry_dsn", None)
        return told.get_secret_value() if told else None


class IdentitySide(Settings):
    """For the services that know who asks. Without the collector's address (OTLP over HTTP) nothing is sent there.

    `sentry_dsn` is where reports of unforeseen errors go; without it there are none.
    """

    otlp_identity_endpoint: str | None = None
    sentry_dsn: SecretStr | None = None


class BallotSide(Settings):
    """For the services that know of ballots. Without the collector's address (OTLP over HTTP) nothing is sent there."""

    otlp_ballot_endpoint: str | None = None


class DatabaseSettings(Settings):
    """For the services that own a schema: a login of the runtime role."""

    database_url: SecretStr
    database_connections: Annotated[int, Field(ge=2, le=100)] = 8
