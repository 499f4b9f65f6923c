"""When ballots are taken: the two instants, the orders that move them, and arrivals that are in doubt."""

from datetime import UTC, datetime, timedelta

import pytest

from services.ballot.contract import Phase
from services.ballot.schedule import Arrival, Schedule, change_schedule, require_in_time
from services.shared.problems import Problem

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OPENS, CLOSES = NOON, NOON + timedelta(hours=1)
SCHEDULE = Schedule(OPENS, CLOSES)


def at(instant: datetime) -> Arrival:
    return Arrival(instant, instant)


def problem(schedule: Schedule, arrival: Arrival) -> str:
    with pytest.raises(Problem) as refusal:
        require_in_time(schedule, arrival)
    return refusal.value.type.rpartition(":")[2]


@pytest.mark.parametrize(
    ("instant", "phase"),
    [
        (OPENS - TICK, Phase.NOT_YET),
        (OPENS, Phase.OPEN),
        (CLOSES - TICK, Phase.OPEN),
        (CLOSES, Phase.CLOSED),
    ],
)
def test_the_opening_belongs_to_the_voting_and_the_close_does_not(instant: datetime, phase: Phase) -> None:
    assert SCHEDULE.phase(instant) is phase


def test_a_pause_ends_with_the_close() -> None:
    paused = Schedule(None, CLOSES)
    assert paused.phase(CLOSES - TICK) is Phase.PAUSED
    assert paused.phase(CLOSES) is Phase.CLOSED


def test_a_withdrawn_board_is_never_anything_else() -> None:
    withdrawn = Schedule(OPENS, CLOSES, withdrawn=True)
    assert {withdrawn.phase(instant) for instant in (OPENS - TICK, OPENS, CLOSES)} == {Phase.WITHDRAWN}


def test_ballots_in_time_are_taken() -> None:
    for instant in (OPENS, CLOSES - TICK):
        require_in_time(SCHEDULE, at(instant))


@pytest.mark.parametrize(
    ("schedule", "instant", "code"),
    [
        (SCHEDULE, OPENS - TICK, "not-yet"),
        (SCHEDULE, CLOSES, "closed"),
        (Schedule(None, CLOSES), OPENS, "paused"),
        (Schedule(OPENS, CLOSES, withdrawn=True), OPENS, "withdrawn"),
        (Schedule(OPENS, CLOSES, ended=True), OPENS, "closed"),
    ],
)
def test_ballots_out_of_time_are_refused_by_name(schedule: Schedule, instant: datetime, code: str) -> None:
    assert problem(schedule, at(instant)) == code


def test_an_arrival_in_doubt_counts_as_too_early_or_too_late() -> None:
    assert problem(SCHEDULE, Arrival(OPENS - TICK, OPENS)) == "not-yet"
    assert problem(SCHEDULE, Arrival(CLOSES - TICK, CLOSES)) == "closed"


def test_an_arrival_is_bounded_by_what_the_monotonic_clock_measured() -> None:
    arrival = Arrival.measure(arrived=100.0, asked=103.0, now=NOON, answered=103.5)
    assert arrival == Arrival(NOON - timedelta(seconds=3.5), NOON - timedelta(seconds=3))


def test_orders_name_instants() -> None:
    later = CLOSES + timedelta(hours=1)
    assert change_schedule(SCHEDULE, OPENS, later, NOON) == Schedule(OPENS, later)


def test_now_is_the_clock_of_the_board() -> None:
    early = OPENS - timedelta(hours=1)
    assert change_schedule(SCHEDULE, "now", CLOSES, early) == Schedule(early, CLOSES)
    assert change_schedule(SCHEDULE, OPENS, "now", NOON) == Schedule(OPENS, NOON)


def test_now_leaves_an_open_board_open_since_it_was_opened() -> None:
    assert change_schedule(SCHEDULE, "now", CLOSES, OPENS + timedelta(minutes=5)) == SCHEDULE


def test_a_pause_is_resumed_at_the_clock_of_the_board() -> None:
    paused = change_schedule(SCHEDULE, "pause", CLOSES, NOON)
    assert paused == Schedule(None, CLOSES)
    resumed = NOON + timedelta(minutes=1)
    assert change_schedule(paused, "now", CLOSES, resumed) == Schedule(resumed, CLOSES)


@pytest.mark.parametrize("schedule", [SCHEDULE, Schedule(OPENS, CLOSES, ended=True), Schedule(None, CLOSES)])
def test_after_the_close_nothing_moves(schedule: Schedule) -> None:
    assert change_schedule(schedule, "now", CLOSES + timedelta(hours=1), CLOSES) is None


def test_a_withdrawn_board_does_not_move() -> None:
    assert change_schedule(Schedule(OPENS, CLOSES, withdrawn=True), "now", CLOSES, NOON) is None


def test_a_close_in_the_past_does_not_make_ballots_late_that_were_in_time() -> None:
    now = OPENS + timedelta(minutes=10)
    assert change_schedule(SCHEDULE, OPENS, OPENS + timedelta(minutes=5), now) == Schedule(OPENS, now)


def test_a_new_board_keeps_the_instants_that_it_is_given() -> None:
    assert change_schedule(None, OPENS, CLOSES, CLOSES + timedelta(days=1)) == SCHEDULE
    assert change_schedule(None, "now", CLOSES, NOON) == Schedule(NOON, CLOSES)
