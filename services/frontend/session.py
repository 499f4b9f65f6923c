"""An organiser's session: tokens of `auth`, kept in the browser's cookies and nowhere here.

- Access tokens live for minutes; when they have run out, the refresh token is exchanged once and the new tokens go out
  with whatever the request ends in, a refusal too.
- Parallel requests may exchange the same refresh token: `auth` takes it for 10 s more.
- A session that `auth` has ended takes its cookies with it.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Request

from services.auth.contract import AUDIENCES, RefreshToken, Session
from services.frontend.clients import OrganiserSide
from services.frontend.cookies import delete_cookie, read_cookie, set_cookie
from services.shared.app import resource
from services.shared.client import Refused
from services.shared.identity import Access
from services.shared.problems import Unauthenticated

ACCESS = "access"
REFRESH = "refresh"
DEVICE = "device"
DEVICE_SECONDS = 400 * 24 * 3600
# An access token is not used in its last moments: it would run out on its way.
MARGIN_SECONDS = 30


@dataclass(frozen=True)
class Browser:
    """The access tokens of a signed-in organiser, by audience."""

    tokens: dict[str, str]

    @property
    def auth(self) -> str:
        """The token for `auth`."""
        return self.tokens["auth"]

    @property
    def election(self) -> str:
        """The token for `election`."""
        return self.tokens["election"]

    @property
    def voter(self) -> str:
        """The token for `voter`."""
        return self.tokens["voter"]


def begin(request: Request, session: Session) -> Browser:
    """Puts a session into the browser's cookies."""
    seconds = max(0, session.access_seconds - MARGIN_SECONDS)
    set_cookie(request, ACCESS, urlencode(session.access), seconds=seconds)
    set_cookie(request, REFRESH, session.refresh_token)
    set_cookie(request, DEVICE, session.device, seconds=DEVICE_SECONDS)
    return Browser(session.access)


def forget(request: Request) -> None:
    """Takes the session out of the browser. What marks the browser as known stays."""
    delete_cookie(request, ACCESS)
    delete_cookie(request, REFRESH)


def known_tokens(request: Request) -> Browser | None:
    """The access tokens that the browser holds, when they are all there."""
    tokens = dict(parse_qsl(read_cookie(request, ACCESS) or ""))
    return Browser(tokens) if all(tokens.get(audience) for audience in AUDIENCES) else None


async def resume(request: Request, clients: OrganiserSide) -> Browser:
    """The session of this request, refreshed when it must be.

    Raises:
        Unauthenticated: there is none, or it has ended.
    """
    if browser := known_tokens(request):
        return browser
    refresh_token = read_cookie(request, REFRESH)
    if not refresh_token:
        raise Unauthenticated("Sign in first.")
    try:
        return begin(request, await clients.auth.refresh_session(RefreshToken(refresh_token=refresh_token)))
    except (Refused, ValueError):
        forget(request)
        raise Unauthenticated("Your session has ended. Sign in again.") from None


class SignedInBrowser(Access):
    """An organiser who has signed in with this browser."""

    kind = "session"

    async def __call__(self, request: Request, clients: Annotated[OrganiserSide, resource(OrganiserSide)]) -> Browser:
        """The organiser's tokens."""
        browser = await resume(request, clients)
        request.scope["uvote.signed_in"] = True
        return browser


SignedIn = Annotated[Browser, Depends(SignedInBrowser())]
Clients = Annotated[OrganiserSide, resource(OrganiserSide)]


def is_signed_in(request: Request) -> Any:
    """Whether this page is being made for an organiser."""
    return request.scope.get("uvote.signed_in", False)
