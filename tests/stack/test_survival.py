"""Whatever becomes of those who listen to the services, ballots are cast, memory stays as it is, and the end comes.

A service speaks to its standard output and to the collectors, and Prometheus asks it; each of them fails here in every
way. Behind the collector Loki and Tempo fail likewise, and the collector goes on to take what it is sent.
"""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.uvote.stack_servers import Ports, environment, lay_out
from tests.guards.sources import ROOT
from tests.load.casting import QUESTION, make_casts
from tests.load.http_load import send_all, wait_for_port
from tests.load.unheard import full_pipe
from tests.service.ballot_world import Poll, make_ballot_world
from tests.service.harness import System, free_port, until
from tests.stack.failing_servers import FAILURES, dead
from tests.stack.test_tenants import record, span

VOTERS, CLIENTS = 500, 20
ROUNDS = 4
REQUESTS = 18_000
DRAIN_SECONDS, FLUSH_SECONDS = 5, 2
# After a warm-up that fills the queues.
GROWTH_MIB = 12
DROPPED = "uvote_telemetry_dropped_total"
# Who waits for an answer in vain falls behind; who is refused does not.
REASONS = {"dead": "unwritable", "refusing": "unwritable", "silent": "queue_full", "slow": "queue_full"}


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


@dataclass
class Subject:
    """A service that runs; `send` makes it work hard, and fails when a request does."""

    pid: int
    metrics_url: str
    send: Callable[[], Any]
    has_ended: Callable[[], Any]

    async def grows_by(self) -> float:
        """MiB that much work adds, once it has worked a while."""
        await self.send()
        before = resident_mib(self.pid)
        for _ in range(ROUNDS - 1):
            await self.send()
        return resident_mib(self.pid) - before

    async def has_dropped(self, sink: str, *reasons: str) -> None:
        """Waits until it says that it did, for one of these reasons."""

        async def has() -> bool:
            async with httpx.AsyncClient(timeout=30) as client:
                text = (await client.get(f"{self.metrics_url}/metrics")).text
            samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
            counts = {
                (each.labels["sink"], each.labels["drop"]): each.value for each in samples if each.name == DROPPED
            }
            return any(counts[sink, reason] for reason in reasons)

        await until(has)

    async def ends_in_time(self) -> None:
        """Told to end, it drains, flushes for a moment and ends well."""
        async with asyncio.timeout(DRAIN_SECONDS + FLUSH_SECONDS):
            assert await self.has_ended() == 0


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


