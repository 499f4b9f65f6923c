"""Cookies that a request sets, whatever it ends in: a page, a redirection or a refusal.

Each is bound to this host, to HTTPS (or the reader's own machine), and is out of reach of scripts. Pages of voters and
of the public set none: nothing on them asks for any.
"""

from http.cookies import SimpleCookie

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "__Host-"
KEY = "uvote.cookies"


def set_cookie(request: Request, name: str, value: str, *, seconds: int | None = None) -> None:
    """Sets a cookie with the response to this request; without `seconds` it ends with the browser."""
    cookie: SimpleCookie = SimpleCookie()
    cookie[PREFIX + name] = value
    attributes = cookie[PREFIX + name]
    attributes["path"], attributes["samesite"] = "/", "Lax"
    attributes["secure"] = attributes["httponly"] = True
    if seconds is not None:
        attributes["max-age"] = seconds
    request.scope.setdefault(KEY, {})[name] = attributes.OutputString()


def delete_cookie(request: Request, name: str) -> None:
    """Takes a cookie back."""
    set_cookie(request, name, "", seconds=0)


def read_cookie(request: Request, name: str) -> str | None:
    """The cookie that the browser sent."""
    return request.cookies.get(PREFIX + name)


class Cookies:
    """Sends the cookies that were set, once each, the last value that was given."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for cookie in scope.get(KEY, {}).values():
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await self.app(scope, receive, add)
