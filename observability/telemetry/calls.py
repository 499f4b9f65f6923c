"""Spans of what a service asks of others: of its database by named transactions, and of other services.

- They exist on the identity side alone, and carry names, never values. A refusal (4xx) is no error of the one who asks.
- A trace continues in another service only by a header with a token that the calling service has signed for it and for
  this alone. It is sent from the identity side, to services that have that side, and nobody believes any other header
  (`middleware`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from observability.telemetry.registry import Side
from observability.telemetry.sampling import ERROR, Manner, manner
from observability.telemetry.side import OWN_SIDE, side_of_work

HEADER = "uvote-trace"
# Who may be told of a trace of the identity side, and who is believed.
TRUSTED = frozenset(service for service, side in OWN_SIDE.items() if side is Side.IDENTITY)

Sign = Callable[[str], str]


@dataclass(frozen=True)
class Calls:
    """How a process makes such spans. `sign(callee)` is the token that the callee believes."""

    tracer: trace.Tracer
    sign: Sign


_process: Calls | None = None


def trace_calls(calls: Calls | None) -> None:
    """From here on this process makes these spans; None: it makes none."""
    global _process  # noqa: PLW0603  # a process is one service
    _process = calls


def _present() -> Calls | None:
    told = _process is not None and side_of_work() is Side.IDENTITY and manner() is not Manner.NEVER
    return _process if told else None


@contextmanager
def in_transaction(name: str) -> Iterator[None]:
    """The block is one transaction."""
    if (calls := _present()) is None:
        yield
        return
    with _span(calls, name, SpanKind.INTERNAL, {"uvote.transaction": name}):
        yield


class Call:
    """A call of another service, of which nothing is told."""

    headers: dict[str, str]

    def __init__(self) -> None:
        self.headers = {}

    def failed(self, error: Exception) -> None:
        """There was no answer."""

    def answered(self, status: int) -> None:
        """There was one."""


class TracedCall(Call):
    """A call that is a span; `headers` let the callee continue the trace."""

    def __init__(self, span: Span, headers: dict[str, str]) -> None:
        self.span = span
        self.headers = headers

    def failed(self, error: Exception) -> None:
        """There was no answer, in this attempt."""
        self.span.set_attribute(ERROR, type(error).__name__)

    def answered(self, status: int) -> None:
        """The last answer."""
        self.span.set_attribute("http.response.status_code", status)


@contextmanager
def calling(dependency: str, method: str) -> Iterator[Call]:
    """The block is one call, with its repeats."""
    if (calls := _present()) is None or dependency not in OWN_SIDE:
        yield Call()
        return
    attributes = {"uvote.dependency": dependency, "http.request.method": method}
    with _span(calls, dependency, SpanKind.CLIENT, attributes) as span:
        headers = {HEADER: f"{written(span)} {calls.sign(dependency)}"} if dependency in TRUSTED else {}
        yield TracedCall(span, headers)


@contextmanager
def _span(calls: Calls, name: str, kind: SpanKind, attributes: dict[str, str]) -> Iterator[Span]:
    span = calls.tracer.start_span(name, kind=kind, attributes=attributes)
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except Exception as error:
            # What is refused carries its status.
            if getattr(error, "status", 500) >= 500:
                note_error(error, span)
            raise


def note_error(error: Exception, span: Span | None = None) -> None:
    """Says in the present span what kind of thing went wrong; its trace is kept."""
    span = span or trace.get_current_span()
    span.set_status(StatusCode.ERROR)
    if ERROR not in (getattr(span, "attributes", None) or {}):
        span.set_attribute(ERROR, type(error).__name__)


def written(span: Span) -> str:
    """Which span this is, as one line."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
