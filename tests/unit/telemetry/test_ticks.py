"""What moves at ticks: nothing before the tick is over, and nothing that one ballot could have done."""

import pytest

from observability.telemetry.metrics import Metrics, counter, measuring
from observability.telemetry.registry import Side
from observability.telemetry.side import on_side
from observability.telemetry.ticks import MANY, ManyOfTick, MeanOfTick, MostOfTick, steps_of
from tests.unit.telemetry.ticking import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(metrics: Metrics, name: str) -> float:
    """The sum of a counter's series, as a scrape finds it."""
    samples = [sample for family in metrics.collectors.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name)


def test_the_most_of_a_tick_is_shown_when_it_is_over_and_for_one_tick(clock: Clock) -> None:
    most = MostOfTick(clock=clock)
    for ratio in (0.3, 0.79, 0.1):
        most.note(ratio)
    assert most.read() == 0
    clock.tick()
    assert most.read() == 0.7
    clock.tick()
    assert most.read() == 0


def test_a_tick_in_which_nobody_looked_is_not_shown_late(clock: Clock) -> None:
    most, mean, many = MostOfTick(clock=clock), MeanOfTick(clock=clock), ManyOfTick(clock=clock)
    most.note(1)
    mean.note(1)
    for name in range(MANY):
        many.note(name, 1)
    clock.tick()
    clock.tick()
    assert (most.read(), mean.read(), many.read(10)) == (0, 0, 0)


def test_three_tenths_are_three_steps(clock: Clock) -> None:
    most = MostOfTick(clock=clock)
    most.note(0.1 + 0.2)
    most.note(0.29999999999999998)
    clock.tick()
    assert most.read() == 0.3


@pytest.mark.parametrize(("bound", "steps"), [(1000, 10), (256, 10), (99, 9), (10, 1), (9, 0), (1, 0)])
def test_a_step_of_a_queue_is_no_fewer_than_ten_ballots(bound: int, steps: int, clock: Clock) -> None:
    assert steps_of(bound) == steps
    most = MostOfTick(steps_of(bound), clock=clock)
    most.note(min(bound, MANY - 1) / bound)
    clock.tick()
    assert most.read() == 0


def test_what_is_short_does_not_show_in_the_mean(clock: Clock) -> None:
    mean = MeanOfTick(clock=clock)
    for look in range(60):
        mean.note(float(look == 30))
    clock.tick()
    assert mean.read() == 0
    for _ in range(60):
        mean.note(0.45)
    clock.tick()
    assert mean.read() == 0.4


def test_times_are_shown_only_when_ten_different_ones_took_so_long(clock: Clock) -> None:
    many = ManyOfTick(clock=clock)
    for name in [*range(MANY - 1), 0, 0, 0]:
        many.note(name, 0.9)
    clock.tick()
    assert many.read(30) == 0
    for name in range(MANY):
        many.note(name, 0.5 + name / 100)
    clock.tick()
    assert many.read(30) == 0.5


def test_refusals_are_shown_at_the_tick(clock: Clock) -> None:
    with measuring("ballot", clock) as metrics:
        for _ in range(3):
            counter("uvote_casts_refused").add(reason="closed", election_class="real")
        assert shown(metrics, "uvote_casts_refused_total") == 0
        clock.tick(10)
        assert shown(metrics, "uvote_casts_refused_total") == 3
        clock.tick(10)
        assert shown(metrics, "uvote_casts_refused_total") == 3


def test_on_the_ballot_side_requests_are_shown_in_tens_and_on_the_other_one_by_one(clock: Clock) -> None:
    requests = counter("uvote_http_requests")
    with measuring("frontend", clock) as metrics:
        with on_side(Side.BALLOT):
            for _ in range(19):
                requests.add(action="show_ballot", method="GET", status="2xx")
        clock.tick()
        assert shown(metrics, "uvote_http_requests_total") == 10
        with on_side(Side.IDENTITY):
            requests.add(action="list_elections", method="GET", status="2xx")
        assert shown(metrics, "uvote_http_requests_total") == 11
        with on_side(Side.BALLOT):
            requests.add(action="show_ballot", method="GET", status="2xx")
        clock.tick()
        assert shown(metrics, "uvote_http_requests_total") == 21
