"""OTLP over HTTP, in its JSON form: what one side sends to its collector.

Each side has its own client, and names its tenant. Every wait is bounded; an answer other than 200 is a refusal.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from observability.telemetry.registry import Side
from observability.telemetry.writing import Line

TENANT_HEADER = "X-Scope-OrgID"
TIMEOUT = httpx.Timeout(5, connect=2)

KINDS = {SpanKind.INTERNAL: 1, SpanKind.SERVER: 2, SpanKind.CLIENT: 3}


class Collector:
    """The collector of one side."""

    def __init__(self, endpoint: str, side: Side) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.client = httpx.Client(
            timeout=TIMEOUT,
            headers={TENANT_HEADER: side.value, "Content-Type": "application/json"},
            trust_env=False,
            verify=endpoint.startswith("https:"),  # loading authorities takes longer than all else at the start
        )

    def post(self, signal: str, body: Mapping[str, Any]) -> None:
        """Sends one batch; raises httpx.HTTPError when it is not taken."""
        content = json.dumps(body, separators=(",", ":")).encode()
        self.client.post(f"{self.endpoint}/v1/{signal}", content=content).raise_for_status()


class SpansTo(SpanExporter):
    """Sends spans to a collector."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends these, which are all of one resource; raises httpx.HTTPError."""
        scope = {"spans": [encode_span(span) for span in spans]}
        resource = encode_resource(spans[0].resource.attributes)
        self.collector.post("traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]})
        return SpanExportResult.SUCCESS


class LinesTo:
    """Sends lines to a collector: the event's name is the body, the fields are attributes."""

    def __init__(self, collector: Collector, resource: Mapping[str, str]) -> None:
        self.collector = collector
        self.resource = encode_resource(resource)

    def __call__(self, lines: list[Line]) -> None:
        """Sends these; raises httpx.HTTPError."""
        scope = {"logRecords": [encode_line(line) for line in lines]}
        self.collector.post("logs", {"resourceLogs": [{"resource": self.resource, "scopeLogs": [scope]}]})


def encode_resource(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Who sends."""
    return {"attributes": encode_attributes(attributes.items())}


def encode_attributes(attributes: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Names and values."""
    return [{"key": key, "value": _value(value)} for key, value in attributes]


def _value(value: object) -> dict[str, object]:
    match value:
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def encode_span(span: ReadableSpan) -> dict[str, Any]:
    """A span that has neither events nor links."""
    encoded = {
        "traceId": f"{span.context.trace_id:032x}",
        "spanId": f"{span.context.span_id:016x}",
        "name": span.name,
        "kind": KINDS[span.kind],
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": encode_attributes((span.attributes or {}).items()),
        "status": {"code": span.status.status_code.value},
    }
    return encoded if span.parent is None else encoded | {"parentSpanId": f"{span.parent.span_id:016x}"}


# What a record has a place of its own for, or its resource.
PLACED = frozenset({"time", "event", "service", "side", "trace_id", "span_id"})


def encode_line(line: Line) -> dict[str, Any]:
    """A line as it was written, which has passed the lists."""
    seconds = datetime.fromisoformat(str(line["time"])).timestamp()
    encoded = {
        "timeUnixNano": str(round(seconds * 1000) * 1_000_000),
        "body": {"stringValue": line["event"]},
        "attributes": encode_attributes((name, value) for name, value in line.items() if name not in PLACED),
    }
    return encoded | {"traceId": line["trace_id"], "spanId": line["span_id"]} if "trace_id" in line else encoded
