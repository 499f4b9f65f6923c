"""The telemetry of one service's process, from its start to its end.

It begins in the process that serves, never before a fork; what was said until the end is flushed for two seconds.
"""

import hashlib
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from observability.telemetry.calls import Calls, Sign, trace_calls
from observability.telemetry.http_metrics import count_requests
from observability.telemetry.logs import configure_logs
from observability.telemetry.metrics import Metrics, gauge, serve_metrics_of
from observability.telemetry.middleware import Believe, Telemetry, believe_nobody
from observability.telemetry.otlp import Collector, SpansTo
from observability.telemetry.outbox import Dropped, Outbox, close
from observability.telemetry.registry import Registry, Side, registry
from observability.telemetry.sampling import KeptParts
from observability.telemetry.spans import AllowedSpans
from observability.telemetry.tracing import make_provider, trace_requests
from observability.telemetry.writing import Writer

log = structlog.get_logger()

QUEUED_SPANS = 4096
LINGER_SECONDS = 1.0
NO_COLLECTORS: Mapping[Side, str] = MappingProxyType({})

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

build_info = gauge("uvote_build_info")
start_time = gauge("uvote_start_time_seconds")


@dataclass(frozen=True)
class Traces:
    """The spans of one side, on their way to its collector."""

    provider: TracerProvider
    outbox: Outbox[ReadableSpan]


def open_traces(
    registered: Registry, service: str, version: str, collectors: Mapping[Side, str], dropped: Dropped
) -> Mapping[Side, Traces]:
    """A provider, a queue and a client of its own for each side that has a collector."""

    def open_side(side: Side, endpoint: str) -> Traces:
        allowed = AllowedSpans(registered, side, SpansTo(Collector(endpoint, side)))
        outbox = Outbox(f"spans-{side}", allowed.export, dropped, room=QUEUED_SPANS, linger=LINGER_SECONDS)
        outbox.start()
        resource = {"service.name": service, "service.version": version, "uvote.side": side.value}
        return Traces(make_provider(side, resource, KeptParts(outbox.put, dropped)), outbox)

    return {side: open_side(side, endpoint) for side, endpoint in collectors.items()}


@contextmanager
def telemetry(
    app: FastAPI,
    service: str,
    *,
    settings: Mapping[str, Any],
    host: str,
    metrics_port: int | None,
    level: str = "info",
    collectors: Mapping[Side, str] = NO_COLLECTORS,
    sign: Sign,
    believe: Believe = believe_nobody,
) -> Iterator[ASGIApp]:
    """Lets the application speak while the block runs; yields what is to be served.

    `settings` are digested, so that a change can be seen. `collectors` are the addresses of each side's collector;
    `sign` and `believe` write and read the header by which a trace goes on in another service.
    """
    registered = registry()
    metrics = Metrics(registered, service)
    writer = Writer(lambda drop: metrics.count_drop("stdout", drop))
    configure_logs(registered, service, writer, lambda drop: metrics.count_drop("stdout", drop), level)
    serve_metrics_of(metrics)
    writer.start()
    version, configuration = _version(), _digest(settings)
    build_info.set(1, version=version, configuration=configuration)
    start_time.set(round(time.time()))
    count_requests(app, registered, service)
    traces = open_traces(registered, service, version, collectors, lambda drop: metrics.count_drop("otlp_traces", drop))
    if traces:
        trace_requests(app, registered, service, {side: sent.provider for side, sent in traces.items()})
    if Side.IDENTITY in traces:
        trace_calls(Calls(traces[Side.IDENTITY].provider.get_tracer("uvote"), sign))
    server = None if metrics_port is None else start_http_server(metrics_port, host, metrics.collectors)[0]
    log.info("service_started", version=version, configuration=configuration)
    try:
        # Outside of everything, the instrumentation too, which would follow a client's trace headers.
        yield Telemetry(app, registry=registered, service=service, believe=believe)
    finally:
        log.info("service_stopped")
        if server is not None:
            server.shutdown()
            server.server_close()
        trace_calls(None)
        close(sent.outbox for sent in traces.values())
        writer.close()


def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text())["project"]["version"])


def _digest(settings: Mapping[str, Any]) -> str:
    told = repr(sorted(settings.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:12]
