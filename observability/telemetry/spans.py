"""Spans: one provider per side, and only what the registry names leaves a process.

- A span's name is an action, a transaction or a called service; every attribute has a registered name and value; there
  are no events (which would carry messages of errors), no links and no status texts.
- Export is batched, bounded and drops: nobody waits for a collector.
- The identity side keeps all; the ballot side keeps what is neither a cast nor a look-up, at a set rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, Status
from opentelemetry.util.types import AttributeValue

from observability.telemetry.registry import Registry, Side

BALLOT_RATE = 0.01
QUEUE_SPANS = 2048
EXPORT_SECONDS = 5
OTHER = "other"
NOTHING: Sequence[Event] = ()
NO_LINKS: Sequence[Link] = ()

OUR_NAMES = {"routes": SpanKind.SERVER, "transactions": SpanKind.INTERNAL, "dependency": SpanKind.CLIENT}


@dataclass(frozen=True)
class AllowedSpans(SpanExporter):
    """Hands on to `exporter` what the registry names, and nothing else of it."""

    registry: Registry
    side: Side
    exporter: SpanExporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Exports the spans in their allowed form; those without an allowed name are left out."""
        allowed = [self.allow(span) for span in spans if self._is_named(span)]
        return self.exporter.export(allowed) if allowed else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Ends the export."""
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 2000) -> bool:
        """Exports what is held back."""
        return self.exporter.force_flush(timeout_millis)

    def allow(self, span: ReadableSpan) -> ReadableSpan:
        """A span with nothing in it that is not registered."""
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self._attributes(span.attributes or {}),
            events=NOTHING,
            links=NO_LINKS,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=None,
        )

    def _is_named(self, span: ReadableSpan) -> bool:
        return any(span.kind is kind and span.name in self.registry.values(names) for names, kind in OUR_NAMES.items())

    def _attributes(self, given: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        told = self.registry.document["attributes"]
        allowed: dict[str, AttributeValue] = {}
        for name, value in given.items():
            if name not in told or told[name]["side"] not in {"both", self.side.value}:
                continue
            vocabulary = self.registry.attributes[name]
            if isinstance(value, str | int) and vocabulary.admits(str(value)):
                allowed[name] = value
            elif OTHER in vocabulary.values:
                allowed[name] = OTHER
        return allowed


def make_provider(registry: Registry, side: Side, service: str, version: str, exporter: SpanExporter) -> TracerProvider:
    """The provider of one side; it is never made the global one, at which libraries help themselves."""
    sampler: Sampler = ALWAYS_ON if side is Side.IDENTITY else TraceIdRatioBased(BALLOT_RATE)
    resource = Resource({"service.name": service, "service.version": version, "uvote.side": side.value})
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            AllowedSpans(registry, side, exporter),
            max_queue_size=QUEUE_SPANS,
            schedule_delay_millis=1000,
            export_timeout_millis=EXPORT_SECONDS * 1000,
        )
    )
    return provider
