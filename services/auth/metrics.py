"""What `auth` measures."""

from collections.abc import Iterator
from contextlib import contextmanager

from observability.telemetry.metrics import counter, gauge
from observability.telemetry.ticks import MostOfTick
from services.shared.problems import TYPE_PREFIX, Problem

sign_ins = counter("uvote_sign_ins")
password_queue_use = gauge("uvote_password_queue_use")
signing_key_age = gauge("uvote_signing_key_age_seconds")

WATCH_SECONDS = 60
OUTCOMES = {"wrong-credentials": "wrong", "throttled": "throttled", "busy": "busy"}

fullest = MostOfTick()


@contextmanager
def counting_sign_ins() -> Iterator[None]:
    """Counts one attempt to sign in by how it ends."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except Problem as problem:
        outcome = OUTCOMES.get(problem.type.removeprefix(TYPE_PREFIX), "failed")
        raise
    finally:
        sign_ins.add(outcome=outcome)
