"""Reports of unforeseen errors: what leaves, from which side, and that nothing else does."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from observability.telemetry.errors import ErrorReports, report, report_errors_to
from observability.telemetry.outbox import close
from observability.telemetry.registry import Side, registry
from observability.telemetry.side import on_side
from services.shared.settings import SERVICES
from services.uvote.installation import Installation
from services.uvote.serve import read_settings
from tests.guards.sources import ROOT

MARKER = "ada@example.org"
HEAD = {"event_id", "sent_at"}
ITEM = {"type", "content_type", "length"}
LEAVES = {
    "event_id",
    "timestamp",
    "platform",
    "level",
    "release",
    "tags.service",
    "exception.values.type",
    "exception.values.value",
    "exception.values.stacktrace.frames.module",
    "exception.values.stacktrace.frames.function",
    "exception.values.stacktrace.frames.lineno",
}


class Envelopes:
    """What arrives at a sink: the bytes of envelopes, and the headers that they came with."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    @property
    def events(self) -> list[Any]:
        """Each envelope's event; its own head and the item's are compared here."""
        found = []
        for body in self.bodies:
            head, item, event = (json.loads(line) for line in body.splitlines())
            assert head.keys() == HEAD
            assert item.keys() == ITEM
            found.append(event)
        return found


@contextmanager
def envelope_sink() -> Iterator[tuple[Envelopes, str]]:
    """A server of reports, and its address."""
    envelopes = Envelopes()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                content = gzip.decompress(content)
            envelopes.bodies.append(content)
            envelopes.headers.append(dict(self.headers))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield envelopes, f"http://public@127.0.0.1:{server.server_port}/1"
        server.shutdown()


@contextmanager
def reporting() -> Iterator[Envelopes]:
    """Reports of the block, all of which have arrived after it."""
    with envelope_sink() as (envelopes, dsn):
        reports = ErrorReports(registry(), "voter", "1.2.3", dsn, pytest.fail)
        reports.outbox.start()
        report_errors_to(reports)
        try:
            yield envelopes
        finally:
            report_errors_to(None)
            close([reports.outbox], 20)


class AdaError(Exception):
    """An exception whose name nobody registered."""


def leaves(told: object, at: str = "") -> Iterator[str]:
    """The names of all values."""
    if isinstance(told, list):
        for each in told:
            yield from leaves(each, at)
    elif isinstance(told, dict):
        for name, value in told.items():
            yield from leaves(value, f"{at}.{name}".removeprefix("."))
    else:
        yield at


def failing_deeply() -> Exception:
    secret = MARKER
    try:
        registry().label_values(registry().metrics["uvote_sign_ins"], secret, secret)
    except KeyError as error:
        return error
    raise AssertionError


def test_a_report_is_exactly_what_the_list_names() -> None:
    with reporting() as envelopes, on_side(Side.IDENTITY):
        report(failing_deeply())
    (event,) = envelopes.events
    assert set(leaves(event)) == LEAVES
    (told,) = event["exception"]["values"]
    assert told["type"] == "KeyError"
    assert told["value"] == "KeyError in observability.telemetry.registry.Registry.label_values"
    assert [frame["module"] for frame in told["stacktrace"]["frames"]] == ["observability.telemetry.registry"]
    assert event["tags"] == {"service": "voter"}
    assert event["release"] == "1.2.3"
    assert MARKER.encode() not in b"".join(envelopes.bodies)
    headers = {name.lower(): value for headers in envelopes.headers for name, value in headers.items()}
    expected = {"host", "accept-encoding", "content-length", "content-encoding", "content-type", "user-agent"}
    assert headers.keys() == expected | {"x-sentry-auth"}
    assert MARKER not in str(headers)


def test_an_unknown_kind_of_error_and_code_of_others_say_nothing_of_themselves() -> None:
    with reporting() as envelopes, on_side(Side.IDENTITY):
        report(AdaError(MARKER))
        try:
            json.loads(MARKER)
        except ValueError as error:
            report(error)
    one, other = ((event["exception"]["values"][0]) for event in envelopes.events)
    assert (one["type"], one["value"], one["stacktrace"]["frames"]) == ("other", "other in other code", [])
    assert (other["type"], other["stacktrace"]["frames"]) == ("other", [])


def test_the_ballot_side_reports_nothing() -> None:
    with reporting() as envelopes:
        for side in (Side.BALLOT, Side.IDENTITY, Side.BALLOT):
            with on_side(side):
                report(failing_deeply())
    assert len(envelopes.bodies) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_only_services_that_know_who_asks_can_be_told_where_to_report(service: str) -> None:
    environment = Installation("postgresql://x@127.0.0.1/x").environment(service)
    given: dict[str, Any] = {name.removeprefix("UVOTE_").lower(): value for name, value in environment.items()}
    settings = read_settings(service, **{**given, "callers": {}, "sentry_dsn": "http://public@127.0.0.1/1"})
    assert (settings.error_reports() is not None) is (service not in {"ballot", "result"})
    assert "sentry_dsn" not in settings.without_secrets()


def test_the_library_is_not_loaded_before_there_is_something_to_report() -> None:
    apps = "; ".join(f"import services.{service}.app" for service in SERVICES)
    command = f"import sys, observability.telemetry.errors; {apps}; print('sentry_sdk' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "False"


def test_a_server_of_reports_that_is_not_there_holds_nobody_up() -> None:
    reports = ErrorReports(registry(), "voter", "1", "http://public@127.0.0.1:9/1", lambda _: None)
    reports.outbox.start()
    for _ in range(1000):
        reports.report(AdaError(MARKER))
    assert reports.outbox.queue.qsize() <= reports.outbox.room
    close([reports.outbox])
