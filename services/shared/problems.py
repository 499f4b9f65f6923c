"""The few kinds of refusal, and the one place that turns them into HTTP (RFC 9457).

- A refusal has a stable `type`; its `detail` is a sentence for a person.
- No value that a client sent is repeated in a refusal, only where it stood.
- What is not foreseen becomes a bare 500 that says nothing.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from observability.telemetry.calls import note_error
from observability.telemetry.errors import report

log = structlog.get_logger()

TYPE_PREFIX = "urn:uvote:problem:"
RETRY_SECONDS = 2

MEDIA_TYPE = "application/problem+json"
# The document of a refusal, as a schema; some kinds have more members.
SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A refusal (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "pattern": f"^{TYPE_PREFIX}[a-z]+(-[a-z]+)*$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
    },
}
# What every route declares to answer besides what it is for.
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Refused",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class Problem(Exception):
    """A refusal. Subclasses name the kind; `code` may name the case more closely (and becomes the `type`)."""

    status: ClassVar[int]
    title: ClassVar[str]
    code: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.type = TYPE_PREFIX + (code or self.code)
        self.headers = dict(headers or {})
        self.members = members

    def body(self) -> dict[str, Any]:
        """The members of the problem document."""
        return {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


class Malformed(Problem):
    """The request cannot be read."""

    status, title, code = 400, "The request cannot be read", "malformed"


class Unauthenticated(Problem):
    """Nobody that we know has sent the request."""

    status, title, code = 401, "Sign in first", "unauthenticated"


class Forbidden(Problem):
    """The sender is known and may not do this."""

    status, title, code = 403, "Not allowed", "forbidden"


class NotFound(Problem):
    """There is no such thing, or it is not for this sender to know that there is."""

    status, title, code = 404, "Not found", "not-found"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status, title, code = 405, "Method not allowed", "method-not-allowed"


class Conflict(Problem):
    """The request does not fit the present state."""

    status, title, code = 409, "Does not fit the present state", "conflict"


class Gone(Problem):
    """The thing existed once and has been withdrawn."""

    status, title, code = 410, "Withdrawn", "gone"


class TooLarge(Problem):
    """The body is larger than the route takes."""

    status, title, code = 413, "Too large", "too-large"


class WrongMediaType(Problem):
    """The body is of a type that the route does not take."""

    status, title, code = 415, "Wrong content type", "wrong-media-type"


class RangeNotSatisfiable(Problem):
    """The range lies outside the document."""

    status, title, code = 416, "Range not satisfiable", "range-not-satisfiable"


class Invalid(Problem):
    """The request can be read and says something impossible."""

    status, title, code = 422, "Invalid", "invalid"


class TooMany(Problem):
    """The sender asks more often than is allowed."""

    status, title, code = 429, "Too many requests", "too-many"


class BadGateway(Problem):
    """A service that we called refused what it should have taken."""

    status, title, code = 502, "A part of the system refused", "dependency-refused"


class Unavailable(Problem):
    """The request may succeed in a moment; nothing was changed."""

    status, title, code = 503, "Try again in a moment", "unavailable"

    def __init__(self, detail: str, *, retry_after: int = RETRY_SECONDS, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)}, **members)


BY_STATUS: dict[int, type[Problem]] = {kind.status: kind for kind in Problem.__subclasses__()}


def render(problem: Problem) -> JSONResponse:
    """The problem as a response."""
    return JSONResponse(problem.body(), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def of_validation(error: RequestValidationError) -> Problem:
    """Where a request is wrong, without what stood there."""
    errors = [
        {"at": "/".join(str(part)[:64] for part in item["loc"]), "rule": item["type"], "sentence": item["msg"][:200]}
        for item in error.errors()[:20]
    ]
    return Invalid("The request does not have the form that this route takes.", code="invalid-form", errors=errors)


def of_http(error: HTTPException) -> Problem:
    """Refusals of the framework itself, in our form."""
    kind = BY_STATUS.get(error.status_code, Malformed)
    return kind(f"{kind.title}.", headers=error.headers)


def install(app: FastAPI) -> None:
    """Renders every refusal of the application."""

    async def on_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        if error.status >= 500:
            note_error(error)
        return render(error)

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return render(of_validation(error))

    async def on_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return render(of_http(error))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)


def unforeseen(error: Exception) -> JSONResponse:
    """The bare 500. The log names the kind of error and where, never its text, which may quote data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    code = frame.tb_frame.f_code if frame else None
    note_error(error)
    report(error)
    log.error(
        "request_failed",
        error=type(error).__name__,
        function=code.co_qualname if code else None,
        line=frame.tb_lineno if frame else None,
    )
    body = {"type": TYPE_PREFIX + "internal", "title": "Something went wrong here", "status": 500}
    return JSONResponse(body, 500, media_type=MEDIA_TYPE)
