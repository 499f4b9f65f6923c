"""What `frontend` needs from outside. It has no schema and no secret but its caller key."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator

from services.shared.settings import BallotSide, IdentitySide


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise ValueError("must be an origin: scheme, host and, where it is not the usual one, port")
    return f"{parts.scheme}://{parts.netloc}"


Origin = Annotated[str, AfterValidator(_origin)]


class FrontendSettings(IdentitySide, BallotSide):
    """Where the other services are, and under which origins browsers know this one and `ballot`.

    `sign_up_enabled` says what `auth` was told under the same name: whether a page to make an account is shown.
    """

    service: ClassVar[str] = "frontend"

    voter_url: str
    election_url: str
    ballot_url: str
    result_url: str
    ballot_public_url: Origin
    public_origin: Origin
    sign_up_enabled: bool = False
