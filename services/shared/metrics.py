"""What all services measure of their connections, their calls and their own work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from observability.telemetry.metrics import counter, gauge, histogram
from observability.telemetry.registry import Side
from observability.telemetry.side import side_of_work
from observability.telemetry.ticks import MostOfTick
from services.shared.problems import Problem

transactions = counter("uvote_transactions")
transaction_duration = histogram("uvote_transaction_duration_seconds")
pool_use = gauge("uvote_database_pool_use")
database_up = gauge("uvote_database_up")
polls = counter("uvote_polls")
poll_age = gauge("uvote_poll_age_seconds")
breaker_open = gauge("uvote_breaker_open")
dependency_failures = counter("uvote_dependency_failures")

busiest = MostOfTick()


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
        transaction_duration.observe(time.perf_counter() - began, transaction=name)


def note_call(dependency: str, *, answered: bool, is_open: bool) -> None:
    """A call of another service has ended."""
    side = side_of_work().value
    if not answered:
        dependency_failures.add(side=side, dependency=dependency)
    breaker_open.set(is_open, side=side, dependency=dependency)


class PollWatch:
    """Counts the rounds of one kind of work, and knows how old the last good one is."""

    def __init__(self, poll: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.poll = poll
        self.clock = clock
        self.done = clock()
        poll_age.read_by(lambda: round(self.clock() - self.done, 1), poll=poll)

    def note(self, outcome: str) -> None:
        """A round has ended."""
        if outcome == "done":
            self.done = self.clock()
        polls.add(poll=self.poll, outcome=outcome)
