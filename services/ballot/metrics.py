"""What `ballot` measures. Nothing here moves because one ballot was taken; refusals move at ticks.

What is told at once is told to `observability/telemetry`, which shows it when the registry says.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.requests import ClientDisconnect

from observability.telemetry.metrics import counter, gauge
from observability.telemetry.registry import registry
from observability.telemetry.ticks import ManyOfTick
from services.shared.problems import TYPE_PREFIX, Problem

log = structlog.get_logger()

REASONS = frozenset(registry().values("refusal"))
SLOWEST = 30  # seconds

casts_refused = counter("uvote_casts_refused")
invalid_proof_credentials = counter("uvote_invalid_proof_credentials")
browser_failures = counter("uvote_browser_failures")
ballots_accepted = gauge("uvote_ballots_accepted")
credentials_voted = gauge("uvote_credentials_voted")
weight_voted = gauge("uvote_weight_voted")
telemetry_withheld = gauge("uvote_telemetry_withheld")
credentials_listed = gauge("uvote_credentials_listed")
board_phase = gauge("uvote_board_phase")
board_opens = gauge("uvote_board_opens_time_seconds")
board_closes = gauge("uvote_board_closes_time_seconds")
numbers_match = gauge("uvote_numbers_match")
numbers_age = gauge("uvote_numbers_age_seconds")
cast_seconds = gauge("uvote_cast_seconds")
append_seconds = gauge("uvote_append_seconds")
append_queue_use = gauge("uvote_append_queue_use")
proof_queue_use = gauge("uvote_proof_queue_use")
proof_workers_use = gauge("uvote_proof_workers_use")
proof_workers_running = gauge("uvote_proof_workers_running")
clock_offset = gauge("uvote_clock_offset_seconds")


@contextmanager
def counting_refusals(election_class: str) -> Iterator[None]:
    """Counts, by reason, what ends the block otherwise than well."""
    try:
        yield
    except Exception as error:
        reason = reason_of(error)
        casts_refused.add(reason=reason, election_class=election_class)
        log.warning("casts_refused", reason=reason)
        raise


def reason_of(error: Exception) -> str:
    """The registered word for a refusal or a failure."""
    if isinstance(error, TimeoutError):
        return "too-slow"
    if isinstance(error, ClientDisconnect):
        return "broken-off"
    if not isinstance(error, Problem):
        return "internal"
    reason = error.type.removeprefix(TYPE_PREFIX)
    return reason if reason in REASONS else "other"


class Slowness:
    """How long ballots take, as ten of the tick did; told of each by its credential."""

    def __init__(self, shown: gauge) -> None:
        self.many = ManyOfTick()
        shown.read_by(lambda: SLOWEST * self.many.read(SLOWEST))

    def note(self, uuid: str, position: int, seconds: float) -> None:
        """A ballot of the credential at this place of the list was taken."""
        self.many.note((uuid, position), seconds / SLOWEST)
