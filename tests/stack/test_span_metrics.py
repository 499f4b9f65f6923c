"""Tempo makes metrics of spans by itself, with exemplars that lead to the trace: on the ballot side it makes none."""

import secrets

from tests.stack.conftest import Stack, eventually
from tests.stack.test_tenants import send, span


def call(stack: Stack, side: str, callee: str) -> str:
    """`frontend` calls a service; returns the trace."""
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    send(stack, side, "traces", span(trace_id, spanId=caller, name=callee, kind=3), service__name="frontend")
    send(stack, side, "traces", span(trace_id, parentSpanId=caller), service__name=callee)
    return trace_id


def exemplars(stack: Stack) -> str:
    """All that Prometheus has."""
    everything = '{__name__=~"traces_.+"}'
    return stack.get("prometheus", "/api/v1/query_exemplars", query=everything, start="0", end="9999999999").text


def calls(stack: Stack, callee: str) -> list[object]:
    """Series about calls of this service."""
    return [*stack.query(f'traces_service_graph_request_total{{client="frontend",server="{callee}"}}')]


def test_calls_of_the_ballot_side_make_neither_series_nor_exemplars(stack: Stack) -> None:
    """Should Tempo one day make no exemplars at all, this says so too."""
    call(stack, "ballot", "ballot")
    shown = call(stack, "identity", "voter")
    eventually(lambda: calls(stack, "voter") or None)
    eventually(lambda: shown in exemplars(stack) or None)
    # What is pushed for a tenant comes up to half a minute after its files; so these are looked at.
    assert {place.name for place in (stack.data / "tempo" / "generator").iterdir()} == {"identity"}
    assert calls(stack, "ballot") == []
