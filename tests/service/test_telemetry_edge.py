"""What strangers send, and what nobody registered, makes nothing of its own: no series, no span, no line, no report."""

import asyncio
import json
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.shared.settings import SERVICES
from tests.guards.sources import ROOT
from tests.service.chatty_service import REGISTERED, SECRET, UNREGISTERED
from tests.service.harness import System, Workshop, free_port, until
from tests.service.recorder import Recorder, recording
from tests.service.sinks import FORMATS, watched
from tests.stack.searching import Secret, search

TRACE_ID = "ab" * 16
HOSTILE = {
    "traceparent": f"00-{TRACE_ID}-{'cd' * 8}-01",
    "tracestate": "vendor=" + "s" * 200,
    "baggage": ",".join(f"k{number}={'v' * 60}" for number in range(1000)),
    "sentry-trace": f"{TRACE_ID}-{'cd' * 8}-1",
    "X-Request-ID": TRACE_ID,
    "X-B3-TraceId": TRACE_ID,
    "User-Agent": "u" * 5000,
    "Accept": "*/*;q=\xe9",
    "Host": "another.example:99999",
}
# A request that is no HTTP is noticed as such, without its words; a service without its callees waits for them.
NOT_OF_REQUESTS = {"service_started", "service_stopped", "library_warned", "poll_waits"}
ODD_METHODS = ("M" * 30, "get", "PROPFIND", "TRACE", "QUERY")


async def series(system: System, service: str) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Names and labels of all that a service serves."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{system.metrics_url(service)}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())) for sample in samples}


async def annoy(system: System, service: str) -> None:
    """Methods, addresses and headers that nobody else would send."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in HOSTILE.items()]
    async with httpx.AsyncClient(base_url=system.url(service), timeout=30, headers=headers) as client:
        for method in ODD_METHODS:
            await client.request(method, f"/v1/{secrets.token_hex(8)}")
        for _ in range(20):
            path = "/".join(secrets.token_hex(4) for _ in range(5))
            await client.get(f"/{path}?{path}={path}")
            await client.post(f"/v1/elections/../{path}%2F..%00;x=1")
        await client.get("/health/live")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_hostile_client_makes_no_series_no_span_and_no_line(workshop: Workshop, service: str) -> None:
    async with watched(workshop) as told:
        await told.system.start(service)
        before = await series(told.system, service)
        await annoy(told.system, service)
        assert await series(told.system, service) == before
        await told.end()
        lines = [json.loads(line) for line in told.system.log(service).splitlines()]
        assert {line["event"] for line in lines} <= NOT_OF_REQUESTS
        found = search(told.read(), [Secret("the chosen trace", TRACE_ID), Secret("agent", "u" * 50)])
        assert found == []
        assert not [spans for name, spans in told.recorders.items() if bytes.fromhex(TRACE_ID) in spans.content]


@dataclass
class Chatty:
    """The service that says everything wrong, with what hears it."""

    url: str
    metrics_url: str
    process: asyncio.subprocess.Process
    recorders: dict[str, Recorder]

    async def end(self) -> bytes:
        """Its whole output."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = await self.process.communicate()
        assert self.process.returncode == 0
        return output


@asynccontextmanager
async def chatty(system: System) -> AsyncIterator[Chatty]:
    with ExitStack() as stack:
        recorders = {name: stack.enter_context(recording()) for name in ("identity", "ballot", "sentry")}
        port, metrics_port = free_port(), free_port()
        environment = system.installation.environment(
            "auth",
            port=port,
            metrics_port=metrics_port,
            otlp_identity_endpoint=recorders["identity"].url,
            otlp_ballot_endpoint=recorders["ballot"].url,
            sentry_dsn=recorders["sentry"].url.replace("http://", "http://key@") + "/1",
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.service.chatty_service"),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        service = Chatty(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}", process, recorders)
        try:
            await until(lambda: is_listening(service.url))
            yield service
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def is_listening(url: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"{url}/health/live")).is_success
        except httpx.TransportError:
            return False


async def test_what_is_not_registered_leaks_nothing_wherever_it_is_said(system: System) -> None:
    async with chatty(system) as service:
        sinks = {}
        async with httpx.AsyncClient() as client:
            for path in (REGISTERED, UNREGISTERED):
                reply = await client.get(service.url + path, headers={"X-Address": SECRET})
                sinks[f"answer to {path}"] = reply.content + str(reply.headers).encode()
                assert reply.status_code == 500
            for name, accept in FORMATS.items():
                reply = await client.get(f"{service.metrics_url}/metrics", headers={"Accept": accept})
                sinks[f"metrics as {name}"] = reply.content
        sinks["output"] = await service.end()
        sinks |= {name: recorder.content for name, recorder in service.recorders.items()}
    assert search(sinks, [Secret("address", SECRET)]) == []
    # It was said, and dropped; that there was a failure is told.
    assert re.search(rb'dropped_total{[^}]*"unregistered_event"[^}]*} 3.0', sinks["metrics as text"])
    failures = [json.loads(line) for line in sinks["output"].splitlines() if b"request_failed" in line]
    assert {(line["side"], line["error"], line["function"]) for line in failures} == {
        ("identity", "other", "read_keys"),
        ("ballot", "other", "read_keys"),
    }
