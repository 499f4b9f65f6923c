"""What stands around every request, outermost: it decides the side, and says what may be said of the request.

- Trace headers of the public are dropped: a client could force a trace to be kept, and choose its id. On the identity
  side a trace continues that of another service which shows that it is one; on the ballot side none does.
- A request of the identity side makes one line with the action's name, and one measurement of its time.
- A request of the ballot side makes neither; one that meets no registered route belongs to that side.
"""

import re
import time
from collections.abc import Callable

import structlog
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.telemetry.calls import HEADER
from observability.telemetry.metrics import histogram
from observability.telemetry.registry import Registry, Route, Side
from observability.telemetry.routing import RouteFinder
from observability.telemetry.sampling import ERROR, Manner, exemplar, traced
from observability.telemetry.side import on_side

log = structlog.get_logger()

TRACE_HEADER = HEADER.encode()
DROPPED_HEADERS = frozenset({b"traceparent", b"tracestate", b"baggage", b"sentry-trace", TRACE_HEADER})
CONTEXT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]")
LONGEST_HEADER = 1024
ROUTE, SPAN = "uvote.route", "uvote.span"

# Whether this is the token of a service that may tell us of its traces.
Believe = Callable[[str], bool]

duration = histogram("uvote_http_request_duration_seconds")


def believe_nobody(_: str) -> bool:
    """Every trace begins here."""
    return False


class Telemetry:
    """Wraps the whole application of a service."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        registry: Registry,
        service: str,
        believe: Believe = believe_nobody,
    ) -> None:
        self.app = app
        self.believe = believe
        self.finder = RouteFinder(registry.routes[service].values())
        self.measured = service in registry.metrics["uvote_http_request_duration_seconds"].each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == TRACE_HEADER]
        scope["headers"] = [header for header in scope["headers"] if header[0] not in DROPPED_HEADERS]
        route = self.finder.find(scope["method"], scope["path"])
        scope[ROUTE] = route
        side = Side.BALLOT if route is None else route.side
        with on_side(side), traced(_manner(route)):
            if route is None or route.unseen or route.quiet:
                await self.app(scope, receive, send)
            elif side is Side.BALLOT:
                await self.app(scope, receive, _noting_status(scope, send))
            else:
                self._continue_trace(scope, given)
                await self._tell(route, scope, receive, send)

    def _continue_trace(self, scope: Scope, given: list[bytes]) -> None:
        """Gives the instrumentation inside of us a context that it may follow, in the form that it reads."""
        if len(given) == 1 and len(given[0]) <= LONGEST_HEADER:
            context, _, token = given[0].decode("latin-1").partition(" ")
            if CONTEXT.fullmatch(context) and self.believe(token):
                scope["headers"].append((b"traceparent", context.encode()))

    async def _tell(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _note_status(scope, status)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            seconds = round(time.perf_counter() - began, 4)
            span = scope.get(SPAN, trace.INVALID_SPAN)
            if self.measured:
                duration.observe(seconds, action=route.action, exemplar=exemplar(span))
            with trace.use_span(span):
                log.info("request_served", action=route.action, method=scope["method"], status=status, seconds=seconds)


def _manner(route: Route | None) -> Manner:
    if route is None or route.unseen or route.quiet:
        return Manner.NEVER
    return Manner.AT_A_RATE if route.rated or route.side is Side.BALLOT else Manner.ALWAYS


def _noting_status(scope: Scope, send: Send) -> Send:
    async def watch(message: Message) -> None:
        if message["type"] == "http.response.start":
            _note_status(scope, message["status"])
        await send(message)

    return watch


def _note_status(scope: Scope, status: int) -> None:
    """Says in the request's span how it was answered, before it ends."""
    span = scope.get(SPAN)
    if span is not None:
        span.set_attribute("http.response.status_code", status)
        if status >= 500 and ERROR not in span.attributes:
            span.set_attribute(ERROR, "other")
