"""From what people do at real services to what one finds in the real servers, and how one gets from one to the next.

An organiser signs in and ten voters vote; the tests look for what those left in Prometheus, Tempo and Loki.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from observability.telemetry.registry import registry
from services.ballot.publishing import BATCH
from services.shared.settings import SERVICES
from tests.service.ballot_world import Poll, make_ballot_world
from tests.service.frontend_world import browser_at
from tests.service.harness import PASSWORD, System
from tests.stack.conftest import Stack, attributes_of, finally_found

# At the rate of the ballot side's spans the chance that so many looks leave none is one in a hundred thousand.
LOOKS = 1200
AT_ONCE = 20


@dataclass(frozen=True)
class Day:
    """What has happened since it began; `trace_id` is the sign-in's."""

    began: float
    system: System
    poll: Poll
    trace_id: str

    def own(self, service: str) -> str:
        """Selects the series of this system's process."""
        address = self.system.metrics_url(service).removeprefix("http://")
        return f'instance="{address}"'


@pytest.fixture(scope="module")
async def day(observed: System, stack: Stack) -> AsyncIterator[Day]:
    """An organiser has signed in; exactly one batch of voters has voted; the public has looked at the board."""
    began = time.time()
    await observed.start("ballot", publish_seconds=0.5)
    async with make_ballot_world(observed) as world:
        poll = await world.poll(BATCH + 5)
        for voter in range(BATCH):
            await poll.cast(voter)
        await observed.start("voter", "result", "frontend")
        organiser, _ = await observed.organiser()
        async with browser_at(observed) as browser:
            assert (await browser.sign_in(organiser.email, PASSWORD)).status_code == 303
        await look_around(observed, poll.uuid)
        trace_id = await finally_found(lambda: trace_of_sign_in(observed.log("frontend")))
        yield Day(began, observed, poll, trace_id)


def trace_of_sign_in(log: str) -> str | None:
    """What the service itself has said of it."""
    lines = map(json.loads, log.splitlines())
    found: list[str] = [line["trace_id"] for line in lines if line.get("action") == "sign_in"]
    return found[0] if found else None


async def look_around(system: System, uuid: str) -> None:
    """The public looks at a page, and at the board again and again."""
    room = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(timeout=30) as client:

        async def look(url: str) -> None:
            async with room:
                (await client.get(url)).raise_for_status()

        await look(f"{system.url('frontend')}/election/{uuid}")
        await asyncio.gather(*(look(f"{system.url('ballot')}/v1/elections/{uuid}") for _ in range(LOOKS)))


async def test_a_batch_of_votes_is_in_prometheus(day: Day, stack: Stack) -> None:
    select = f'election="{day.poll.uuid}", {day.own("ballot")}'
    (voted,) = await finally_found(lambda: stack.query(f"uvote_credentials_voted{{{select}}} == {BATCH}"))
    assert voted["metric"]["job"] == "ballot"
    assert voted["metric"]["election_class"] == "real"
    (listed,) = stack.query(f"uvote_credentials_listed{{{select}}}")
    assert listed["value"][1] == str(BATCH + 5)


async def test_a_sign_in_is_one_trace_over_pages_and_accounts(day: Day, stack: Stack) -> None:
    spans = await finally_found(lambda: complete_trace(stack, day.trace_id))
    assert {span["service"] for span in spans} == {"frontend", "auth"}
    ids = {span["spanId"] for span in spans}
    roots = [span for span in spans if span.get("parentSpanId") not in ids]
    assert [(span["service"], span["name"]) for span in roots] == [("frontend", "sign_in")]
    served = {span["name"] for span in spans if span["service"] == "auth" and span["kind"] == "SPAN_KIND_SERVER"}
    assert served == {"sign_in"}
    assert "sign_in" in {attributes_of(span).get("uvote.transaction") for span in spans}


def complete_trace(stack: Stack, trace_id: str) -> list[dict[str, str]]:
    """The spans, once those of both services have arrived."""
    spans = stack.trace("identity", trace_id)
    return spans if {"frontend", "auth"} <= {span["service"] for span in spans} else []


