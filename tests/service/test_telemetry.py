"""What real services say of themselves."""

import gzip
import json
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from observability.telemetry.registry import registry
from services.shared.settings import SERVICES
from tests.service.harness import System, free_port

MARKER = "marker-5b1f"


@pytest.fixture
def own_collector() -> list[bytes]:
    """What was sent to the collector, uncompressed."""
    return []


@pytest.fixture
def collector_url(own_collector: list[bytes]) -> Iterator[str]:
    """A collector that takes everything."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            own_collector.append(gzip.decompress(content) if self.headers["Content-Encoding"] == "gzip" else content)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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
    assert lines[-1]["event"] == "service_stopped"
    for line in lines:
        assert all(registry().fields[name].admits(str(value)) for name, value in line.items())
    assert MARKER not in fresh_system.log(service) + series
    assert "_created" not in series
    assert "uvote_build_info{" in series


async def test_metrics_are_not_served_on_the_public_port(system: System) -> None:
    await system.start("auth")
    async with httpx.AsyncClient(base_url=system.url("auth")) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_an_organiser_s_request_is_a_span_and_its_line_has_its_trace_id(
    fresh_system: System, own_collector: list[bytes], collector_url: str
) -> None:
    await fresh_system.start("auth", otlp_endpoint=collector_url)
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        await client.get(f"/v1/organisers/me?x={MARKER}", headers={"User-Agent": MARKER})
    fresh_system.kill("auth", signal.SIGTERM)
    assert await fresh_system.ended("auth") == 0
    lines = [json.loads(line) for line in fresh_system.log("auth").splitlines()]
    (trace_id,) = [line["trace_id"] for line in lines if line["event"] == "request_served"]
    sent = b"".join(own_collector)
    assert bytes.fromhex(trace_id) in sent
    assert b"read_organiser" in sent
    assert MARKER.encode() not in sent


async def test_a_service_serves_and_ends_well_with_a_dead_collector(fresh_system: System) -> None:
    await fresh_system.start("auth", otlp_endpoint=f"http://127.0.0.1:{free_port()}")
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        assert [(await client.get("/v1/organisers/me")).status_code for _ in range(20)] == [401] * 20
    fresh_system.kill("auth", signal.SIGTERM)
    assert await fresh_system.ended("auth") == 0
