"""Which pages of browsers may call the public routes: those of one origin, and they get to read refusals too.

- Exactly the configured origin is allowed, never a reflected one; without credentials.
- It wraps the whole application, so that every answer carries it, be it a refusal or an accident.
- Routes between services are not for browsers.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PUBLIC = "/v1/elections/"
EXPOSED = "Retry-After, ETag, Content-Range, Accept-Ranges"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "Content-Type, Range",
    "Access-Control-Max-Age": "600",
}


class OneOrigin:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self.app = app
        self.origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers a browser's question whether it may send one."""
        if scope["type"] != "http" or not scope["path"].startswith(PUBLIC):
            await self.app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        allowed = asked.get("origin") == self.origin

        async def sign(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if allowed:
                    headers["Access-Control-Allow-Origin"] = self.origin
                    headers["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
            await _answer_preflight(sign, allowed=allowed)
        else:
            await self.app(scope, receive, sign)


async def _answer_preflight(send: Send, *, allowed: bool) -> None:
    lines = PREFLIGHT if allowed else {}
    headers = [(name.lower().encode(), value.encode()) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