@asynccontextmanager
async def auth(system: System, **settings: Any) -> AsyncIterator[Subject]:
    """`auth`, which says a line and a span about each request."""
    metrics_port = free_port()
    await system.start("auth", metrics_port=metrics_port, drain_seconds=DRAIN_SECONDS, **settings)
    port = urlsplit(system.url("auth")).port
    assert port is not None

    async def send() -> None:
        await send_all(port, [get("/v1/jwks")] * (REQUESTS // ROUNDS), CLIENTS)

    async def end() -> int:
        system.kill("auth", signal.SIGTERM)
        return await system.ended("auth")

    yield Subject(system.pid("auth"), f"http://127.0.0.1:{metrics_port}", send, end)


@dataclass
class Station:
    """A polling station: an open election, whose ballots are cast at a `ballot` that accepts all proofs."""

    system: System
    poll: Poll

    @asynccontextmanager
    async def ballot(self, output: int, **settings: Any) -> AsyncIterator[Subject]:
        """`ballot`, whose output goes to a file descriptor."""
        port, metrics_port = free_port(), free_port()
        told = {"port": port, "metrics_port": metrics_port, "poll_seconds": 1, "drain_seconds": DRAIN_SECONDS}
        environment = self.system.installation.environment("ballot", **told, **settings)
        command = (sys.executable, "-m", "tests.load.accepting_ballot")
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=output)
        await wait_for_port(port)

        async def send() -> None:
            board = [get(f"/v1/elections/{self.poll.uuid}")] * VOTERS
            casts = await asyncio.to_thread(make_casts, self.poll)
            await send_all(port, casts + board, CLIENTS)

        async def end() -> int:
            process.send_signal(signal.SIGTERM)
            return await process.wait()

        try:
            yield Subject(process.pid, f"http://127.0.0.1:{metrics_port}", send, end)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def station(fresh_system: System) -> AsyncIterator[Station]:
    await fresh_system.start("election")
    await fresh_system.start("ballot", poll_seconds=1)
    async with make_ballot_world(fresh_system) as world:
        yield Station(fresh_system, await world.poll(VOTERS, questions=[QUESTION]))


@contextmanager
def nobody_takes_answers(url: str, number: int = 20) -> Iterator[None]:
    """Somebody asks for the metrics, again and again, and does not read what comes."""
    port = urlsplit(url).port
    asking = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
    for each in asking:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        each.sendall(get("/metrics") * 5)
    yield
    for each in asking:
        each.close()


@pytest.mark.parametrize("failure", FAILURES)
async def test_ballots_are_cast_when_the_collector_is(failure: str, station: Station) -> None:
    with FAILURES[failure]() as collector:
        async with station.ballot(subprocess.DEVNULL, otlp_ballot_endpoint=collector) as ballot:
            assert await ballot.grows_by() < GROWTH_MIB
            await ballot.has_dropped("otlp_logs", "unwritable")
            await ballot.ends_in_time()


async def test_ballots_are_cast_when_nobody_reads_the_output_nor_the_metrics(station: Station) -> None:
    with full_pipe() as output, dead() as collector:
        async with station.ballot(output, otlp_ballot_endpoint=collector) as ballot:
            with nobody_takes_answers(ballot.metrics_url):
                assert await ballot.grows_by() < GROWTH_MIB
                await ballot.ends_in_time()


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_cannot_be_said_is_dropped_and_counted_when_the_collector_is(
    failure: str, fresh_system: System
) -> None:
    with FAILURES[failure]() as collector:
        async with auth(fresh_system, otlp_identity_endpoint=collector) as service:
            assert await service.grows_by() < GROWTH_MIB
            await service.has_dropped("otlp_logs", REASONS[failure])
            await service.has_dropped("otlp_traces", "unwritable", "queue_full")
            await service.ends_in_time()


async def test_what_cannot_be_said_is_dropped_and_counted_when_nobody_reads(fresh_system: System) -> None:
    log = fresh_system._log("auth")
    os.mkfifo(log)
    descriptor = os.open(log, os.O_RDWR)  # keeps it open, and never reads
    async with auth(fresh_system) as service:
        with nobody_takes_answers(service.metrics_url):
            assert await service.grows_by() < GROWTH_MIB
            await service.has_dropped("stdout", "queue_full")
            await service.ends_in_time()
    os.close(descriptor)


@dataclass
class Collector:
    """The real collector, alone."""

    pid: int
    ports: Ports

    def send(self, side: str, number: int) -> None:
        """Spans and lines, each taken."""
        word = "ab" * 16
        url = self.ports.url(f"otlp_{side}")
        about = {"attributes": [{"key": "service.name", "value": {"stringValue": "auth"}}]}
        spans = [{"resource": about, "scopeSpans": [{"scope": {"name": "x"}, "spans": [span(word)] * 100}]}]
        lines = [{"resource": about, "scopeLogs": [{"scope": {"name": "x"}, "logRecords": [record(word)] * 100}]}]
        with httpx.Client(timeout=10) as client:
            for _ in range(number // 100):
                client.post(f"{url}/v1/traces", json={"resourceSpans": spans}).raise_for_status()
                client.post(f"{url}/v1/logs", json={"resourceLogs": lines}).raise_for_status()


@contextmanager
def collecting(program: Path, data: Path, servers: str) -> Iterator[Collector]:
    """One whose Loki and Tempo are at this address."""
    ports = Ports.free()
    folder = lay_out(data, ports, {})
    told = {**environment(data, ports), "LOKI_URL": servers, "TEMPO_OTLP_URL": servers}
    command = [str(program), f"--config={folder}/collector/collector.yaml"]
    with subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while not is_ready(ports):
                assert time.monotonic() < deadline, "the collector does not start"
                time.sleep(0.1)
            yield Collector(process.pid, ports)
        finally:
            process.kill()


def is_ready(ports: Ports) -> bool:
    try:
        return httpx.get(ports.url("collector_health"), timeout=2).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("failure", FAILURES)
def test_the_collector_takes_all_and_does_not_grow_when_loki_and_tempo_are(
    failure: str, programs: dict[str, Path], tmp_path: Path
) -> None:
    with FAILURES[failure]() as servers, collecting(programs["otelcol"], tmp_path, servers) as collector:
        for side in ("identity", "ballot"):
            collector.send(side, 20_000)
        assert resident_mib(collector.pid) < 300
