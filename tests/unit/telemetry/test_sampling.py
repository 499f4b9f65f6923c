"""Which traces are kept: an organiser's always, of the others some, and every one in which something went wrong."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from observability.telemetry import sampling
from observability.telemetry.registry import Side
from observability.telemetry.sampling import KeptParts, Manner, Sampling, traced


class LastIds(RandomIdGenerator):
    """Numbers that no rate reaches."""

    def generate_trace_id(self) -> int:
        return 2**128 - 1


class FirstIds(RandomIdGenerator):
    """Numbers that every rate reaches."""

    def generate_trace_id(self) -> int:
        return 1 << 64


class Kept:
    """A provider whose kept spans can be looked at."""

    def __init__(self, side: Side = Side.IDENTITY, ids: RandomIdGenerator | None = None) -> None:
        self.spans: list[ReadableSpan] = []
        self.drops: Counter[str] = Counter()
        provider = TracerProvider(sampler=Sampling(side), id_generator=ids or LastIds(), shutdown_on_exit=False)
        self.parts = KeptParts(self.spans.append, self.drop)
        provider.add_span_processor(self.parts)
        self.tracer = provider.get_tracer("test")

    def drop(self, reason: str) -> None:
        self.drops[reason] += 1

    @contextmanager
    def span(self, name: str) -> Iterator[trace.Span]:
        with self.tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            yield span

    def names(self) -> list[str]:
        return [span.name for span in self.spans]


def test_what_an_organiser_asks_for_is_kept_always() -> None:
    kept = Kept()
    with traced(Manner.ALWAYS), kept.span("root"), kept.span("child"):
        pass
    assert kept.names() == ["child", "root"]


def test_of_the_rest_the_number_of_the_trace_decides() -> None:
    for ids, names in [(LastIds(), []), (FirstIds(), ["child", "root"])]:
        kept = Kept(ids=ids)
        with kept.span("root"), kept.span("child"):
            pass
        assert kept.names() == names


def test_a_trace_with_an_error_is_kept_whole_also_what_ended_before_it() -> None:
    kept = Kept()
    with kept.span("root"):
        with kept.span("before"):
            pass
        with kept.span("failing") as failing:
            failing.set_attribute(sampling.ERROR, "TimeoutError")
        with kept.span("after"):
            pass
    assert kept.names() == ["before", "failing", "after", "root"]


def test_two_requests_of_one_trace_are_decided_for_themselves() -> None:
    kept = Kept()
    caller = NonRecordingSpan(SpanContext(2**128 - 1, 7, is_remote=True, trace_flags=TraceFlags(0)))
    for error in (False, True):
        with trace.use_span(caller), kept.span(f"error {error}") as span:
            if error:
                span.set_attribute(sampling.ERROR, "TimeoutError")
    assert kept.names() == ["error True"]


def test_what_the_caller_keeps_is_kept() -> None:
    kept = Kept()
    caller = NonRecordingSpan(SpanContext(2**128 - 1, 7, is_remote=True, trace_flags=TraceFlags(1)))
    with trace.use_span(caller), kept.span("root"):
        pass
    assert kept.names() == ["root"]


def test_a_span_that_outlives_its_request_goes_the_way_of_the_request() -> None:
    for manner, names in [(Manner.ALWAYS, ["root", "late"]), (Manner.AT_A_RATE, [])]:
        kept = Kept()
        with traced(manner):
            with kept.span("root"):
                late = kept.tracer.start_span("late")
            late.end()
        assert kept.names() == names


def test_the_ballot_side_keeps_a_share_whatever_went_wrong_or_whoever_asks() -> None:
    for ids, names in [(LastIds(), []), (FirstIds(), ["root"])]:
        kept = Kept(Side.BALLOT, ids)
        with traced(Manner.ALWAYS), kept.span("root") as span:
            span.set_attribute(sampling.ERROR, "TimeoutError")
        assert kept.names() == names


def test_what_is_held_back_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SPANS_OF_A_PART", 10)
    monkeypatch.setattr(sampling, "OPEN_SPANS", 20)
    kept = Kept()
    with kept.span("root"):
        for _ in range(30):
            with kept.span("child"):
                pass
    assert kept.drops == {"queue_full": 21}
    assert not kept.parts.parts
    for _ in range(30):
        kept.tracer.start_span("never ended")
    assert len(kept.parts.parts) == 20
