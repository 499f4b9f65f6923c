"""Lines of the log: only events, fields and values that the registry names, on the side where it names them.

- An event that is not registered, or not for this side, is not written; a field likewise; each is counted.
- A value outside of its vocabulary becomes `other` where there is such a word, and is left out where there is none.
- On the ballot side lines about requests are counted and written once per tick.
- What libraries say through `logging` or `warnings`, or by failing in a thread or at the end of an object's life, is
  reduced to the fact that they said something.
"""

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry import trace

from observability.telemetry.registry import Registry, Side, Vocabulary
from observability.telemetry.sampling import kept_trace
from observability.telemetry.side import side_of_work, work_for
from observability.telemetry.writing import Line, Writer, timestamp

OTHER = "other"
Dropped = Callable[[str], None]


@dataclass(frozen=True)
class AllowList:
    """The last processor: hands what may be said to the writer, and nothing on to anybody else."""

    registry: Registry
    service: str
    writer: Writer
    dropped: Dropped

    def __call__(self, _: object, level: str, said: Mapping[str, Any]) -> str:
        """Ends every line here."""
        event = self.registry.events.get(str(said.get("event")))
        side = side_of_work()
        if event is None or event.side not in {None, side}:
            self.dropped("unregistered_event")
            raise structlog.DropEvent
        head = {"level": level, "event": event.name, "service": self.service, "side": side.value}
        line = head | self._allowed(event.fields, said)
        if event.ticked and side is Side.BALLOT:
            self.writer.put_ticked(line)
        else:
            self.writer.put({"time": timestamp(), **line, **_trace(side)})
        raise structlog.DropEvent

    def _allowed(self, fields: frozenset[str], said: Mapping[str, Any]) -> Line:
        allowed: Line = {}
        for name, value in said.items():
            if name == "event" or value is None:
                continue
            if name not in fields:
                self.dropped("unregistered_field")
            elif (admitted := _admitted(self.registry.fields[name], value)) is None:
                self.dropped("unregistered_value")
            else:
                allowed[name] = admitted
        return allowed


def _admitted(vocabulary: Vocabulary, value: object) -> object:
    """The value, `other` in its place, or None."""
    if not isinstance(value, str | int | float):
        return None
    if vocabulary.admits(str(value)):
        return value
    return OTHER if OTHER in vocabulary.values else None


def _trace(side: Side) -> Line:
    if side is Side.BALLOT:
        return {}
    trace_id = kept_trace()
    if trace_id is None:
        return {}
    return {"trace_id": trace_id, "span_id": f"{trace.get_current_span().get_span_context().span_id:016x}"}


class Libraries(logging.Handler):
    """Says that a library had something to say, and which one."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(logging.WARNING)
        self.names = frozenset(registry.values("library"))
        self.log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """Drops the words."""
        library = record.name.partition(".")[0]
        self.log.warning("library_warned", library=library if library in self.names else OTHER)


def configure_logs(
    registry: Registry, service: str, writer: Writer, dropped: Dropped, level: str = "info", *, for_good: bool = False
) -> None:
    """From here on every line of this process takes this way; `for_good` makes that quicker, and cannot be undone."""
    work_for(service)
    structlog.configure(
        processors=[AllowList(registry, service, writer, dropped)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=for_good,
    )
    root = logging.getLogger()
    root.handlers = [Libraries(registry)]
    root.setLevel(logging.WARNING)
    _hush()


def _hush() -> None:
    """What the interpreter would write to standard error, with the words of the error, takes the same way."""
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda failed: logging.getLogger("threading").error(failed.exc_type.__name__)
    sys.unraisablehook = lambda failed: logging.getLogger("unraisable").error(failed.exc_type.__name__)
