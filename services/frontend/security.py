"""What every response tells the browser to refuse.

- Nothing is loaded from anywhere but this origin, and nothing is sent anywhere but here and to the board.
- No inline script or style, no frame, no plug-in, no string that becomes a script.
- No page tells another site where its reader came from; links to voting pages are secrets.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self' {board}",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    # Workers are the one sink that we use: `static/trusted_types.js` lets them start from this origin only.
    "require-trusted-types-for": "'script'",
    "trusted-types": "default",
}
REFUSED_FEATURES = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-get",
    "screen-wake-lock",
    "usb",
    "xr-spatial-tracking",
)
HSTS = "max-age=63072000; includeSubDomains"


def security_headers(public_origin: str, board: str) -> dict[str, str]:
    """The headers for pages of this origin; `board` is where browsers reach `ballot`."""
    policy = "; ".join(f"{name} {value.format(board=board)}" for name, value in POLICY.items())
    headers = {
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in REFUSED_FEATURES),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    # Said over plain HTTP, browsers ignore it; on a developer's machine it would only confuse.
    if public_origin.startswith("https:"):
        headers["Strict-Transport-Security"] = HSTS
    return headers


class SecurityHeaders:
    """Adds the headers to every response, and forbids keeping it unless it says otherwise."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""

        async def protect(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, protect)
