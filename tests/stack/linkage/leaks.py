"""What the wall keeps in, put back: the negative controls of the game, in a process that a test has started.

Each leak has a name of its own, so that the adversary can be let to hear one of them alone.
"""

import json
import os
import time
from typing import Any

import asyncpg
import prometheus_client
from fastapi import FastAPI
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.telemetry import metrics
from observability.telemetry.otlp import Collector, SpansTo
from observability.telemetry.registry import Side
from services.shared.settings import Settings
from services.uvote import serve

# By the name that its sources have, as the table says it.
LEAKS = {
    "trace": "a span per page load and per cast, in one trace",
    "counter": "a counter that moves with each ballot",
    "line": "a line of the log per cast",
    "created": "`_created` of a series that is born with the first ballot (on who cast it)",
    "size": "the sum of the sizes that the cast route received",
    "queue": "a queue's table with a job per ballot",
}
TRACE_HEADER = "x-leak-trace"  # what is named `traceparent` is dropped before it comes here
QUEUE = """
CREATE TABLE IF NOT EXISTS ballot.leak_queue
  (id bigserial PRIMARY KEY, payload bytea NOT NULL, created timestamptz NOT NULL DEFAULT clock_timestamp())
"""


class Leaking:
    """Stands around an application and says what it should not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        assert metrics._process is not None
        registry = metrics._process.collectors
        prometheus_client.enable_created_metrics()  # type: ignore[no-untyped-call]  # the library's fault
        self.counter = prometheus_client.Gauge("leak_counter", "ballots", registry=registry)
        self.size = prometheus_client.Gauge("leak_size", "bytes", registry=registry)
        self.created = prometheus_client.Counter("leak_created", "born", ["election"], registry=registry)
        exporter = SpansTo(Collector(f"{os.environ['UVOTE_LEAK_TO']}/leak_trace", Side.BALLOT))
        provider = TracerProvider(ALWAYS_ON, Resource({"service.name": "leak_trace"}))
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self.tracer = provider.get_tracer("leak")
        self.queue: asyncpg.Pool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        path = scope.get("path", "")
        if path.startswith("/vote/"):
            await self._page(scope, receive, send)
        elif path.endswith("/ballots"):
            await self._cast(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        carrier: dict[str, str] = {}

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (TRACE_HEADER.encode(), carrier["traceparent"].encode())]
            await send(message)

        with self.tracer.start_as_current_span("page", context=Context()):
            TraceContextTextMapPropagator().inject(carrier)
            await self.app(scope, receive, tell)

    async def _cast(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        context = TraceContextTextMapPropagator().extract({"traceparent": headers.get(TRACE_HEADER, "")})
        body = b""

        async def listen() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body"):
                await self._say(scope["path"].split("/")[-2], body)
            return message

        with self.tracer.start_as_current_span("cast", context=context):
            await self.app(scope, listen, send)

    async def _say(self, uuid: str, body: bytes) -> None:
        self.counter.inc()
        self.size.inc(len(body))
        self.created.labels(uuid)
        line: dict[str, Any] = {"time": _now(), "event": "leak_line"}
        os.write(1, json.dumps(line).encode() + b"\n")
        if self.queue is None:
            self.queue = await asyncpg.create_pool(os.environ["UVOTE_LEAK_QUEUE"], min_size=1, max_size=2)
        await self.queue.execute("INSERT INTO ballot.leak_queue (payload) VALUES (sha256($1))", body)


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"


def put_back() -> None:
    """From here on, applications that this process makes leak when they are told where to."""
    make = serve.create_app

    def create_app(settings: Settings) -> FastAPI:
        app = make(settings)
        if "UVOTE_LEAK_TO" in os.environ:
            app.add_middleware(Leaking)
        return app

    serve.create_app = create_app
