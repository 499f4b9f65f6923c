"""The telemetry of one service's process, from its start to its end.

It begins in the process that serves, never before a fork; what was said until the end is flushed for two seconds.
"""

import hashlib
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from prometheus_client import start_http_server
from starlette.types import ASGIApp

from observability.telemetry.http_metrics import count_requests
from observability.telemetry.logs import configure_logs
from observability.telemetry.metrics import Metrics, gauge, serve_metrics_of
from observability.telemetry.middleware import Telemetry
from observability.telemetry.registry import registry
from observability.telemetry.tracing import close_providers, open_providers, trace_requests
from observability.telemetry.writing import Writer

log = structlog.get_logger()

PROJECT = Path(__file__).parents[2] / "pyproject.toml"

build_info = gauge("uvote_build_info")
start_time = gauge("uvote_start_time_seconds")


@contextmanager
def telemetry(
    app: FastAPI,
    service: str,
    *,
    settings: Mapping[str, Any],
    host: str,
    metrics_port: int | None,
    otlp_endpoint: str | None = None,
    level: str = "info",
) -> Iterator[ASGIApp]:
    """Lets the application speak while the block runs; yields what is to be served.

    `settings` are digested, so that a change can be seen.
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
    providers = open_providers(registered, service, version, otlp_endpoint)
    if providers:
        trace_requests(app, registered, service, providers)
    server = None if metrics_port is None else start_http_server(metrics_port, host, metrics.collectors)[0]
    log.info("service_started", version=version, configuration=configuration)
    try:
        # Outside of everything, the instrumentation too, which would follow a client's trace headers.
        yield Telemetry(app, registry=registered, service=service)
    finally:
        log.info("service_stopped")
        if server is not None:
            server.shutdown()
            server.server_close()
        close_providers(providers)
        writer.close()


def _version() -> str:
    return str(tomllib.loads(PROJECT.read_text())["project"]["version"])


def _digest(settings: Mapping[str, Any]) -> str:
    told = repr(sorted(settings.items()))
    return hashlib.sha256(told.encode()).hexdigest()[:12]
