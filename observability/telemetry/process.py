"""The telemetry of one service's process, from its start to its end.

It begins in the process that serves, never before a fork; what was said until the end is flushed for two seconds.
"""

import hashlib
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from observability.telemetry.calls import Calls, Sign, trace_calls
from observability.telemetry.errors import ErrorReports, report_errors_to
from observability.telemetry.http_metrics import count_requests
from observability.telemetry.logs import configure_logs
from observability.telemetry.metrics import Metrics, gauge, serve_metrics_of
from observability.telemetry.middleware import Believe, Telemetry, believe_nobody
from observability.telemetry.otlp import Collector, LinesTo, SpansTo
from observability.telemetry.outbox import Dropped, Outbox
from observability.telemetry.registry import Side, registry
from observability.telemetry.sampling import KeptParts
from observability.telemetry.spans import AllowedSpans
from observability.telemetry.tracing import NAME, make_provider, trace_requests
from observability.telemetry.writing import Line, Writer

log = structlog.get_logger()

QUEUED = 4096  # spans, or lines, of one side
LINGER_SECONDS = 1.0
NO_COLLECTORS: Mapping[Side, str] = MappingProxyType({})

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

build_info = gauge("uvote_build_info")
start_time = gauge("uvote_start_time_seconds")


@dataclass(frozen=True)
class Export:
    """What one side sends to its collector, over a client of its own."""

    spans: Outbox[ReadableSpan]
    lines: Outbox[Line]
    provider: TracerProvider


def open_export(metrics: Metrics, side: Side, endpoint: str, version: str) -> Export:
    """Queues and a provider for one side. Its threads begin here."""
    resource = {"service.name": metrics.service, "service.version": version, "uvote.side": side.value}
    collector = Collector(endpoint, side)
    lost: Dropped = partial(metrics.count_drop, "otlp_traces")
    allowed = AllowedSpans(metrics.registry, side, SpansTo(collector))
    spans = Outbox(f"spans-{side}", allowed.export, lost, room=QUEUED, linger=LINGER_SECONDS)
    lost_lines: Dropped = partial(metrics.count_drop, "otlp_logs")
    lines = Outbox(f"lines-{side}", LinesTo(collector, resource), lost_lines, room=QUEUED, linger=LINGER_SECONDS)
    spans.start()
    lines.start()
    return Export(spans, lines, make_provider(side, resource, KeptParts(spans.put, lost)))


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
    sentry_dsn: str | None = None,
    sign: Sign,
    believe: Believe = believe_nobody,
) -> Iterator[ASGIApp]:
    """Lets the application speak while the block runs; yields what is to be served.

    `settings` are digested, so that a change can be seen. `collectors` are the addresses of each side's collector,
    `sentry_dsn` that of reports of errors. `sign` and `believe` make and know the tokens by which a trace goes on in
    another service.
    """
    registered = registry()
    metrics, version = Metrics(registered, service), _version()
    exports = {side: open_export(metrics, side, endpoint, version) for side, endpoint in collectors.items()}
    dropped: Dropped = partial(metrics.count_drop, "stdout")
    writer = Writer(dropped, collectors={side: export.lines for side, export in exports.items()})
    configure_logs(registered, service, writer, dropped, level, for_good=True)
    serve_metrics_of(metrics)
    writer.start()
    configuration = _digest(settings)
    build_info.set(1, version=version, configuration=configuration)
    start_time.set(round(time.time()))
    count_requests(app, registered, service)
    if exports:
        trace_requests(app, registered, service, {side: export.provider for side, export in exports.items()})
    if Side.IDENTITY in exports:
        trace_calls(Calls(exports[Side.IDENTITY].provider.get_tracer(NAME), sign))
    reports = _report_errors(metrics, version, sentry_dsn)
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
        report_errors_to(None)
        writer.close([*(export.spans for export in exports.values()), *reports])


def _report_errors(metrics: Metrics, version: str, dsn: str | None) -> list[Outbox[Any]]:
    if dsn is None:
        return []
    dropped = partial(metrics.count_drop, "sentry")
    reports = ErrorReports(metrics.registry, metrics.service, version, dsn, dropped)
    reports.outbox.start()
    report_errors_to(reports)
    return [reports.outbox]


def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text())["project"]["version"])


def _digest(settings: Mapping[str, Any]) -> str:
    told = repr(sorted(settings.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:12]
