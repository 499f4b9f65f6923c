"""Tracing of requests, on two sides that share no provider, by the middleware within the instrumentation of FastAPI.

- The rest of that instrumentation looks for the route a second time, wraps the application twice more and patches
  background tasks; it costs more than the spans. The middleware is told the action's name instead.
- A span begins with the provider of the request's side. Single ballots, look-ups, probes and polls do not pass here.
- It has the action's name; what the instrumentation records besides is left out when it leaves (`spans`).
- No trace continues one that a client names: those headers are dropped before (`middleware`).
- No provider is the global one, at which libraries help themselves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.util._decorator import _agnosticcontextmanager
from starlette.types import ASGIApp, Scope

from observability.telemetry.middleware import ROUTE, SPAN
from observability.telemetry.registry import Route, Side
from observability.telemetry.sampling import Sampling
from observability.telemetry.side import side_of_work

NAME = "uvote"


@dataclass(frozen=True)
class SidedProvider(trace.TracerProvider):
    """Hands out tracers that begin each span with the provider of the side on which it begins."""

    providers: Mapping[Side, trace.TracerProvider]

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        """The one tracer."""
        return SidedTracer({side: provider.get_tracer(NAME) for side, provider in self.providers.items()})


@dataclass(frozen=True)
class SidedTracer(trace.Tracer):
    """A tracer for each side that has a collector."""

    tracers: Mapping[Side, trace.Tracer]

    def start_span(self, *given: Any, **named: Any) -> trace.Span:
        """Begins a span on the present side."""
        tracer = self.tracers.get(side_of_work())
        return trace.INVALID_SPAN if tracer is None else tracer.start_span(*given, **named)

    @_agnosticcontextmanager
    def start_as_current_span(self, *given: Any, **named: Any) -> Iterator[trace.Span]:
        """Begins a span on the present side and makes it the current one."""
        with trace.use_span(self.start_span(*given, **named), end_on_exit=True) as span:
            yield span


def make_provider(side: Side, resource: Mapping[str, str], processor: SpanProcessor) -> TracerProvider:
    """The provider of one side."""
    provider = TracerProvider(sampler=Sampling(side), resource=Resource(resource), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def trace_requests(app: ASGIApp, providers: Mapping[Side, trace.TracerProvider]) -> ASGIApp:
    """The application with a span around each request. Those that make none are not to be sent through it."""
    return OpenTelemetryMiddleware(
        app,
        tracer_provider=SidedProvider(providers),
        meter_provider=NoOpMeterProvider(),
        default_span_details=_details,
        server_request_hook=_keep,
        exclude_spans=["receive", "send"],
    )


def _details(scope: Scope) -> tuple[str, dict[str, str]]:
    route: Route = scope[ROUTE]
    told = {"uvote.action": route.action, "http.route": route.path, "http.request.method": scope["method"]}
    return route.action, told


def _keep(span: trace.Span, scope: Scope) -> None:
    if span.is_recording():
        scope[SPAN] = span