async def test_the_lines_of_both_services_carry_the_trace_s_id(day: Day, stack: Stack) -> None:
    """The question is the one that the data source asks from a span."""
    trace_id = day.trace_id
    question = f'{{service_name=~".+"}} | trace_id = `{trace_id}`'

    def both() -> bool:
        return {line["service_name"] for line in stack.lines("identity", question)} == {"frontend", "auth"}

    assert await finally_found(both)
    spans = {span["spanId"] for span in await finally_found(lambda: complete_trace(stack, trace_id))}
    assert {as_base64(line["span_id"]) for line in stack.lines("identity", question)} <= spans


def as_base64(span_id: str) -> str:
    """As Tempo writes it."""
    return base64.b64encode(bytes.fromhex(span_id)).decode()


async def test_an_exemplar_of_the_latency_leads_to_the_trace(day: Day, stack: Stack) -> None:
    series = f'uvote_http_request_duration_seconds_bucket{{action="sign_in", {day.own("frontend")}}}'
    trace_ids = await finally_found(lambda: exemplars(stack, series))
    assert day.trace_id in trace_ids
    assert await finally_found(lambda: complete_trace(stack, day.trace_id))


def exemplars(stack: Stack, promql: str) -> set[str]:
    """The ids of traces that a metric's exemplars carry."""
    now = time.time()
    told = stack.get("prometheus", "/api/v1/query_exemplars", query=promql, start=str(now - 3600), end=str(now))
    return {each["labels"]["trace_id"] for series in told.json()["data"] for each in series["exemplars"]}


async def test_no_metric_of_the_ballot_side_has_an_exemplar(day: Day, stack: Stack) -> None:
    assert await finally_found(lambda: stack.query(f"uvote_build_info{{{day.own('ballot')}}}"))
    for service in ("ballot", "result"):
        assert exemplars(stack, f"{{{day.own(service)}}}") == set()


async def test_the_calls_between_services_are_a_map(day: Day, stack: Stack) -> None:
    edge = 'traces_service_graph_request_total{client="frontend", server="auth"}'
    (found,) = await finally_found(lambda: stack.query(edge))
    assert found["metric"]["side"] == "identity"
    assert not stack.query('traces_service_graph_request_total{server=~"ballot|result"}')


@pytest.mark.parametrize(("side", "other"), [("identity", "ballot"), ("ballot", "identity")])
async def test_a_tenant_has_lines_of_its_side_only(side: str, other: str, day: Day, stack: Stack) -> None:
    every = '{service_name=~".+"} | uvote_side'
    ours = await finally_found(lambda: stack.lines(side, f'{every}="{side}"'))
    assert {line["service_name"] for line in ours} <= services_of(side)
    assert not stack.lines(side, f'{every}="{other}"')


@pytest.mark.parametrize(("side", "other"), [("identity", "ballot"), ("ballot", "identity")])
async def test_a_tenant_has_spans_of_its_side_only(side: str, other: str, day: Day, stack: Stack) -> None:
    assert await finally_found(lambda: search(stack, side, f'{{resource.uvote.side="{side}"}}'))
    assert not search(stack, side, f'{{resource.uvote.side="{other}"}}')


def services_of(side: str) -> set[str]:
    """Those that have routes on this side."""
    return {service for service in SERVICES for route in registry().routes[service].values() if route.side == side}


def search(stack: Stack, tenant: str, traceql: str) -> list[dict[str, str]]:
    """Traces of the last hour."""
    now = int(time.time())
    reply = stack.get("tempo", "/api/search", tenant, q=traceql, start=str(now - 3600), end=str(now + 60))
    reply.raise_for_status()
    found: list[dict[str, str]] = reply.json().get("traces", [])
    return found


async def test_no_line_tells_of_a_single_ballot(day: Day, stack: Stack) -> None:
    """Ten were cast; the ballot side speaks of its start and of nothing that a voter did."""
    lines = '{service_name="ballot"} | uvote_side="ballot"'
    ours = await finally_found(lambda: stack.lines("ballot", lines, since=day.began))
    assert {line["line"] for line in ours} == {"service_started"}
