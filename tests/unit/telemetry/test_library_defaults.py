"""What the libraries say by themselves, out of the box: each test is the reason of one of our measures.

Each fails when a later version of the library changes its mind, either way. Then look at the measure that it names: it
may have become needless, or no longer enough.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_fastapi_instrumentator import Instrumentator

from services.shared.settings import SERVICES
from services.uvote import postgres as private_postgres
from services.uvote.openapi import unopened_app
from services.uvote.postgres import PrivatePostgres
from tests.guards.sources import ROOT

ADDRESS, PORT = "127.9.8.7", 45678
TRACE_ID = "ab" * 16
SECRET = "ada@example.org"
INSERT = f"INSERT INTO roll VALUES ('{SECRET}')"  # noqa: S608  # a statement as nobody should write it
HEADERS = {"User-Agent": "agent-marker", "traceparent": f"00-{TRACE_ID}-{'cd' * 8}-01"}


def run(*arguments: str) -> str:
    """What a fresh interpreter says, in which nobody has set anything."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def an_app() -> FastAPI:
    """One route, and nothing of the framework's own."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})

    async def answer() -> str:
        return "x" * 1234

    app.add_api_route("/codes/{code}", answer)
    return app


def trace_id_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}"


async def ask(app: Any, path: str, method: str = "GET") -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(ADDRESS, PORT))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.request(method, path, headers=HEADERS)


UVICORN = """
import asyncio, uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
async def serve():
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.9.8.7", 0))
    writer.write(b"GET /codes?code=marker HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    await reader.read()
    server.should_exit = True
    await serving
asyncio.run(serve())
"""


def test_uvicorn_writes_who_asked_for_what() -> None:
    """Therefore `access_log=False` and no configuration of logs of its own (`services/shared/app.py`)."""
    assert re.search(rf"{ADDRESS}:\d+ - \"GET /codes\?code=marker HTTP/1.1\" 200", run("-c", UVICORN))


async def test_the_instrumentation_of_fastapi_records_query_client_and_agent() -> None:
    """Therefore only registered attributes leave (`spans`)."""
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    app = an_app()
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    await ask(app, "/codes/x?code=marker")
    spans = kept.get_finished_spans()
    attributes = dict(spans[-1].attributes or {})
    assert attributes["http.url"] == "http://test/codes/x?code=marker"
    assert attributes["http.target"] == "/codes/x"  # a path, too, may hold a code
    assert (attributes["net.peer.ip"], attributes["net.peer.port"]) == (ADDRESS, PORT)
    assert attributes["http.user_agent"] == "agent-marker"
    # A client chooses the trace; therefore its headers are dropped before (`middleware`).
    assert trace_id_of(spans[-1]) == TRACE_ID
    # A span per message; therefore `exclude_spans`.
    assert [span.name for span in spans] == ["GET /codes/{code} http send"] * 2 + ["GET /codes/{code}"]


async def test_the_instrumentation_of_fastapi_measures_single_sizes_with_the_trace_they_belong_to() -> None:
    """Therefore it gets no provider of metrics (`tracing`)."""
    reader = InMemoryMetricReader()
    app = an_app()
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=TracerProvider(shutdown_on_exit=False), meter_provider=MeterProvider([reader])
    )
    await ask(app, "/codes/x")
    told = json.loads(reader.get_metrics_data().to_json())  # type: ignore[union-attr]  # there are some
    instruments = told["resource_metrics"][0]["scope_metrics"][0]["metrics"]
    points = {each["name"]: each["data"]["data_points"][0] for each in instruments}
    assert points["http.server.response.size"]["sum"] > 1234
    assert int(TRACE_ID, 16) in {each["trace_id"] for each in points["http.server.duration"]["exemplars"]}


@pytest.fixture
def global_providers(monkeypatch: pytest.MonkeyPatch) -> tuple[InMemorySpanExporter, InMemoryLogRecordExporter]:
    """What libraries find that help themselves."""
    spans = InMemorySpanExporter()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the library's fault
    tracing, logging = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging.add_log_record_processor(SimpleLogRecordProcessor(records))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracing)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", logging)
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider())
    return spans, records


async def test_fastapi_speaks_by_itself_once_there_is_a_global_provider(
    global_providers: tuple[InMemorySpanExporter, InMemoryLogRecordExporter],
) -> None:
    """Therefore no provider of ours is global, and its own telemetry is off (`services/shared/app.py`)."""
    app = FastAPI()

    async def fail() -> None:
        raise ValueError(SECRET)

    app.add_api_route("/fail", fail)
    await ask(app, "/fail?code=marker")
    spans, records = global_providers
    server = spans.get_finished_spans()[-1]
    assert (server.attributes or {})["url.query"] == "code=marker"
    assert trace_id_of(server) == TRACE_ID
    (record,) = records.get_finished_logs()
    attributes = dict(record.log_record.attributes or {})
    assert attributes["exception.message"] == SECRET
    assert SECRET in str(attributes["exception.stacktrace"])


async def test_our_services_are_silent_even_then(
    global_providers: tuple[InMemorySpanExporter, InMemoryLogRecordExporter],
) -> None:
    spans, records = global_providers
    for service in SERVICES:
        app = unopened_app(service)  # whatever needs what it would have opened fails there
        assert not app._native_telemetry.enabled()
        for path in ("/health/live", "/health/ready", "/v1/nowhere?code=marker", "/v1/sessions", "/sign-in"):
            await ask(app, path)
            await ask(app, path, "POST")
    assert (spans.get_finished_spans(), records.get_finished_logs()) == ((), ())


CREATED = """
from prometheus_client import CollectorRegistry, Counter, generate_latest
registry = CollectorRegistry()
Counter("ballots", "", registry=registry)
print(generate_latest(registry).decode())
"""


def test_prometheus_client_tells_when_a_series_was_made() -> None:
    """Therefore `disable_created_metrics` (`metrics`), and Prometheus' own list of names."""
    assert re.search(r"^ballots_created \S+$", run("-c", CREATED), re.MULTILINE)


async def test_the_instrumentator_sums_sizes_and_takes_any_word_for_a_method() -> None:
    """Therefore a metric of our own is recorded through it, and none of its own (`http_metrics`)."""
    registry = CollectorRegistry()
    app = an_app()
    Instrumentator(registry=registry).instrument(app)
    await ask(app, "/codes/x")
    await ask(app, "/codes/x", "MARKER")
    text = generate_latest(registry).decode()
    assert re.search(r'^http_response_size_bytes_sum\{handler="/codes/{code}"\} \d+', text, re.MULTILINE)
    assert re.search(r'^http_request_size_bytes_sum\{handler="/codes/{code}"\} ', text, re.MULTILINE)
    assert 'method="MARKER"' in text


@pytest.fixture
async def roll(fresh_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A table with one row, and a rule that refuses it twice."""
    connection = await asyncpg.connect(fresh_database)
    await connection.execute(f"CREATE TABLE roll (address text PRIMARY KEY); {INSERT}")
    yield connection
    await connection.close()


async def test_errors_of_asyncpg_carry_the_row(roll: asyncpg.Connection) -> None:
    """Therefore only the class of an error is ever told (`problems.unforeseen`, `database`)."""
    with pytest.raises(asyncpg.UniqueViolationError) as failed:
        await roll.execute("INSERT INTO roll VALUES ($1)", SECRET)
    assert failed.value.detail == f"Key (address)=({SECRET}) already exists."
    assert SECRET in str(failed.value)


def test_sentry_sends_bodies_variables_queries_and_agents_and_marks_calls() -> None:
    """Therefore it is off, never on the ballot side, and hardened where it is on."""
    told = json.loads(run("-m", "tests.unit.telemetry.sentry_by_default"))
    (event,), (headers,) = told["events"], told["headers"]
    failure = event["exception"]["values"][-1]
    assert failure["stacktrace"]["frames"][-1]["vars"]["local"] == "'in a variable'"
    assert "in the message" in failure["value"]
    assert event["request"]["query_string"] == "x=in-the-query"
    assert event["request"]["data"] == {"x": "in the body"}
    assert event["request"]["headers"]["user-agent"] == "in-the-agent"
    assert event["server_name"]
    assert {"sentry-trace", "baggage"} <= headers.keys()


POSTGRESQL = {
    "log_error_verbosity": "default",
    "log_min_error_statement": "error",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "track_commit_timestamp": "off",
}


def test_postgresql_writes_statements_and_rows_into_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Therefore `services/postgresql.conf`; it also says what is well by default, which others may have changed."""
    place = tmp_path / "empty.conf"
    place.write_text("")
    monkeypatch.setattr(private_postgres, "SETTINGS_OF_EVERY_SERVER", place)

    async def offend(dsn: str) -> dict[str, str]:
        connection = await asyncpg.connect(dsn)
        await connection.execute(f"CREATE TABLE roll (address text PRIMARY KEY); {INSERT}")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(INSERT)
        rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", [*POSTGRESQL])
        await connection.close()
        return {row["name"]: row["setting"] for row in rows}

    with PrivatePostgres.start(tmp_path, durable=False) as server:
        assert asyncio.run(offend(server.dsn())) == POSTGRESQL
        log = (server.directory / "log").read_text()
    assert f"DETAIL:  Key (address)=({SECRET}) already exists." in log
    assert f"STATEMENT:  {INSERT}" in log
