"""On which side of the wall the present work is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from observability.telemetry.registry import Side

# What a service does by itself, outside of any request; a service with both sides works for organisers then.
OWN_SIDE = {
    "auth": Side.IDENTITY,
    "voter": Side.IDENTITY,
    "election": Side.IDENTITY,
    "frontend": Side.IDENTITY,
    "ballot": Side.BALLOT,
    "result": Side.BALLOT,
}

_side: ContextVar[Side | None] = ContextVar("side", default=None)
_own = Side.BALLOT  # which says less


def work_for(service: str) -> None:
    """From here on this process is that service."""
    global _own  # noqa: PLW0603  # a process is one service
    _own = OWN_SIDE[service]


def side_of_work() -> Side:
    """The side of the request that is being served, or of the service itself."""
    return _side.get() or _own


@contextmanager
def on_side(side: Side) -> Iterator[None]:
    """What happens in the block, and in tasks that it starts, belongs to this side."""
    token = _side.set(side)
    try:
        yield
    finally:
        _side.reset(token)
