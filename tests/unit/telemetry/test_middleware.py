"""What stands around requests: sides, headers, lines and counts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request

from observability.telemetry.http_metrics import count_requests
from observability.telemetry.metrics import Metrics, measuring
from observability.telemetry.middleware import Telemetry
from observability.telemetry.registry import NO_ACTION, Side, registry
from observability.telemetry.routing import RouteFinder
from observability.telemetry.side import side_of_work
from observability.telemetry.ticks import MANY
from services.shared.settings import SERVICES
from tests.unit.telemetry.ticking import Clock

UUID = "2" * 20


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


@asynccontextmanager
async def client_of(service: str) -> AsyncIterator[httpx.AsyncClient]:
    """An application with the registered addresses of a service, which answers what it was sent."""
    app = FastAPI()

    async def answer(request: Request) -> dict[str, Any]:
        if request.headers.get("x-fail"):
            raise RuntimeError
        return {"side": side_of_work(), "headers": dict(request.headers)}

    for route in registry().routes[service].values():
        app.add_api_route(route.path, answer, methods=list(route.methods))
    count_requests(app, registry(), service)
    app.add_middleware(Telemetry, registry=registry(), service=service)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def counts(metrics: Metrics, name: str = "uvote_http_requests") -> dict[tuple[str, ...], float]:
    """The series of a counter that are not 0, as a scrape finds them."""
    list(metrics.collectors.collect())
    children = ((key, child) for key, child in metrics.children.items() if key[0] == name)
    values = {key[1]: next(iter(child.collect())).samples[0].value for key, child in children}
    return {labels: value for labels, value in values.items() if value}


@pytest.mark.parametrize("service", SERVICES)
def test_every_registered_address_is_found_as_itself(service: str) -> None:
    finder = RouteFinder(registry().routes[service].values())
    for route in registry().routes[service].values():
        path = "/".join("x1" if part.startswith("{") else part for part in route.path.split("/"))
        for method in route.methods:
            assert finder.find(method, path) == route
    assert finder.find("GET", "/nowhere/at/all") is None


async def test_trace_headers_of_the_public_are_dropped() -> None:
    hostile = {
        "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
        "tracestate": "x=1",
        "baggage": "k=" + "v" * 65536,
        "sentry-trace": f"{'ab' * 16}-{'cd' * 8}-1",
    }
    with measuring("ballot"):
        async with client_of("ballot") as client:
            seen = (await client.get(f"/v1/elections/{UUID}", headers=hostile)).json()["headers"]
    assert not seen.keys() & hostile.keys()


async def test_an_identity_side_request_is_one_line_with_its_action(lines: list[Any]) -> None:
    with measuring("voter"):
        async with client_of("voter") as client:
            await client.get(f"/v1/elections/{UUID}/voters?address=ada@example.org")
    (line,) = lines
    assert line.pop("seconds") >= 0
    expected = {"event": "request_served", "log_level": "info", "action": "list_voters", "method": "GET", "status": 200}
    assert line == expected


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("ballot", "POST", f"/v1/elections/{UUID}/ballots"),
        ("ballot", "GET", f"/v1/elections/{UUID}"),
        ("frontend", "GET", f"/vote/{UUID}"),
        ("frontend", "GET", f"/election/{UUID}/board"),
        ("frontend", "GET", "/no/such/page"),
        ("election", "GET", f"/v1/definitions/{UUID}"),
        ("voter", "GET", "/health/ready"),
    ],
)
async def test_the_ballot_side_and_probes_make_no_line(service: str, method: str, path: str, lines: list[Any]) -> None:
    with measuring(service):
        async with client_of(service) as client:
            await client.request(method, path)
    assert lines == []


async def test_the_side_belongs_to_the_route() -> None:
    with measuring("frontend"):
        async with client_of("frontend") as client:
            assert (await client.get(f"/vote/{UUID}")).json()["side"] == Side.BALLOT
            assert (await client.get("/organise")).json()["side"] == Side.IDENTITY


async def test_requests_are_counted_by_action_and_single_ballots_are_not() -> None:
    """By whatever method: a browser asks with OPTIONS whether it may cast."""
    cast, clock = f"/v1/elections/{UUID}/ballots", Clock()
    with measuring("ballot", clock) as metrics:
        async with client_of("ballot") as client:
            for _ in range(MANY):
                await client.get(f"/v1/elections/{UUID}")
                await client.post(cast)
                await client.options(cast)
                await client.get(cast)
                await client.get(f"/v1/elections/{UUID}/trackers/abc")
                await client.get(f"/v1/elections/{UUID}/credentials/abc")
        assert counts(metrics) == {}
        clock.tick()
        assert counts(metrics) == {("read_board", "GET", "2xx"): MANY}


async def test_failures_of_the_ballot_side_are_shown_one_by_one() -> None:
    clock = Clock()
    with measuring("ballot", clock) as metrics:
        async with client_of("ballot") as client:
            await client.get(f"/v1/elections/{UUID}", headers={"x-fail": "1"})
        assert counts(metrics) == {}
        clock.tick(10)
        assert counts(metrics) == {("read_board", "GET", "5xx"): 1}


async def test_strange_methods_and_addresses_make_no_new_series() -> None:
    clock = Clock()
    with measuring("ballot", clock) as metrics:
        before = len(metrics.children)
        async with client_of("ballot") as client:
            for number in range(20):
                await client.request("X" * (number + 1), f"/v1/elections/{number}")
                await client.get(f"/{number}/secret-{number}")
        assert len(metrics.children) == before
        clock.tick()
        assert counts(metrics) == {(NO_ACTION, "other", "4xx"): 20, (NO_ACTION, "GET", "4xx"): 20}


async def test_a_request_that_fails_is_counted_and_told_as_500(lines: list[Any]) -> None:
    with measuring("voter") as metrics:
        async with client_of("voter") as client:
            await client.get(f"/v1/elections/{UUID}/roll", headers={"x-fail": "1"})
        assert counts(metrics) == {("read_roll", "GET", "5xx"): 1}
    assert [line["status"] for line in lines] == [500]
