"""What leaves of a span: only what the registry names."""

import json
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from observability.telemetry.registry import Side, registry
from observability.telemetry.spans import AllowedSpans

MARKER = "ada@example.org"


class Spans:
    """A provider of one side whose spans are kept in the form in which they would leave."""

    def __init__(self, side: Side) -> None:
        self.kept = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(AllowedSpans(registry(), side, self.kept)))
        self.tracer = self.provider.get_tracer(MARKER)

    def left(self) -> list[dict[str, Any]]:
        return [json.loads(str(span.to_json())) for span in self.kept.get_finished_spans()]


def test_a_span_leaves_with_its_registered_attributes_alone() -> None:
    spans = Spans(Side.IDENTITY)
    other = Link(SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1)), {"x": MARKER})
    with spans.tracer.start_as_current_span("sign_in", kind=SpanKind.SERVER, links=[other]) as span:
        span.set_attributes({"uvote.action": "sign_in", "client.address": MARKER, "url.query": f"address={MARKER}"})
        span.set_attributes({"http.request.method": "GET", "http.response.status_code": 200, "http.route": MARKER})
        span.record_exception(ValueError(MARKER))
        span.set_status(Status(StatusCode.ERROR, MARKER))
    (left,) = spans.left()
    assert MARKER not in json.dumps(left)
    assert left["attributes"] == {
        "uvote.action": "sign_in",
        "http.request.method": "GET",
        "http.response.status_code": 200,
    }
    assert left["events"] == left["links"] == []
    assert left["status"]["status_code"] == "ERROR"


def test_a_span_with_another_name_does_not_leave() -> None:
    spans = Spans(Side.IDENTITY)
    for name, kind in [
        (MARKER, SpanKind.SERVER),
        ("GET /v1/sessions", SpanKind.SERVER),
        ("sign_in", SpanKind.CONSUMER),
    ]:
        spans.tracer.start_span(name, kind=kind).end()
    assert spans.left() == []


def test_an_attribute_of_the_identity_side_does_not_leave_on_the_ballot_side() -> None:
    spans = Spans(Side.BALLOT)
    with spans.tracer.start_as_current_span("read_board", kind=SpanKind.SERVER) as span:
        span.set_attributes({"uvote.transaction": "read_board", "uvote.action": "read_board"})
    (left,) = spans.left()
    assert left["attributes"] == {"uvote.action": "read_board"}


def test_an_unknown_kind_of_error_becomes_other() -> None:
    spans = Spans(Side.IDENTITY)
    with spans.tracer.start_as_current_span("sign_in", kind=SpanKind.SERVER) as span:
        span.set_attribute("error.type", MARKER)
    (left,) = spans.left()
    assert left["attributes"] == {"error.type": "other"}
