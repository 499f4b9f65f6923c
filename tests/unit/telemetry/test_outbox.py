"""Nobody who says something waits for who takes it, and what nobody takes is dropped and counted."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import httpx
import pytest

from observability.telemetry import otlp
from observability.telemetry.otlp import Collector, LinesTo
from observability.telemetry.outbox import BATCH, FLUSH_SECONDS, Outbox, close
from observability.telemetry.registry import Side
from tests.service.otlp_sink import otlp_sink

ROOM = 100


class Sink:
    """Takes what comes once it is let, or says that it cannot."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.may = Event()
        self.taken: list[int] = []

    def take(self, batch: list[int]) -> None:
        self.may.wait()
        if self.fails:
            raise OSError
        self.taken += batch


@contextmanager
def outbox(sink: Sink, **options: Any) -> Iterator[tuple[Outbox[int], Counter[str]]]:
    drops: Counter[str] = Counter()

    def drop(reason: str) -> None:
        drops[reason] += 1

    box: Outbox[int] = Outbox("test", sink.take, drop, room=options.pop("room", ROOM), **options)
    box.start()
    yield box, drops
    sink.may.set()
    box.end()
    box.thread.join()


def test_what_was_said_before_the_end_is_delivered_in_order() -> None:
    sink = Sink()
    sink.may.set()
    with outbox(sink, room=5 * BATCH, linger=3600) as (box, drops):
        for number in range(3 * BATCH + 1):
            box.put(number)
        close([box])
        assert sink.taken == list(range(3 * BATCH + 1))
    assert not drops


def test_a_full_queue_drops_what_comes_and_counts_it() -> None:
    sink = Sink()
    with outbox(sink) as (box, drops):
        for number in range(BATCH + 10 * ROOM):
            box.put(number)
        assert box.queue.qsize() <= ROOM
        assert drops["queue_full"] >= 9 * ROOM
        sink.may.set()
        close([box])
        assert len(sink.taken) + drops["queue_full"] == BATCH + 10 * ROOM


def test_a_sink_that_fails_costs_a_batch_and_no_more() -> None:
    sink = Sink(fails=True)
    sink.may.set()
    with outbox(sink) as (box, drops):
        for number in range(ROOM):
            box.put(number)
        close([box])
    assert drops == {"unwritable": ROOM}


def test_the_end_waits_for_all_outboxes_together_and_not_for_each() -> None:
    sinks = [Sink() for _ in range(8)]
    boxes: list[Outbox[int]] = []
    for sink in sinks:
        boxes.append(Outbox("test", sink.take, pytest.fail, room=ROOM))
        boxes[-1].start()
        boxes[-1].put(1)
    began = time.monotonic()
    close(boxes)
    assert time.monotonic() - began < 2 * FLUSH_SECONDS  # one after the other takes eight times as long
    for sink in sinks:
        sink.may.set()
    for box in boxes:
        box.thread.join()


def test_who_says_something_while_something_is_said_does_not_wait_for_itself() -> None:
    """An object that ends may speak, and objects end anywhere."""
    sink = Sink()
    sink.may.set()
    with outbox(sink) as (box, _):

        class Speaking(int):
            def __del__(self) -> None:
                box.put(2)

        for number in range(1000):
            box.put(Speaking(number))
        close([box])


@pytest.mark.parametrize("manner", ["refuses", "hangs"])
def test_a_collector_that_refuses_or_hangs_raises_within_bounds(manner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "TIMEOUT", httpx.Timeout(0.2))
    line: dict[str, object] = {"time": "2026-11-20T12:00:00.123Z", "event": "roll_frozen", "level": "info"}
    with otlp_sink(manner) as sink:
        send = LinesTo(Collector(sink.url, Side.IDENTITY), {"service.name": "voter"})
        with pytest.raises(httpx.HTTPError):
            send([line])
        assert sink.asked == 1
