"""What `ballot` measures. Nothing here moves because one ballot was taken; refusals move at ticks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from starlette.requests import ClientDisconnect

from observability.telemetry.metrics import counter, gauge
from observability.telemetry.registry import registry
from observability.telemetry.ticks import MostOfTick
from services.shared.problems import TYPE_PREFIX, Problem

log = structlog.get_logger()

REFUSAL_TICK_SECONDS = 10
REASONS = frozenset(registry().values("refusal"))

casts_refused = counter("uvote_casts_refused")
ballots_accepted = gauge("uvote_ballots_accepted")
credentials_voted = gauge("uvote_credentials_voted")
weight_voted = gauge("uvote_weight_voted")
telemetry_withheld = gauge("uvote_telemetry_withheld")
credentials_listed = gauge("uvote_credentials_listed")
board_phase = gauge("uvote_board_phase")
board_opens = gauge("uvote_board_opens_time_seconds")
board_closes = gauge("uvote_board_closes_time_seconds")
proof_queue_use = gauge("uvote_proof_queue_use")
proof_workers_running = gauge("uvote_proof_workers_running")

fullest = MostOfTick()


class Refusals:
    """Refused and failed casts by reason: collected at once, published at ticks."""

    def __init__(self) -> None:
        self.collected: Counter[str] = Counter()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts what ends the block otherwise than well."""
        try:
            yield
        except Exception as error:
            self.note(reason_of(error))
            raise

    def note(self, reason: str) -> None:
        """One cast more was not taken."""
        self.collected[reason] += 1
        log.warning("casts_refused", reason=reason)

    async def publish(self) -> None:
        """The tick."""
        collected, self.collected = self.collected, Counter()
        for reason, casts in collected.items():
            casts_refused.add(casts, reason=reason)


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
