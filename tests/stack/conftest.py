"""The real observability servers, built where they are missing; they run once for all tests of this folder.

`stack` are the servers. `observed` is a system (see tests/service/harness.py) whose services send to them and are
scraped every second; it is made once for a module. A test that needs other settings makes one with `observing`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from services.uvote.stack import stack_running
from services.uvote.stack_programs import find_programs
from services.uvote.stack_servers import Ports, write_targets
from tests.service.harness import System, Workshop

Found = TypeVar("Found")

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Stack:
    """The servers that run: their files and ports."""

    data: Path
    ports: Ports

    def get(self, server: str, path: str, tenant: str = "", **query: str) -> httpx.Response:
        """Ask a server, as one of the tenants if it has such."""
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        return httpx.get(f"{self.ports.url(server)}{path}", params=query, headers=headers, timeout=10)

    def query(self, promql: str) -> list[dict[str, Any]]:
        """What Prometheus answers now: series, each with `metric` and `value`."""
        reply = self.get("prometheus", "/api/v1/query", query=promql)
        reply.raise_for_status()
        found: list[dict[str, Any]] = reply.json()["data"]["result"]
        return found

    def lines(self, tenant: str, logql: str, since: float = 0) -> list[dict[str, str]]:
        """Loki's lines since a time, at most of the last hour, oldest first.

        Each is its labels and metadata, and the line itself as `line`.
        """
        start = str(int(max(since, time.time() - 3600) * 1e9))
        reply = self.get(
            "loki", "/loki/api/v1/query_range", tenant, query=logql, limit="1000", start=start, direction="forward"
        )
        reply.raise_for_status()
        streams = reply.json()["data"]["result"]
        return [{**stream["stream"], "line": line} for stream in streams for _, line in stream["values"]]

    def trace(self, tenant: str, trace_id: str) -> list[dict[str, Any]]:
        """The spans of a trace, each with its service as `service`; none when the tenant has no such trace."""
        reply = self.get("tempo", f"/api/traces/{trace_id}", tenant)
        if reply.status_code == 404:
            return []
        reply.raise_for_status()
        return [
            {**span, "service": attributes_of(batch["resource"])["service.name"]}
            for batch in reply.json()["batches"]
            for scope in batch["scopeSpans"]
            for span in scope["spans"]
        ]

    def scrape(self, system: System) -> None:
        """From now on Prometheus reads from these services, every second."""
        replicas = (name for name in system.processes if "/" in name)
        urls = system.installation.metrics_urls | {name: system.metrics_url(name) for name in replicas}
        write_targets(self.data, "uvote", urls, __scrape_interval__="1s", __scrape_timeout__="1s")


def attributes_of(told: dict[str, Any]) -> dict[str, str]:
    """What a span or a resource says of itself."""
    return {each["key"]: str(next(iter(each["value"].values()))) for each in told.get("attributes", [])}


def eventually(look: Callable[[], Found | None]) -> Found:
    """What the look finds, once it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come")


async def finally_found(look: Callable[[], Found | None]) -> Found:
    """What the look finds, once it is not nothing; meanwhile the test's own tasks go on."""
    return await asyncio.to_thread(eventually, lambda: look() or None)


@asynccontextmanager
async def observing(workshop: Workshop, stack: Stack) -> AsyncIterator[System]:
    """A system that the stack observes while the block runs."""
    async with workshop.system(collectors=stack.ports.collectors) as system:
        stack.scrape(system)
        yield system


@pytest.fixture(scope="session")
def programs() -> dict[str, Path]:
    return find_programs(print)


@pytest.fixture(scope="session")
def stack(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data, ports = tmp_path_factory.mktemp("stack"), Ports.free()
    with stack_running(programs, data, ports, {}):
        yield Stack(data, ports)


@pytest.fixture(scope="module")
async def observed(workshop: Workshop, stack: Stack) -> AsyncIterator[System]:
    """One for the tests of a module, which start the services that they need."""
    async with observing(workshop, stack) as system:
        yield system
