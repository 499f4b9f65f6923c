"""What stands around every request, outermost: it decides the side, and says what may be said of the request.

- Trace headers of the public are dropped: a client could force a trace to be kept, and choose its id.
- A request of the identity side makes one line with the action's name, and one measurement of its time.
- A request of the ballot side makes neither; one that meets no registered route belongs to that side.
"""

import time

import structlog
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.telemetry.metrics import histogram
from observability.telemetry.registry import Registry, Route, Side
from observability.telemetry.routing import RouteFinder
from observability.telemetry.side import on_side

log = structlog.get_logger()

DROPPED_HEADERS = frozenset({b"traceparent", b"tracestate", b"baggage", b"sentry-trace"})
ROUTE, SPAN = "uvote.route", "uvote.span"

duration = histogram("uvote_http_request_duration_seconds")


class Telemetry:
    """Wraps the whole application of a service."""

    def __init__(self, app: ASGIApp, *, registry: Registry, service: str) -> None:
        self.app = app
        self.finder = RouteFinder(registry.routes[service].values())
        self.measured = service in registry.metrics["uvote_http_request_duration_seconds"].each

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["headers"] = [header for header in scope["headers"] if header[0] not in DROPPED_HEADERS]
        route = self.finder.find(scope["method"], scope["path"])
        scope[ROUTE] = route
        side = Side.BALLOT if route is None else route.side
        with on_side(side):
            if route is None or side is Side.BALLOT or route.quiet or route.unseen:
                await self.app(scope, receive, send)
            else:
                await self._tell(route, scope, receive, send)

    async def _tell(self, route: Route, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            seconds = round(time.perf_counter() - began, 6)
            if self.measured:
                duration.observe(seconds, action=route.action, exemplar=_exemplar(scope))
            with trace.use_span(scope.get(SPAN, trace.INVALID_SPAN)):
                log.info("request_served", action=route.action, method=scope["method"], status=status, seconds=seconds)


def _exemplar(scope: Scope) -> dict[str, str] | None:
    context = scope.get(SPAN, trace.INVALID_SPAN).get_span_context()
    return {"trace_id": f"{context.trace_id:032x}"} if context.trace_flags.sampled else None
