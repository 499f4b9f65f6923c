"""What goes through the collector: each side to its own tenant, and nothing that the registry does not name."""

import secrets
import time
from typing import Any

import httpx
import pytest

from tests.stack.conftest import Stack, eventually

SIDES = {"identity": "ballot", "ballot": "identity"}
SECRET = "voter@example.org"


def attributes(**values: str) -> list[dict[str, Any]]:
    return [{"key": name.replace("__", "."), "value": {"stringValue": value}} for name, value in values.items()]


def span(trace_id: str, **changes: Any) -> dict[str, Any]:
    now = time.time_ns()
    plain = {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": "sign_in",
        "kind": 2,
        "startTimeUnixNano": str(now - 1_000_000),
        "endTimeUnixNano": str(now),
        "attributes": attributes(uvote__action="sign_in"),
    }
    return {**plain, **changes}


def record(trace_id: str, **changes: Any) -> dict[str, Any]:
    plain = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "info",
        "body": {"stringValue": "request"},
        "traceId": trace_id,
        "attributes": attributes(action="sign_in", version=trace_id),
    }
    return {**plain, **changes}


def send(stack: Stack, side: str, kind: str, item: dict[str, Any], **resource: str) -> None:
    """Hand one span or log record to the collector as a service does."""
    names = {"traces": ("resourceSpans", "scopeSpans", "spans"), "logs": ("resourceLogs", "scopeLogs", "logRecords")}
    outer, scope, inner = names[kind]
    about = {"attributes": attributes(**{"service__name": "auth", **resource})}
    document = {outer: [{"resource": about, scope: [{"scope": {"name": "test"}, inner: [item]}]}]}
    url = f"{stack.ports.url(f'otlp_{side}')}/v1/{kind}"
    httpx.post(url, json=document, timeout=10).raise_for_status()


def read_trace(stack: Stack, side: str, trace_id: str) -> str | None:
    reply = stack.get("tempo", f"/api/traces/{trace_id}", side)
    return reply.text if reply.status_code == 200 else None


def read_lines(stack: Stack, side: str, version: str) -> str | None:
    query = f'{{service_name="auth"}} | version="{version}"'
    reply = stack.get("loki", "/loki/api/v1/query_range", side, query=query)
    return reply.text if reply.json()["data"]["result"] else None


@pytest.mark.parametrize("side", SIDES)
def test_a_span_comes_back_by_its_id_to_its_own_tenant_only(side: str, stack: Stack) -> None:
    trace_id = secrets.token_hex(16)
    send(stack, side, "traces", span(trace_id))
    assert "sign_in" in eventually(lambda: read_trace(stack, side, trace_id))
    assert read_trace(stack, SIDES[side], trace_id) is None


@pytest.mark.parametrize("side", SIDES)
def test_a_line_comes_back_by_its_label_to_its_own_tenant_only(side: str, stack: Stack) -> None:
    version = secrets.token_hex(16)
    send(stack, side, "logs", record(version))
    assert "request" in eventually(lambda: read_lines(stack, side, version))
    assert read_lines(stack, SIDES[side], version) is None


@pytest.mark.parametrize("server", ["loki", "tempo"])
def test_nobody_reads_without_saying_as_which_tenant(server: str, stack: Stack) -> None:
    path = {"loki": "/loki/api/v1/labels", "tempo": "/api/search/tags"}[server]
    assert stack.get(server, path).status_code == 401


UNREGISTERED_SPANS: dict[str, dict[str, Any]] = {
    "an attribute": {"attributes": attributes(uvote__action="sign_in", address=SECRET)},
    "an event": {"events": [{"name": SECRET, "timeUnixNano": "1", "attributes": attributes(error__type=SECRET)}]},
    "the status": {"status": {"code": 2, "message": SECRET}},
    "the trace state": {"traceState": f"a={SECRET.replace('@', '_')}"},
    "the name": {"name": f"GET /{SECRET}"},
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("place", UNREGISTERED_SPANS)
def test_what_a_span_may_not_say_is_taken_away(place: str, side: str, stack: Stack) -> None:
    trace_id = secrets.token_hex(16)
    send(stack, side, "traces", span(trace_id, **UNREGISTERED_SPANS[place]), host__name=SECRET)
    said = eventually(lambda: read_trace(stack, side, trace_id))
    assert "uvote.action" in said
    assert SECRET.split("@", maxsplit=1)[0] not in said


def test_a_span_with_a_link_is_taken_away_whole(stack: Stack) -> None:
    """A link could join traces of two sides."""
    linked, plain = secrets.token_hex(16), secrets.token_hex(16)
    send(stack, "ballot", "traces", span(linked, links=[{"traceId": plain, "spanId": secrets.token_hex(8)}]))
    send(stack, "ballot", "traces", span(plain))
    eventually(lambda: read_trace(stack, "ballot", plain))
    assert read_trace(stack, "ballot", linked) is None


@pytest.mark.parametrize("side", SIDES)
def test_what_a_line_may_not_say_is_taken_away(side: str, stack: Stack) -> None:
    version = secrets.token_hex(16)
    kept = attributes(action="sign_in", version=version, address=SECRET)
    send(stack, side, "logs", record(version, body={"stringValue": SECRET}, attributes=kept), host__name=SECRET)
    said = eventually(lambda: read_lines(stack, side, version))
    assert "unregistered" in said
    assert SECRET not in said


@pytest.mark.parametrize("side", SIDES)
def test_only_the_identity_sides_lines_lead_to_a_trace(side: str, stack: Stack) -> None:
    version = secrets.token_hex(16)
    send(stack, side, "logs", record(version, traceId="ab" * 16))
    said = eventually(lambda: read_lines(stack, side, version))
    assert ("ab" * 16 in said) == (side == "identity")


def test_prometheus_hears_all_servers(stack: Stack) -> None:
    def all_up() -> set[str] | None:
        result = stack.get("prometheus", "/api/v1/query", query="up == 1").json()["data"]["result"]
        heard = {series["metric"]["job"] for series in result}
        return heard if len(heard) == 5 else None

    assert eventually(all_up) == {"prometheus", "alertmanager", "loki", "tempo", "otelcol"}
