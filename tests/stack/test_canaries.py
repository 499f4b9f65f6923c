"""What people say, and where from, is in none of the real servers, however the day goes.

Each server is asked for all that it has, and all files that it has written are read, also what is compressed there.
The day is that of tests/service/canaries.py; tests/service/test_canaries.py searches what the services themselves say.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.journeys.elections import make_stage
from tests.service.canaries import live_through, stranger_at
from tests.service.harness import OwnWorkshop
from tests.service.recorder import Recorder
from tests.service.sinks import watched
from tests.stack.conftest import Stack, eventually, finally_found
from tests.stack.searching import Secret, search
from tests.stack.test_tenants import record, send, span

SIDES = ("identity", "ballot")
SERVERS = ("loki", "tempo", "prometheus", "alertmanager", "logs")


@dataclass
class Day:
    """What the servers have after such a day, by sink; what must not be there, and what must."""

    sinks: dict[str, bytes]
    secrets: list[Secret]
    allowed: dict[str, Secret]


def plant(stack: Stack) -> dict[str, str]:
    """A word for each side in a field that may say it, in a span and in a line; the span's trace."""
    planted = {}
    for side in SIDES:
        word = secrets.token_hex(16)
        send(stack, side, "traces", span(word), service__version=word)
        send(stack, side, "logs", record(word))
        planted[side] = word
    return planted


def trace_ids(recorder: Recorder) -> set[str]:
    """Of all spans that services sent, and of the lines that lead to one."""
    return {found.decode() for found in re.findall(rb'"traceId": ?"([0-9a-f]{32})"', recorder.content)}


def exported(stack: Stack, side: str, traces: set[str]) -> dict[str, bytes]:
    """All that Loki and Tempo give to those who may see this side."""
    lines = {"query": '{service_name=~".+"}', "limit": "5000", "since": "1h"}
    with httpx.Client(headers={"X-Scope-OrgID": side}, timeout=30) as client:
        loki, tempo = stack.ports.url("loki"), stack.ports.url("tempo")
        spans = [client.get(f"{tempo}/api/traces/{trace_id}").content for trace_id in sorted(traces)]
        return {
            f"Loki's answers to {side}": client.get(f"{loki}/loki/api/v1/query_range", params=lines).content,
            f"Tempo's answers to {side}": b"\n".join(spans),
        }


def metrics(stack: Stack) -> bytes:
    """All that Prometheus gives: series, exemplars, what they mean."""
    everything = {"match[]": '{__name__=~".+"}'}
    return b"\n".join(
        [
            stack.get("prometheus", "/api/v1/series", **everything).content,
            stack.get("prometheus", "/federate", **everything).content,
            stack.get("prometheus", "/api/v1/metadata").content,
            stack.get("prometheus", "/api/v1/query_exemplars", query='{__name__=~".+"}', start="0").content,
        ]
    )


def flush(stack: Stack) -> None:
    """Makes Loki and Tempo write what they hold."""
    stack.get("tempo", "/flush").raise_for_status()
    httpx.post(f"{stack.ports.url('loki')}/flush", timeout=30).raise_for_status()

    def written() -> bool | None:
        found = list(stack.data.glob("tempo/blocks/*/*/data.parquet")), list(stack.data.glob("loki/chunks/*/*/*"))
        return True if all(found) else None

    eventually(written)


def files(folder: Path) -> bytes:
    """All that is in a folder's files, and their names; what was only reserved on the disk is nothing."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes().rstrip(b"\0") for path in found)


async def lived(own_workshop: OwnWorkshop, stack: Stack) -> tuple[list[Secret], dict[str, set[str]], str]:
    """The day itself: its secrets, the traces that the services sent by side, and the election."""
    async with watched(own_workshop, stack.ports.collectors) as told, stranger_at(told.system) as stranger:
        stack.scrape(told.system)
        async with make_stage(told.system) as stage:
            organiser, _ = await told.system.organiser("Canary")
            poll = await live_through(stranger, stage, organiser.email)
            await finally_found(lambda: stack.query(f'uvote_credentials_listed{{election="{poll.uuid}"}}'))
            await told.end()
        return stranger.known, {side: trace_ids(told.recorders[side]) for side in SIDES}, poll.uuid


@pytest.fixture
async def day(own_workshop: OwnWorkshop, stack: Stack) -> Day:
    planted = plant(stack)
    known, traces, uuid = await lived(own_workshop, stack)
    for side, word in planted.items():
        await finally_found(partial(stack.trace, side, word))
    sinks = {"Prometheus' answers": metrics(stack)}
    for side in SIDES:
        sinks |= exported(stack, side, traces[side] | {planted[side]})
    flush(stack)
    sinks |= {f"files of {name}": files(stack.data / name) for name in SERVERS}
    return Day(sinks, known, allowed_in(sinks, planted, Secret("election", uuid, telling=False)))


def allowed_in(sinks: Iterable[str], planted: Mapping[str, str], election: Secret) -> dict[str, Secret]:
    """What is found in each sink by the same search."""
    words = {side: Secret(f"word for {side}", word, telling=False) for side, word in planted.items()}
    asked = {sink: words[sink.rpartition(" ")[2]] for sink in sinks if "answers to" in sink}
    written = {f"files of {name}": words["ballot"] for name in ("loki", "tempo")}
    return {**asked, **written, "Prometheus' answers": election, "files of prometheus": election}


async def test_nothing_that_people_say_reaches_a_server(day: Day) -> None:
    assert search(day.sinks, day.secrets) == []
    for sink, word in day.allowed.items():
        assert search({sink: day.sinks[sink]}, [word]), sink
