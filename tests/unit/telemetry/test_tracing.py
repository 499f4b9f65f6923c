"""Which requests make a span, on which side, and under which name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability.telemetry.metrics import measuring
from observability.telemetry.middleware import Telemetry
from observability.telemetry.registry import Side, registry
from observability.telemetry.spans import AllowedSpans
from observability.telemetry.tracing import trace_requests

UUID = "2" * 20
MARKER = "ada@example.org"
HOSTILE = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": "x=1", "baggage": f"k={MARKER}"}

Kept = dict[Side, InMemorySpanExporter]


@asynccontextmanager
async def client_of(service: str, kept: Kept) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})

    async def answer() -> None:
        """Nothing."""

    for route in registry().routes[service].values():
        app.add_api_route(route.path, answer, methods=list(route.methods))
    providers = {}
    for side in Side:
        kept[side] = InMemorySpanExporter()
        providers[side] = TracerProvider(shutdown_on_exit=False)
        providers[side].add_span_processor(SimpleSpanProcessor(AllowedSpans(registry(), side, kept[side])))
    trace_requests(app, registry(), service, providers)
    outermost = Telemetry(app, registry=registry(), service=service)
    with measuring(service):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(outermost), base_url="http://test") as client:
            yield client


def names(kept: Kept) -> dict[Side, list[str]]:
    return {side: [span.name for span in exporter.get_finished_spans()] for side, exporter in kept.items()}


async def test_a_request_is_one_span_with_its_action_s_name_on_its_side() -> None:
    kept: Kept = {}
    async with client_of("frontend", kept) as client:
        await client.get("/organise")
        await client.get(f"/election/{UUID}/board")
    assert names(kept) == {Side.IDENTITY: ["list_elections"], Side.BALLOT: ["show_board"]}


async def test_casts_look_ups_and_probes_make_no_span() -> None:
    kept: Kept = {}
    async with client_of("ballot", kept) as client:
        await client.post(f"/v1/elections/{UUID}/ballots?x=1")
        await client.get(f"/v1/elections/{UUID}/trackers/abc")
        await client.get(f"/v1/elections/{UUID}/credentials/abc")
        await client.get("/health/ready")
        await client.get(f"/nowhere/{MARKER}")
    assert names(kept) == {Side.IDENTITY: [], Side.BALLOT: []}


async def test_a_client_cannot_choose_the_trace_nor_put_words_into_it() -> None:
    kept: Kept = {}
    async with client_of("voter", kept) as client:
        await client.get(f"/v1/elections/{UUID}/voters?address={MARKER}", headers={**HOSTILE, "User-Agent": MARKER})
    (span,) = kept[Side.IDENTITY].get_finished_spans()
    assert span.parent is None
    assert span.context.trace_id != int("ab" * 16, 16)
    assert MARKER not in span.to_json()
    assert "test" not in span.to_json().replace("list_voters", "")
