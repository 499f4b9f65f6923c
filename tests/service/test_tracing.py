"""What real services tell collectors of their own: traces that span them, and none over the wall."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from observability.telemetry.outbox import FLUSH_SECONDS
from observability.telemetry.registry import Side, registry
from services.shared.settings import SERVICES
from services.uvote.serve import read_settings
from services.voting.credential import derive_code
from tests.service.frontend_world import Browser, browser_at
from tests.service.harness import System, free_port, until
from tests.service.otlp_sink import OtlpSink, Record, otlp_sink

HOSTILE = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "baggage": "a=ada@example.org"}

DROPPED = re.compile(r'^uvote_telemetry_dropped_total{.*sink="(otlp_\w+)".*} [1-9]', re.MULTILINE)

Sinks = dict[Side, OtlpSink]


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    """A collector for each side."""
    with ExitStack() as stack:
        yield {side: stack.enter_context(otlp_sink()) for side in Side}


def told(sinks: Sinks) -> dict[str, str]:
    """Settings; a service takes those of its own sides."""
    return {f"otlp_{side}_endpoint": sink.url for side, sink in sinks.items()}


async def end(system: System, *names: str) -> None:
    """Lets services say their last words."""
    for name in names:
        system.kill(name, signal.SIGTERM)
    for name in names:
        assert await system.ended(name) == 0


def by_name(spans: list[Record], trace_id: str) -> dict[tuple[str, str], Record]:
    """The spans of one trace, by service and name."""
    return {(span["resource"]["service.name"], span["name"]): span for span in spans if span["traceId"] == trace_id}


async def test_an_organiser_s_sign_in_is_one_trace_over_its_services(fresh_system: System, sinks: Sinks) -> None:
    email = (await fresh_system.organiser())[0].email
    await end(fresh_system, "auth")
    await fresh_system.start("auth", "frontend", **told(sinks))
    async with browser_at(fresh_system) as browser:
        browser.client.headers.update(HOSTILE)
        assert (await browser.sign_in(email)).status_code == 303
    await end(fresh_system, "auth", "frontend")
    spans = sinks[Side.IDENTITY].spans
    (root,) = [span for span in spans if span["name"] == "sign_in" and "parentSpanId" not in span]
    trace = by_name(spans, root["traceId"])
    call, served = trace["frontend", "auth"], trace["auth", "sign_in"]
    assert root["resource"]["service.name"] == "frontend"
    assert (call["parentSpanId"], served["parentSpanId"]) == (root["spanId"], call["spanId"])
    assert trace["auth", "admit_sign_in"]["parentSpanId"] == served["spanId"]
    assert root["traceId"] != "ab" * 16
    assert not {span["attributes"].get("http.response.status_code") for span in (root, served)} - {200, 201, 303}
    for span in spans:
        for name, value in span["attributes"].items():
            assert registry().attributes[name].admits(str(value))


async def test_a_slow_request_and_its_transactions_lead_to_their_trace(fresh_system: System, sinks: Sinks) -> None:
    port = free_port()
    await fresh_system.start("auth", **told(sinks), metrics_port=port)
    async with httpx.AsyncClient() as client:
        bad = {"email": "ada@example.org", "password": "wrong wrong wrong"}
        assert (await client.post(f"{fresh_system.url('auth')}/v1/sessions", json=bad)).status_code == 401
        accept = {"Accept": "application/openmetrics-text"}
        scraped = (await client.get(f"http://127.0.0.1:{port}/metrics", headers=accept)).text
    await end(fresh_system, "auth")
    (root,) = [span for span in sinks[Side.IDENTITY].spans if span["name"] == "sign_in"]
    exemplars = re.findall(
        r'^(uvote_\w+)_bucket{.*(action|transaction)="(\w+)".* # {trace_id="(\w+)"}', scraped, re.MULTILINE
    )
    led = {(name, value) for name, _, value, trace_id in exemplars if trace_id == root["traceId"]}
    assert led >= {
        ("uvote_http_request_duration_seconds", "sign_in"),
        ("uvote_transaction_duration_seconds", "admit_sign_in"),
    }


async def test_an_import_is_one_trace_over_three_services(fresh_system: System, sinks: Sinks) -> None:
    names = ("auth", "voter", "election", "frontend")
    email = (await fresh_system.organiser())[0].email
    await end(fresh_system, "auth")
    await fresh_system.start(*names, **told(sinks))
    async with browser_at(fresh_system) as browser:
        await browser.sign_in(email)
        draft = await browser.submit("/organise/new", "/organise/new", {"name": "One"})
        roll = f"{draft.headers['location'].removesuffix('/edit')}/roll"
        assert (await import_roll(browser, roll)).status_code == 200
    await end(fresh_system, *names)
    spans = sinks[Side.IDENTITY].spans
    (root,) = [span for span in spans if span["name"] == "import_roll" and "parentSpanId" not in span]
    trace = by_name(spans, root["traceId"])
    assert {service for service, _ in trace} == {"frontend", "voter", "election"}
    calls = {span["spanId"] for span in spans if span["name"] == "election"}
    assert trace["election", "read_rights"]["parentSpanId"] in calls
    assert b"ada@example.org" not in sinks[Side.IDENTITY].everything


async def import_roll(browser: Browser, roll: str) -> httpx.Response:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return await browser.client.post(
        f"{roll}/import",
        data={"csrf": browser.cookies["__Host-csrf"]},
        files={"file": ("roll.csv", b"address\nada@example.org\n", "text/csv")},
        headers={"Sec-Fetch-Site": "same-origin", "Cookie": cookies},
    )


async def test_each_side_s_spans_go_to_its_own_collector_alone(fresh_system: System, sinks: Sinks) -> None:
    await fresh_system.start("frontend", **told(sinks))
    async with httpx.AsyncClient(base_url=fresh_system.url("frontend")) as client:
        for _ in range(600):  # of which about six make a span
            await client.get("/", headers=HOSTILE)
        await client.get("/sign-in", headers=HOSTILE)
    await end(fresh_system, "frontend")
    assert {span["name"] for span in sinks[Side.IDENTITY].spans} == {"show_sign_in"}
    assert {span["name"] for span in sinks[Side.BALLOT].spans} <= {"show_home"}
    assert sinks[Side.IDENTITY].tenants == {"identity"}
    assert sinks[Side.BALLOT].tenants <= {"ballot"}
    assert (
        bytes.fromhex("ab" * 16).hex().encode() not in sinks[Side.BALLOT].everything + sinks[Side.IDENTITY].everything
    )


async def test_lines_are_sent_to_the_collector_of_their_side(fresh_system: System, sinks: Sinks) -> None:
    """Their body is the event and their attributes are its fields; those of a request lead to its trace."""
    await fresh_system.start("frontend", **told(sinks))
    async with httpx.AsyncClient(base_url=fresh_system.url("frontend")) as client:
        await client.get("/sign-in?next=squeamish-ossifrage")
        await client.get("/")
    await end(fresh_system, "frontend")
    identity, ballot = sinks[Side.IDENTITY], sinks[Side.BALLOT]
    lines = {line["body"]["stringValue"]: line for line in identity.lines}
    assert list(lines) == ["service_started", "request_served", "service_stopped"]
    served, (span,) = lines["request_served"], identity.spans
    assert served["attributes"].pop("seconds") >= 0
    told_of = {"level": "info", "action": "show_sign_in", "method": "GET", "status": 200}
    assert served["attributes"] == told_of
    assert (served["traceId"], served["spanId"]) == (span["traceId"], span["spanId"])
    assert served["resource"] == span["resource"]
    assert served["resource"].keys() == {"service.name", "service.version", "uvote.side"}
    assert int(span["startTimeUnixNano"]) - 10**9 < int(served["timeUnixNano"]) < int(span["endTimeUnixNano"]) + 10**9
    assert ballot.lines == []
    assert b"ossifrage" not in identity.everything


async def test_a_line_about_an_error_leads_to_its_trace_also_where_few_are_kept(
    fresh_system: System, sinks: Sinks
) -> None:
    """Nobody could know of the error when the trace began."""
    await fresh_system.start("frontend", **told(sinks), election_url=f"http://127.0.0.1:{free_port()}")
    async with httpx.AsyncClient(base_url=fresh_system.url("frontend")) as client:
        code = derive_code(bytes(32), "trustee")
        for _ in range(3):
            reply = await client.get(f"/trustee/{'1' * 22}/page", headers={"Authorization": f"Trustee {code}"})
            assert reply.status_code == 503
    await end(fresh_system, "frontend")
    served = [line for line in sinks[Side.IDENTITY].lines if line["body"]["stringValue"] == "request_served"]
    roots = {span["traceId"]: span for span in sinks[Side.IDENTITY].spans if span["name"] == "read_trustee_page"}
    assert {line["traceId"] for line in served} == roots.keys()
    assert len(roots) == 3
    assert {span["attributes"]["error.type"] for span in roots.values()} == {"DependencyDown"}
    calls = [span["attributes"]["error.type"] for span in sinks[Side.IDENTITY].spans if span["name"] == "election"]
    assert calls[0] == "ConnectError"


@pytest.mark.parametrize("manner", ["refuses", "hangs"])
async def test_a_service_with_a_sick_collector_serves_counts_what_it_drops_and_ends(
    fresh_system: System, manner: Any
) -> None:
    port = free_port()
    with otlp_sink(manner) as sink:
        await fresh_system.start("auth", otlp_identity_endpoint=sink.url, metrics_port=port)
        async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:

            async def is_counted() -> bool:
                assert (await client.get("/v1/organisers/me")).status_code == 401
                scraped = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
                return set(DROPPED.findall(scraped)) == {"otlp_traces", "otlp_logs"}

            await until(is_counted)
        began = time.monotonic()
        await end(fresh_system, "auth")
        assert time.monotonic() - began < 10 * FLUSH_SECONDS  # it would wait as long as the collector


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_be_told_of_a_collector_for_its_own_sides_alone(system: System, service: str) -> None:
    environment = system.installation.environment(service)
    given = {name.removeprefix("UVOTE_").lower(): value for name, value in environment.items()}
    addresses: dict[str, Any] = {f"otlp_{side}_endpoint": f"http://{side}" for side in Side}
    collectors = read_settings(service, **{**given, **addresses, "callers": {}}).collectors()
    sides = {route.side for route in registry().routes[service].values() if not route.quiet}
    assert collectors == {side: f"http://{side}" for side in sides}
