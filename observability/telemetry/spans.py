"""Spans: only what the registry names leaves a process.

A span's name is an action, a transaction or a called service; every attribute has a registered name and value; there
are no events (which would carry messages of errors), no links and no status texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status
from opentelemetry.util.types import AttributeValue

from observability.telemetry.registry import Registry, Side, Vocabulary

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
        return span.name in self._names.get(span.kind, ())

    @cached_property
    def _names(self) -> Mapping[SpanKind, frozenset[str]]:
        return {kind: frozenset(self.registry.values(names)) for names, kind in OUR_NAMES.items()}

    @cached_property
    def _told(self) -> Mapping[str, Vocabulary]:
        told = self.registry.document["attributes"]
        heard = {"both", self.side.value}
        return {name: words for name, words in self.registry.attributes.items() if told[name]["side"] in heard}

    def _attributes(self, given: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
        allowed: dict[str, AttributeValue] = {}
        for name, value in given.items():
            vocabulary = self._told.get(name)
            if vocabulary is None:
                continue
            if isinstance(value, str | int) and vocabulary.admits(str(value)):
                allowed[name] = value
            elif OTHER in vocabulary.values:
                allowed[name] = OTHER
        return allowed
