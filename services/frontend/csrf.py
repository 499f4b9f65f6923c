"""No other site can make a browser act here.

- A request that changes something must come from our own pages, as the browser itself says (`Sec-Fetch-Site`, or
  `Origin` from browsers that do not send the first). Checked for every method but GET, HEAD and OPTIONS, on every path.
- A form of somebody who may be signed in carries a token besides, which must equal the one in a cookie that no other
  site and no subdomain can set or read.
"""

import secrets

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.frontend.cookies import read_cookie, set_cookie
from services.frontend.metrics import foreign_requests
from services.shared.problems import Forbidden, render

COOKIE = "csrf"
FIELD = "csrf"
KEY = "uvote.csrf"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
TOKEN_LENGTH = 43


class ForeignRequest(Forbidden):
    """The request does not come from a page of ours."""

    code = "foreign-request"


def token(request: Request) -> str:
    """The token for the forms of this page; sets the cookie when the browser has none yet."""
    if KEY not in request.scope:
        known = read_cookie(request, COOKIE)
        if known is None or len(known) != TOKEN_LENGTH:
            known = secrets.token_urlsafe(32)
            set_cookie(request, COOKIE, known)
        request.scope[KEY] = known
    value: str = request.scope[KEY]
    return value


def check_token(request: Request, given: str) -> None:
    """Compares a form's token with the cookie.

    Raises:
        ForeignRequest: they differ, or one is missing.
    """
    known = read_cookie(request, COOKIE) or ""
    if len(known) != TOKEN_LENGTH or not secrets.compare_digest(known.encode(), given.encode()):
        foreign_requests.add()
        raise ForeignRequest("This form has expired or was not made by this site. Load the page again and repeat.")


def comes_from_us(headers: Headers, public_origin: str) -> bool:
    """What the browser says about the page that made the request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin") == public_origin


class OwnPagesOnly:
    """Refuses changing requests that other sites' pages make."""

    def __init__(self, app: ASGIApp, public_origin: str) -> None:
        self.app = app
        self.public_origin = public_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        foreign = (
            scope["type"] == "http"
            and scope["method"] not in SAFE_METHODS
            and not comes_from_us(Headers(scope=scope), self.public_origin)
        )
        if foreign:
            foreign_requests.add()
            refusal = render(ForeignRequest("This request was not made by a page of this site."))
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)
