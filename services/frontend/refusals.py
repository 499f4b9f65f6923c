"""Refusals as pages: what is a problem document for a program becomes a page for a browser, in one place.

- A page says what happened, whether anything was changed, and what to do now.
- Whoever must sign in is led there and back again.
- The status and `Retry-After` stay what they were.
"""

import json
from collections.abc import Callable
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.shared import problems
from services.shared.client import Refused

MEDIA_TYPE = "application/problem+json"
Renderer = Callable[[Request, int, dict[str, object]], Response]


def wants_html(headers: Headers) -> bool:
    """Whether a browser asks for a page (and not a script for data)."""
    return "text/html" in headers.get("accept", "")


def of_refused(refused: Refused) -> problems.Problem:
    """A refusal of another service, handed on with its sentence."""
    kind = problems.BY_STATUS.get(refused.status, problems.BadGateway)
    headers = {"Retry-After": refused.headers["retry-after"]} if "retry-after" in refused.headers else {}
    return kind(refused.detail or f"{kind.title}.", code=refused.type or None, headers=headers)


def install(app: FastAPI) -> None:
    """Turns refusals of other services into ours, and mistyped addresses into pages that do not exist."""

    async def on_refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return problems.render(of_refused(error))

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # A page whose address cannot be right does not exist.
        mistyped = any(item["loc"][0] == "path" for item in error.errors())
        return problems.render(
            problems.NotFound("There is no such page.") if mistyped else problems.of_validation(error)
        )

    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(RequestValidationError, on_validation)


def sign_in_path(request: Request) -> str:
    """Where to sign in, and come back from if the page can be asked for again."""
    if request.method != "GET":
        return "/sign-in"
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(path, safe='')}"


class RefusalPages:
    """Replaces problem documents by pages where a browser asked for a page."""

    def __init__(self, app: ASGIApp, render: Renderer) -> None:
        self.app = app
        self.render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http" or not wants_html(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def hold(message: Message) -> None:
            if held or (message["type"] == "http.response.start" and _is_problem(message)):
                held.append(message)
            else:
                await send(message)

        await self.app(scope, receive, hold)
        if held:
            await self._page(Request(scope, receive), held)(scope, receive, send)

    def _page(self, request: Request, held: list[Message]) -> Response:
        start, *rest = held
        problem = json.loads(b"".join(message.get("body", b"") for message in rest))
        if start["status"] == problems.Unauthenticated.status:
            return RedirectResponse(sign_in_path(request), 303)
        response = self.render(request, start["status"], problem)
        for name in ("retry-after", "connection"):
            if value := Headers(raw=start["headers"]).get(name):
                response.headers[name] = value
        return response


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
