"""What `auth` measures."""

from collections.abc import Iterator
from contextlib import contextmanager

from observability.telemetry.metrics import counter
from services.shared.problems import Problem

sign_ins = counter("uvote_sign_ins")


@contextmanager
def counting_sign_ins() -> Iterator[None]:
    """Counts one attempt to sign in by how it ends."""
    outcome = "failed"
    try:
        yield
        outcome = "done"
    except Problem as problem:
        outcome = "failed" if problem.status >= 500 else "refused"
        raise
    finally:
        sign_ins.add(outcome=outcome)
