"""What may be written to the log, and that nobody waits for it."""

import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from observability.telemetry.logs import configure_logs
from observability.telemetry.outbox import FLUSH_SECONDS
from observability.telemetry.registry import Side, registry
from observability.telemetry.side import on_side
from observability.telemetry.writing import Writer

MARKER = "ada@example.org"


class Log:
    """A configured log whose lines end in a pipe; `lines` ends it."""

    def __init__(self, service: str, **options: Any) -> None:
        self.drops: Counter[str] = Counter()
        self.reading, writing = os.pipe()
        self.writer = Writer(self.drop, descriptor=writing, **options)
        configure_logs(registry(), service, self.writer, self.drop)
        self.log = structlog.get_logger()

    def drop(self, reason: str) -> None:
        self.drops[reason] += 1

    def text(self) -> str:
        self.writer.start()
        self.writer.close()
        os.close(self.writer.descriptor)
        with open(self.reading) as pipe:  # noqa: PTH123  # a file descriptor is no path
            return pipe.read()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def test_a_registered_line_is_written_with_who_says_it_and_where() -> None:
    log = Log("voter")
    log.log.warning("work_refused", work="remind", problem="wrong-state")
    (line,) = log.lines()
    assert registry().fields["time"].admits(line.pop("time"))
    assert line == {
        "level": "warning",
        "event": "work_refused",
        "service": "voter",
        "side": "identity",
        "work": "remind",
        "problem": "wrong-state",
    }
    assert not log.drops


def test_an_event_that_is_not_registered_is_dropped_and_counted() -> None:
    log = Log("voter")
    log.log.info(MARKER)
    log.log.info("sent", to=MARKER)
    assert log.text() == ""
    assert log.drops == {"unregistered_event": 2}


def test_a_field_that_is_not_registered_is_dropped_and_counted() -> None:
    log = Log("voter")
    log.log.info("mail_not_made", error="KeyError", to=MARKER)
    (line,) = log.lines()
    assert MARKER not in json.dumps(line)
    assert line["error"] == "KeyError"
    assert log.drops == {"unregistered_field": 1}


def test_an_unknown_kind_of_error_becomes_other() -> None:
    log = Log("voter")
    log.log.info("mail_not_made", error=MARKER)
    assert [line["error"] for line in log.lines()] == ["other"]


def test_a_value_outside_of_its_vocabulary_is_left_out_and_counted() -> None:
    log = Log("voter")
    log.log.info("request_served", action="read_roll", method="GET", status=f"200 {MARKER}", seconds=0.5)
    (line,) = log.lines()
    assert "status" not in line
    assert line["seconds"] == 0.5
    assert log.drops == {"unregistered_value": 1}


def test_an_event_of_one_side_is_not_written_on_the_other() -> None:
    log = Log("frontend")
    with on_side(Side.BALLOT):
        log.log.info("request_served", action="show_ballot", method="GET", status=200, seconds=0.1)
    assert log.text() == ""
    assert log.drops == {"unregistered_event": 1}


def test_lines_about_ballots_are_counted_and_written_once_per_tick() -> None:
    log = Log("ballot", tick_seconds=3600.0)
    for _ in range(7):
        log.log.warning("database_unavailable", transaction="cast_ballot", error="TimeoutError")
    log.log.warning("database_unavailable", transaction="list_events", error="TimeoutError")
    assert log.writer.stdout.queue.empty()
    assert {line["transaction"]: line["count"] for line in log.lines()} == {"cast_ballot": 7, "list_events": 1}


def test_ticked_lines_are_written_by_themselves_when_the_tick_is_over() -> None:
    log = Log("ballot", tick_seconds=0.05)
    log.log.warning("database_unavailable", transaction="cast_ballot", error="TimeoutError")
    log.writer.start()
    assert json.loads(os.read(log.reading, 4096))["count"] == 1
    log.writer.close()


def test_what_a_library_says_is_reduced_to_its_name() -> None:
    log = Log("auth")
    logging.getLogger("uvicorn.error").warning("Invalid request from %s", MARKER)
    logging.getLogger(MARKER).error("something")
    assert [(line["event"], line["library"]) for line in log.lines()] == [
        ("library_warned", "uvicorn"),
        ("library_warned", "other"),
    ]


def written_while_nobody_reads(log: Log, lines: int) -> float:
    log.writer.start()
    began = time.monotonic()
    for _ in range(lines):
        log.log.info("roll_frozen")
    return time.monotonic() - began


def test_with_nobody_reading_lines_are_dropped_and_counted_and_nobody_waits() -> None:
    log = Log("voter", room=100)
    written_while_nobody_reads(log, 5000)  # much more than a pipe and the queue hold
    assert log.drops["queue_full"] > 0
    assert log.writer.stdout.queue.qsize() <= 100
    began = time.monotonic()
    log.writer.close()
    assert time.monotonic() - began < 10 * FLUSH_SECONDS  # it would wait for ever


def test_without_a_reader_lines_are_dropped_and_counted() -> None:
    log = Log("voter")
    os.close(log.reading)
    log.log.info("roll_frozen")
    log.writer.start()
    log.writer.close()
    assert log.drops == {"unwritable": 1}


@pytest.mark.parametrize("say", [lambda log: log.info("roll_frozen"), lambda log: log.error("sending_failed")])
def test_what_was_said_before_the_end_is_written(say: Callable[[Any], None]) -> None:
    log = Log("voter")
    for _ in range(500):
        say(log.log)
    assert len(log.lines()) == 500
