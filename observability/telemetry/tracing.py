"""Tracing of requests by the contrib instrumentation of FastAPI, on two sides that share no provider.

- A span begins with the provider of the request's side. Single ballots, look-ups, probes and polls make none.
- It has the action's name; what the instrumentation records besides is left out when it leaves (`spans`).
- No trace continues one that a client names: those headers are dropped before (`middleware`).
- No provider is the global one, at which libraries help themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.util._decorator import _agnosticcontextmanager
from starlette.types import Scope

from observability.telemetry.middleware import ROUTE, SPAN
from observability.telemetry.registry import Registry, Route, Side
from observability.telemetry.routing import PARAMETER
from observability.telemetry.sampling import Manner, Sampling, manner
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
        """Begins a span on the present side, unless there must be none whatever the instrumentation was told."""
        tracer = None if manner() is Manner.NEVER else self.tracers.get(side_of_work())
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


def trace_requests(
    app: FastAPI, registry: Registry, service: str, providers: Mapping[Side, trace.TracerProvider]
) -> None:
    """Makes a span of each request of which there may be one."""
    silent = [route.path for route in registry.routes[service].values() if route.quiet or route.unseen]
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=SidedProvider(providers),
        meter_provider=NoOpMeterProvider(),
        excluded_urls=",".join(_expression(path) for path in silent),
        exclude_spans=["receive", "send"],
        server_request_hook=_name,
    )


def _expression(path: str) -> str:
    return "/" + "[^/]+".join(re.escape(part) for part in PARAMETER.split(path[1:])) + "$"


def _name(span: trace.Span, scope: Scope) -> None:
    route: Route | None = scope.get(ROUTE)
    if route is not None and span.is_recording():
        span.update_name(route.action)
        told = {"uvote.action": route.action, "http.route": route.path, "http.request.method": scope["method"]}
        span.set_attributes(told)
        scope[SPAN] = span
