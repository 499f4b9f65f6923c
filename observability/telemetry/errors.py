"""Reports of what nobody foresaw, by sentry-sdk: off unless an address for them is set, and never on the ballot side.

- A report is made here, of the kind of error, our own release, and the places in our own code that it came through.
  The message, which may quote data, is replaced by a template. No request, body, local variable, user, host or list of
  modules is ever looked at.
- The library is a sender only: no integration of it is on, it watches nothing, and adds no header to any call. What it
  adds to a report is removed again, by a list of what may leave.
- It is imported when there is something to report, in a thread of its own; nobody waits for it.
"""

import traceback
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import FrameType
from typing import Any

from observability.telemetry.outbox import Dropped, Outbox
from observability.telemetry.registry import Registry, Side
from observability.telemetry.side import side_of_work

WAITING_REPORTS = 100
SEND_SECONDS = 2.0
OURS = ("services.", "observability.")

Event = dict[str, Any]

FRAME = {"module": None, "function": None, "lineno": None}
# All that may leave, by name; the library adds more.
LEAVES: Mapping[str, Any] = {
    "event_id": None,
    "timestamp": None,
    "platform": None,
    "level": None,
    "release": None,
    "tags": {"service": None},
    "exception": {"values": {"type": None, "value": None, "stacktrace": {"frames": FRAME}}},
}


class ErrorReports:
    """What goes to `dsn`, in the words of the registry."""

    def __init__(self, registry: Registry, service: str, version: str, dsn: str, dropped: Dropped) -> None:
        self.kinds = registry.fields["error"]
        self.service = service
        self.version = version
        self.dsn = dsn
        self.outbox: Outbox[Event] = Outbox("errors", self._send, dropped, room=WAITING_REPORTS)

    def report(self, error: Exception) -> None:
        """Queues a report; returns at once."""
        frames = list(_our_frames(error))
        name = type(error).__name__
        kind = name if self.kinds.admits(name) else "other"
        place = "{module}.{function}".format(**frames[-1]) if frames else "other code"
        told = {"type": kind, "value": f"{kind} in {place}", "stacktrace": {"frames": frames}}
        tags = {"service": self.service}
        self.outbox.put({"level": "error", "release": self.version, "tags": tags, "exception": {"values": [told]}})

    def _send(self, events: list[Event]) -> None:
        for event in events:
            self._client.capture_event(event)
        self._client.flush(SEND_SECONDS)

    @cached_property
    def _client(self) -> Any:
        import sentry_sdk  # noqa: PLC0415  # hardly ever needed, and it is large

        # Not the global one, at which libraries help themselves.
        return sentry_sdk.Client(
            self.dsn,
            default_integrations=False,
            auto_enabling_integrations=False,
            before_send=lambda event, _: _only(LEAVES, event),  # type: ignore[arg-type,return-value]  # a mere dict
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            server_name="",
            spotlight=False,
            trace_propagation_targets=[],
            auto_session_tracking=False,
            send_client_reports=False,
            enable_backpressure_handling=False,
            transport_queue_size=WAITING_REPORTS,
        )


_process: ErrorReports | None = None


def report_errors_to(reports: ErrorReports | None) -> None:
    """From here on this process reports there; None: nowhere."""
    global _process  # noqa: PLW0603  # a process is one service
    _process = reports


def report(error: Exception) -> None:
    """Nobody foresaw this."""
    if _process is not None and side_of_work() is Side.IDENTITY:
        _process.report(error)


def _our_frames(error: Exception) -> Iterator[dict[str, object]]:
    """The way of the error through our own code, the outermost place first."""
    walked: Iterator[tuple[FrameType, int]] = traceback.walk_tb(error.__traceback__)
    for frame, line in walked:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(OURS):
            yield {"module": module, "function": frame.f_code.co_qualname, "lineno": line}


def _only(leaves: Mapping[str, Any], given: object) -> object:
    """What is named, at every depth."""
    if isinstance(given, list):
        return [_only(leaves, each) for each in given]
    if not isinstance(given, dict):
        return None
    kept = {name: given[name] for name in leaves if name in given}
    return {name: value if leaves[name] is None else _only(leaves[name], value) for name, value in kept.items()}
