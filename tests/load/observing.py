"""How much memory the whole local stack needs: the observability servers, the services and their database.

`day.py` says what a day of an election with 10,000 voters sends. Prometheus takes it first, then all servers run on
what it has stored, take spans and lines, and answer what dashboards ask about the day. Of each server counts the most
that it ever had resident; services and database share pages, of which each process counts its part.
"""

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from services.shared.settings import SERVICES
from services.uvote.stack import SECONDS_TO_START, Running, stack_running
from services.uvote.stack_programs import find_programs
from services.uvote.stack_servers import Ports, environment, lay_out, servers, write_targets
from tests.load import day
from tests.load.worlds import fresh_system
from tests.service.harness import System
from tests.service.test_demo import family

Row = dict[str, Any]
GOAL_MIB = 2048
SECONDS_TO_ARRIVE = 120
ROUNDS = 5

# What dashboards ask, over the whole day.
QUESTIONS = (
    "sum by (action, status) (rate(uvote_http_requests_total[5m]))",
    "histogram_quantile(0.99, sum by (le, action) (rate(uvote_http_request_duration_seconds_bucket[5m])))",
    "sum by (transaction, outcome) (rate(uvote_transactions_total[5m]))",
    "max by (job) (uvote_database_pool_use)",
)


def observing() -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        return asyncio.run(_measure(Path(name)))


async def _measure(data: Path) -> list[Row]:
    programs, ports = find_programs(print), Ports.free()
    most: dict[str, float] = {}
    async with fresh_system(collectors=ports.collectors) as system:
        await system.start(*SERVICES)
        series = day.series_of(_pages(system))
        with _prometheus_alone(programs, data, ports) as pid:
            day.send_samples(ports.url("prometheus"), series)
            most["prometheus"] = _memory(pid, "VmHWM")
        with stack_running(programs, data, ports, system.installation.metrics_urls) as running:
            pids = {process.server.name: _pid_of(process) for process in running}
            idle = sum(_memory(pid, "VmRSS") for pid in pids.values())
            _live_through(ports)
            most = {name: max(_memory(pid, "VmHWM"), most.get(name, 0)) for name, pid in pids.items()}
            services = sum(_share(pid) for pid in family(os.getpid()) - {os.getpid(), *pids.values()})
    return _rows(len(series), idle, most, services)


def _pages(system: System) -> dict[str, str]:
    """What each service serves to Prometheus."""
    return {name: httpx.get(f"{system.metrics_url(name)}/metrics").text for name in SERVICES}


@contextmanager
def _prometheus_alone(programs: Mapping[str, Path], data: Path, ports: Ports) -> Iterator[int]:
    """Its process id, while the block runs. It scrapes nobody: it refuses what is older than what it has."""
    lay_out(data, ports, {})
    write_targets(data, "stack", {})
    (data / "logs").mkdir()
    (server,) = (server for server in servers(programs, data, ports) if server.name == "prometheus")
    running = Running(server, data / "logs" / "prometheus.log", environment(data, ports))
    try:
        running.wait_until_ready(time.monotonic() + SECONDS_TO_START)
        yield _pid_of(running)
    finally:
        running.ask_to_end()
        running.wait()


def _live_through(ports: Ports) -> None:
    """The day's spans and lines, and people who look at them."""
    for side, url in ports.collectors.items():
        day.send_spans(url, side, day.SPANS[side])
        day.send_lines(url, side, day.LINES[side])
    _require_that_all_arrived(ports)
    now = time.time()
    span = {"start": str(now - day.DAY), "end": str(now), "step": "60"}
    for _, question in itertools.product(range(ROUNDS), QUESTIONS):
        found = httpx.get(
            f"{ports.url('prometheus')}/api/v1/query_range", params={"query": question, **span}, timeout=60
        )
        assert found.json()["data"]["result"], question


def _require_that_all_arrived(ports: Ports) -> None:
    """Raises when it takes too long, or something was dropped on the way."""
    wanted = sum(day.SPANS.values()) + sum(day.LINES.values())
    deadline = time.monotonic() + SECONDS_TO_ARRIVE
    while (sent := _told(ports, "otelcol_exporter_sent_")) < wanted:
        assert time.monotonic() < deadline, f"{sent} of {wanted} have arrived"
        time.sleep(1)
    assert _told(ports, "otelcol_exporter_send_failed_", "otelcol_receiver_refused_") == 0


def _told(ports: Ports, *names: str) -> float:
    """The sum of what the collector counts under these names."""
    lines = httpx.get(f"{ports.url('collector_metrics')}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(names))


def _pid_of(running: Running) -> int:
    """The server itself; what we have started is the shell that guards it."""
    program = Path(running.server.command[0]).resolve()
    return next(pid for pid in family(running.process.pid) if Path(f"/proc/{pid}/exe").resolve() == program)


def _memory(pid: int, name: str) -> float:
    """In MiB, what the kernel tells under this name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def _share(pid: int) -> float:
    """In MiB, a process' own memory with its part of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def _rows(series: int, idle: float, most: Mapping[str, float], services: float) -> list[Row]:
    whole = sum(most.values()) + services
    return [
        {"name": "series of the six services", "value": series, "unit": ""},
        {"name": "observability servers, memory at their start", "value": idle, "unit": "MiB"},
        *(
            {"name": f"{name}, most during a day of {day.VOTERS} voters", "value": mebibytes, "unit": "MiB"}
            for name, mebibytes in most.items()
        ),
        {"name": "services and their database", "value": services, "unit": "MiB"},
        {
            "name": "all of these",
            "value": whole,
            "unit": "MiB",
            "goal": f"<= {GOAL_MIB}",
            "met": whole <= GOAL_MIB,
        },
    ]
