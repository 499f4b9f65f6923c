"""Which traces are kept: decided for each process' whole part of a trace, when that part ends.

On the identity side:

- What an organiser asks for is kept always, and so is what it makes other services do.
- Of the rest the share `IDENTITY_RATE` is kept, by the trace's number, so that all services keep the same ones.
- A part in which something went wrong is kept whatever else was decided. Nobody can know this when it begins, so its
  spans are recorded and held back until one has an error, or the part is over.
- Probes, polls and what is served to them make no spans.

On the ballot side the share `BALLOT_RATE` is kept, of what is neither a cast nor a look-up, errors or not.

A span that ends after its part (work that a request left behind) goes the way of the part.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import StatusCode
from opentelemetry.util.types import Attributes

from observability.telemetry.registry import Side

IDENTITY_RATE = 0.1
BALLOT_RATE = 0.01
OPEN_SPANS = 4096
SPANS_OF_A_PART = 256

ERROR = "error.type"


class Manner(Enum):
    """How the present work is traced."""

    ALWAYS = auto()
    AT_A_RATE = auto()
    NEVER = auto()


_manner: ContextVar[Manner] = ContextVar("manner", default=Manner.AT_A_RATE)


def manner() -> Manner:
    """How the present work is traced; what a service does by itself, at a rate."""
    return _manner.get()


@contextmanager
def traced(as_told: Manner) -> Iterator[None]:
    """What happens in the block, and in tasks that it starts, is traced in this manner."""
    token = _manner.set(as_told)
    try:
        yield
    finally:
        _manner.reset(token)


@dataclass(frozen=True)
class Sampling(Sampler):
    """A span that is kept for sure is sampled; on the identity side the others are recorded all the same."""

    side: Side

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        *given: Any,
        attributes: Attributes = None,
        **_: Any,
    ) -> SamplingResult:
        """What becomes of a span that begins."""
        # Name, kind and attributes; the library names none of them.
        attributes = given[2] if len(given) > 2 else attributes
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.trace_flags.sampled or self._is_kept(trace_id):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return SamplingResult(Decision.DROP if self.side is Side.BALLOT else Decision.RECORD_ONLY, attributes)

    def _is_kept(self, trace_id: int) -> bool:
        rate = BALLOT_RATE if self.side is Side.BALLOT else IDENTITY_RATE
        always = self.side is Side.IDENTITY and manner() is Manner.ALWAYS
        return always or (trace_id & (2**64 - 1)) < rate * 2**64

    def get_description(self) -> str:
        """For people."""
        return f"what the {self.side} side keeps"


@dataclass
class Part:
    """The spans of one trace in this process."""

    root: int
    kept: bool
    over: bool = False
    held: list[ReadableSpan] = field(default_factory=list)


class KeptParts(SpanProcessor):
    """Hands the spans of kept parts to `keep`; `dropped` is told of those for which there is no room."""

    def __init__(self, keep: Callable[[ReadableSpan], None], dropped: Callable[[str], None]) -> None:
        self.keep = keep
        self.dropped = dropped
        self.parts: dict[int, Part] = {}  # of the spans that have not ended

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Notes to which part a span belongs."""
        own, parent = span.get_span_context(), trace.get_current_span(parent_context).get_span_context()
        part = self.parts.get(parent.span_id) or Part(own.span_id, own.trace_flags.sampled)
        if len(self.parts) < OPEN_SPANS:
            self.parts[own.span_id] = part

    def on_end(self, span: ReadableSpan) -> None:
        """Keeps the span, holds it back, or lets it go."""
        part = self.parts.pop(span.context.span_id, None)
        if part is None:
            self.dropped("queue_full")
            return
        part.kept = part.kept or is_error(span)
        self._hold(part, span)
        part.over = part.over or span.context.span_id == part.root
        self._release(part)

    def _hold(self, part: Part, span: ReadableSpan) -> None:
        if len(part.held) < SPANS_OF_A_PART:
            part.held.append(span)
        else:
            self.dropped("queue_full")

    def _release(self, part: Part) -> None:
        for span in part.held if part.kept else ():
            self.keep(span)
        if part.kept or part.over:
            part.held.clear()


def is_error(span: ReadableSpan) -> bool:
    """Whether something went wrong in this span."""
    return span.status.status_code is StatusCode.ERROR or ERROR in (span.attributes or {})


def kept_trace(span: trace.Span | None = None) -> str | None:
    """The number of the trace of this span (the present one), if it is known already that it is kept."""
    span = span or trace.get_current_span()
    context = span.get_span_context()
    if context.trace_flags.sampled or ERROR in (getattr(span, "attributes", None) or ()):
        return f"{context.trace_id:032x}"
    return None


def exemplar(span: trace.Span | None = None) -> dict[str, str] | None:
    """What leads from a measurement to its trace."""
    trace_id = kept_trace(span)
    return {"trace_id": trace_id} if trace_id else None
