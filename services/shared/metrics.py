"""What all services measure of their connections, their calls and their own work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import asyncpg
import jwt

from observability.telemetry.metrics import counter, gauge, histogram
from observability.telemetry.pulse import looks
from observability.telemetry.registry import Side
from observability.telemetry.sampling import exemplar
from observability.telemetry.side import side_of_work
from observability.telemetry.ticks import MeanOfTick, MostOfTick
from services.shared.problems import Forbidden, Problem, Unauthenticated

transactions = counter("uvote_transactions")
transaction_duration = histogram("uvote_transaction_duration_seconds")
pool_use = gauge("uvote_database_pool_use")
pool_wait = gauge("uvote_database_pool_wait_seconds")
database_up = gauge("uvote_database_up")
poll_failures = counter("uvote_poll_failures")
poll_age = gauge("uvote_poll_age_seconds")
breaker_open = gauge("uvote_breaker_open")
dependency_failures = counter("uvote_dependency_failures")
tokens_refused = counter("uvote_tokens_refused")

AGE_STEP = 5  # seconds
WAIT_BOUND = 5  # seconds

longest_wait = MostOfTick()
watched: list["PoolWatch"] = []


class PoolWatch:
    """How busy the connections of a pool are. Of several pools of a process the busiest is shown."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.mean = MeanOfTick()
        watched.append(self)
        looks.append(self.look)
        pool_use.read_by(lambda: max((watch.mean.read() for watch in watched), default=0.0))
        pool_wait.read_by(lambda: WAIT_BOUND * longest_wait.read())

    def look(self) -> None:
        """One look."""
        used = self.pool.get_size() - self.pool.get_idle_size()
        self.mean.note(used / self.pool.get_max_size())

    def close(self) -> None:
        """There is nothing to see any more."""
        if self in watched:
            watched.remove(self)
            looks.remove(self.look)


# What is wrong with a token, the more special kinds first.
TOKEN_REFUSALS = (
    (jwt.ExpiredSignatureError, "expired"),
    (jwt.InvalidAudienceError, "wrong-audience"),
    (jwt.InvalidSignatureError, "wrong-signature"),
)


@contextmanager
def counting_token_refusals(token: str) -> Iterator[None]:
    """Counts what the block refuses for want of a good token; `token` says whose it should be."""
    try:
        yield
    except (Unauthenticated, Forbidden) as refusal:
        tokens_refused.add(token=token, reason=_reason_of(refusal))
        raise


def _reason_of(refusal: Problem) -> str:
    """The refusals themselves tell strangers less than the errors that they were made of."""
    if isinstance(refusal, Forbidden):
        return "not-allowed"
    if "WWW-Authenticate" in refusal.headers:
        return "missing"
    error = refusal.__context__
    if not isinstance(error, jwt.InvalidTokenError):
        return "unknown-key"
    return next((reason for kind, reason in TOKEN_REFUSALS if isinstance(error, kind)), "malformed")


def note_wait(seconds: float) -> None:
    """Work has waited so long for a connection."""
    longest_wait.note(seconds / WAIT_BOUND)


@contextmanager
def measured_transaction(service: str, name: str) -> Iterator[None]:
    """Counts and times a transaction; on the ballot side nothing, as one transaction may be one ballot."""
    if service not in transactions.metric.each or side_of_work() is Side.BALLOT:
        yield
        return
    began, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    except Problem as problem:
        outcome = "failed" if problem.status >= 500 else "refused"
        raise
    finally:
        transactions.add(transaction=name, outcome=outcome)
        transaction_duration.observe(time.perf_counter() - began, transaction=name, exemplar=exemplar())


def note_call(dependency: str, *, answered: bool, is_open: Callable[[], bool]) -> None:
    """A call of another service has ended. The breaker closes with time, also when nobody calls any more."""
    side = side_of_work().value
    if not answered:
        dependency_failures.add(side=side, dependency=dependency)
    breaker_open.read_by(is_open, side=side, dependency=dependency)


class PollWatch:
    """Counts the rounds of one kind of work, and knows how old the last good one is."""

    def __init__(self, poll: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.poll = poll
        self.clock = clock
        self.done = clock()
        poll_age.read_by(lambda: (self.clock() - self.done) // AGE_STEP * AGE_STEP, poll=poll)

    def note(self, outcome: str) -> None:
        """A round has ended."""
        if outcome == "done":
            self.done = self.clock()
        else:
            poll_failures.add(poll=self.poll)
