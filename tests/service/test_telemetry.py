"""What real services say of themselves."""

import json
import signal

import httpx
import pytest

from observability.telemetry.registry import registry
from services.shared.settings import SERVICES
from tests.service.harness import System, free_port
from tests.service.otlp_sink import otlp_sink

MARKER = "marker-5b1f"


async def read_metrics(port: int, *, accept: str = "text/plain") -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})).text


@pytest.mark.parametrize("service", SERVICES)
async def test_every_line_of_a_service_is_registered_json(fresh_system: System, service: str) -> None:
    """Also when it is asked for what is not there, by a client that says much about itself."""
    port = free_port()
    await fresh_system.start(service, metrics_port=port)
    async with httpx.AsyncClient(base_url=fresh_system.url(service)) as client:
        for path in ("/", f"/{MARKER}", f"/v1/elections/{MARKER}?address={MARKER}", "/v1/organisers/me"):
            await client.get(path, headers={"User-Agent": MARKER, "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    series = await read_metrics(port) + await read_metrics(port, accept="application/openmetrics-text")
    fresh_system.kill(service, signal.SIGTERM)
    assert await fresh_system.ended(service) == 0
    lines = [json.loads(line) for line in fresh_system.log(service).splitlines()]
    assert lines[0]["event"] == "service_started"
    assert "service_stopped" in {line["event"] for line in lines[-3:]}
    for line in lines:
        assert all(registry().fields[name].admits(str(value)) for name, value in line.items())
    assert MARKER not in fresh_system.log(service) + series
    assert "_created" not in series
    assert "uvote_build_info{" in series


async def test_metrics_are_not_served_on_the_public_port(system: System) -> None:
    await system.start("auth")
    async with httpx.AsyncClient(base_url=system.url("auth")) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_an_organiser_s_request_is_a_span_and_its_line_has_its_trace_id(fresh_system: System) -> None:
    with otlp_sink() as sink:
        await fresh_system.start("auth", otlp_identity_endpoint=sink.url)
        async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
            await client.get(f"/v1/organisers/me?x={MARKER}", headers={"User-Agent": MARKER})
        fresh_system.kill("auth", signal.SIGTERM)
        assert await fresh_system.ended("auth") == 0
    lines = [json.loads(line) for line in fresh_system.log("auth").splitlines()]
    (trace_id,) = [line["trace_id"] for line in lines if line["event"] == "request_served"]
    assert [span["name"] for span in sink.spans if span["traceId"] == trace_id] == ["read_organiser"]
    assert MARKER.encode() not in sink.everything


async def test_a_service_serves_and_ends_well_with_a_dead_collector(fresh_system: System) -> None:
    await fresh_system.start("auth", otlp_identity_endpoint=f"http://127.0.0.1:{free_port()}")
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        assert [(await client.get("/v1/organisers/me")).status_code for _ in range(20)] == [401] * 20
    fresh_system.kill("auth", signal.SIGTERM)
    assert await fresh_system.ended("auth") == 0
