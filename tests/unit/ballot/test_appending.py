"""What a batch of checked ballots comes to, given the board under its lock."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.ballot.appending import Batch, CheckedBallot, plan_batch
from services.ballot.board import ChainEnd
from services.ballot.contract import BALLOTS_PER_CREDENTIAL
from services.ballot.rows import BoardRow, Rival
from services.ballot.schedule import Arrival, Schedule

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPENS, CLOSES, GRACE = NOON - timedelta(hours=1), NOON + timedelta(hours=1), timedelta(seconds=30)
NEW = Rival(on_board=False, ballots=0)
BOARD = BoardRow(
    now=NOON,
    uuid="u" * 22,
    election_id="e" * 22,
    fingerprint="",
    archive_timestamp=0,
    revote_allowed=True,
    election_class="real",
    credentials=10,
    credentials_hash=b"",
    total_weight=10,
    schedule_revision=1,
    schedule_applied=True,
    schedule=Schedule(OPENS, CLOSES),
    end=ChainEnd(4, b"h" * 32, 5120),
    ballots=4,
    voted=4,
    voted_weight=4,
)


def ballot(number: int, position: int | None = None, weight: int = 1, arrived: datetime = NOON) -> CheckedBallot:
    raw = f"ballot {number}".encode()
    place = number if position is None else position
    return CheckedBallot(raw, hashlib.sha256(raw).digest(), place, weight, Arrival(arrived, arrived))


def plan(ballots: list[CheckedBallot], rivals: list[Rival] | None = None, board: BoardRow = BOARD) -> Batch:
    return plan_batch(board, ballots, rivals or [NEW] * len(ballots), GRACE)


def problems(batch: Batch) -> list[str | None]:
    return [refusal.type.rpartition(":")[2] if refusal else None for refusal in batch.refusals]


def test_a_batch_is_chained_in_the_order_of_its_trackers() -> None:
    batch = plan([ballot(number) for number in range(20)])
    links = [appended.link for appended in batch.appended]
    assert [link.payload for link in links] == sorted(link.payload or b"" for link in links)
    assert [link.height for link in links] == list(range(5, 25))
    assert [link.parent for link in links] == [b"h" * 32, *(link.hash for link in links[:-1])]
    assert links[0].archive_start == 5120
    assert problems(batch) == [None] * 20


def test_bytes_on_the_board_are_no_second_event_whatever_the_clock_says() -> None:
    closed = replace(BOARD, now=CLOSES + timedelta(days=1), schedule=replace(BOARD.schedule, ended=True))
    batch = plan([ballot(1, arrived=CLOSES + timedelta(days=1))], [Rival(on_board=True, ballots=1)], closed)
    assert batch.appended == []
    assert problems(batch) == [None]


def test_the_same_bytes_twice_in_a_batch_are_one_event() -> None:
    batch = plan([ballot(1), ballot(1)])
    assert len(batch.appended) == 1
    assert problems(batch) == [None, None]
    assert (batch.voted, batch.voted_weight) == (1, 1)


def test_weights_and_voters_are_counted_once_for_each_credential() -> None:
    ballots = [ballot(1, position=1, weight=3), ballot(2, position=1, weight=3), ballot(3, position=2, weight=5)]
    assert (plan(ballots).voted, plan(ballots).voted_weight) == (2, 8)
    again = plan(ballots, [Rival(on_board=False, ballots=1)] * 2 + [NEW])
    assert (again.voted, again.voted_weight) == (1, 5)


def test_without_revotes_only_the_first_ballot_of_a_credential_is_taken() -> None:
    final = replace(BOARD, revote_allowed=False)
    batch = plan([ballot(1), ballot(2)], [Rival(on_board=False, ballots=1), NEW], final)
    assert problems(batch) == ["already-voted", None]
    both = plan([ballot(1, position=7), ballot(2, position=7)], board=final)
    assert sorted(problems(both), key=str) == [None, "already-voted"]


def test_a_credential_casts_so_many_ballots_and_no_more() -> None:
    last, beyond = (Rival(on_board=False, ballots=BALLOTS_PER_CREDENTIAL - 1 + more) for more in (0, 1))
    assert problems(plan([ballot(1), ballot(2)], [last, beyond])) == [None, "too-many-ballots"]


@pytest.mark.parametrize(
    ("schedule", "arrived", "code"),
    [
        (Schedule(OPENS, CLOSES), OPENS - timedelta(seconds=1), "not-yet"),
        (Schedule(OPENS, NOON), NOON, "closed"),
        (Schedule(None, CLOSES), NOON, "paused"),
        (Schedule(OPENS, CLOSES, withdrawn=True), NOON, "withdrawn"),
        (Schedule(OPENS, CLOSES, ended=True), NOON, "closed"),
    ],
)
def test_the_schedule_under_the_lock_decides(schedule: Schedule, arrived: datetime, code: str) -> None:
    batch = plan([ballot(1, arrived=arrived)], board=replace(BOARD, schedule=schedule))
    assert problems(batch) == [code]
    assert batch.appended == []


def test_a_ballot_in_time_is_appended_within_the_grace_time_and_not_after_it() -> None:
    schedule = Schedule(OPENS, NOON)
    in_time = ballot(1, arrived=NOON - timedelta(seconds=1))
    for late, expected in ((GRACE, None), (GRACE + timedelta(microseconds=1), "closed")):
        board = replace(BOARD, now=NOON + late, schedule=schedule)
        assert problems(plan([in_time], board=board)) == [expected]


def test_a_refused_ballot_leaves_no_gap() -> None:
    ballots = [ballot(number) for number in range(3)]
    rivals = [NEW, Rival(on_board=False, ballots=BALLOTS_PER_CREDENTIAL), NEW]
    batch = plan(ballots, rivals)
    assert [appended.link.height for appended in batch.appended] == [5, 6]
