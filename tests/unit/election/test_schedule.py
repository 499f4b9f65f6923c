"""The promises of `schedule`, in its words, in zones whose clocks jump in different ways."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from services.election.contract import Draft, LocalTime, ScheduleChange, ScheduleOrder, ScheduleReport
from services.election.schedule import change_order, find_zone, instants, opening_reached, resolve, settle
from services.shared.problems import Conflict, Invalid, Problem


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instant(zone: str, local: str, fold: Literal[0, 1] | None = None) -> datetime:
    return resolve(LocalTime(local=local, fold=fold), find_zone(zone), "opens")


def problem(caught: pytest.ExceptionInfo[Problem]) -> str:
    return caught.value.type.rpartition(":")[2]


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("UTC", "2026-11-20T09:00", "2026-11-20T09:00"),
        ("Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("America/New_York", "2026-07-04T12:00", "2026-07-04T16:00"),
        ("Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15"),
        ("Pacific/Kiritimati", "2026-01-01T00:00", "2025-12-31T10:00"),
    ],
)
def test_a_local_time_is_an_instant(zone: str, local: str, expected: str) -> None:
    assert instant(zone, local) == at(expected)


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        ("Europe/Berlin", "2026-03-29T02:00"),
        ("Europe/Berlin", "2026-03-29T02:59:59"),
        ("America/New_York", "2026-03-08T02:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:15"),  # jumps by half an hour
        ("Africa/Cairo", "2026-04-24T00:30"),  # jumps at midnight
        ("Pacific/Apia", "2011-12-30T12:00"),  # a whole day that never was
    ],
)
def test_a_local_time_that_does_not_exist_is_refused(zone: str, local: str) -> None:
    for fold in (None, 0, 1):
        with pytest.raises(Invalid) as caught:
            instant(zone, local, fold)
        assert problem(caught) == "time-missing"
        assert caught.value.members == {"field": "opens"}


@pytest.mark.parametrize(
    ("zone", "local", "earlier", "later"),
    [
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("America/New_York", "2026-11-01T01:00", "2026-11-01T05:00", "2026-11-01T06:00"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", "2026-04-04T15:15"),
        ("Europe/Dublin", "2026-10-25T01:30", "2026-10-25T00:30", "2026-10-25T01:30"),  # winter is its summer time
    ],
)
def test_an_ambiguous_time_is_asked_back_with_both_readings_and_answered_by_fold(
    zone: str, local: str, earlier: str, later: str
) -> None:
    with pytest.raises(Invalid) as caught:
        instant(zone, local)
    assert problem(caught) == "time-ambiguous"
    readings = caught.value.members["readings"]
    assert [(each["fold"], datetime.fromisoformat(each["instant"])) for each in readings] == [
        (0, at(earlier)),
        (1, at(later)),
    ]
    assert (instant(zone, local, 0), instant(zone, local, 1)) == (at(earlier), at(later))


@pytest.mark.parametrize(
    ("zone", "local"),
    [("Europe/Berlin", "2026-10-25T02:00"), ("Europe/Berlin", "2026-10-25T02:59:59")],
)
def test_both_ends_of_the_doubled_hour_are_ambiguous(zone: str, local: str) -> None:
    with pytest.raises(Invalid):
        instant(zone, local)


@pytest.mark.parametrize(
    ("local", "zone"), [("2026-10-25T01:59:59", "Europe/Berlin"), ("2026-10-25T03:00", "Europe/Berlin")]
)
def test_fold_is_passed_over_where_nothing_is_ambiguous(local: str, zone: str) -> None:
    assert instant(zone, local, 0) == instant(zone, local, 1) == instant(zone, local)


@pytest.mark.parametrize("local", ["2026-02-30T10:00", "2026-13-01T10:00", "0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_time_of_no_calendar_is_refused(local: str) -> None:
    with pytest.raises(Invalid) as caught:
        instant("Asia/Tokyo" if local[0] == "0" else "America/New_York", local)
    assert problem(caught) == "time-malformed"


@pytest.mark.parametrize("name", ["", "Mars/Phobos", "Europe", "../UTC", "/etc/localtime", "europe/berlin", "x" * 64])
def test_a_zone_that_iana_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        instants(Draft(name="x", zone=name))
    assert problem(caught) == "zone-unknown"


OPENS, CLOSES = at("2026-11-21T08:00"), at("2026-11-21T18:00")
ORDER = ScheduleOrder(revision=3, opens=OPENS, closes=CLOSES)
BEFORE, DURING = OPENS - timedelta(hours=1), OPENS + timedelta(hours=1)


def utc(instant: datetime) -> LocalTime:
    return LocalTime(local=instant.strftime("%Y-%m-%dT%H:%M:%S"))


def changed(order: ScheduleOrder, now: datetime, **change: Any) -> tuple[object, object]:
    """The next order's two instants; voting has begun if it is not `BEFORE`."""
    change_made = ScheduleChange(reason="a test", **change)
    following = change_order(order, change_made, "UTC", now, opened=now > BEFORE)
    assert following.revision == order.revision + 1
    return following.opens, following.closes


PAUSED = ORDER.model_copy(update={"opens": "pause"})
OPENING = ORDER.model_copy(update={"opens": "now"})
CLOSING = ORDER.model_copy(update={"closes": "now"})
LATER = CLOSES + timedelta(hours=2)


@pytest.mark.parametrize(
    ("order", "now", "change", "expected"),
    [
        (ORDER, BEFORE, {"opens": "now"}, ("now", CLOSES)),
        (ORDER, BEFORE, {"opens": utc(DURING)}, (DURING, CLOSES)),
        (ORDER, BEFORE, {"opens": "pause"}, ("pause", CLOSES)),
        (ORDER, BEFORE, {"opens": utc(DURING), "closes": utc(LATER)}, (DURING, LATER)),
        (ORDER, DURING, {"opens": "pause"}, ("pause", CLOSES)),
        (ORDER, DURING, {"closes": utc(LATER)}, (OPENS, LATER)),
        (ORDER, DURING, {"closes": utc(DURING + timedelta(hours=1))}, (OPENS, DURING + timedelta(hours=1))),
        (ORDER, DURING, {"closes": "now"}, (OPENS, "now")),
        (PAUSED, DURING, {"opens": "now"}, ("now", CLOSES)),
        (PAUSED, DURING, {"opens": utc(DURING + timedelta(hours=1))}, (DURING + timedelta(hours=1), CLOSES)),
        (PAUSED, DURING, {"closes": utc(LATER)}, ("pause", LATER)),
        (OPENING, DURING, {"closes": utc(LATER)}, ("now", LATER)),
        (OPENING, DURING, {"opens": "pause"}, ("pause", CLOSES)),
        (CLOSING, DURING, {"opens": "pause"}, ("pause", "now")),
    ],
)
def test_a_change_makes_the_next_revision_of_both_instants(
    order: ScheduleOrder, now: datetime, change: dict[str, Any], expected: tuple[object, object]
) -> None:
    assert changed(order, now, **change) == expected


@pytest.mark.parametrize(
    ("order", "now", "change", "kind", "code"),
    [
        (ORDER, DURING, {}, Invalid, "nothing-to-change"),
        (PAUSED, DURING, {"opens": "pause"}, Invalid, "nothing-to-change"),
        (OPENING, DURING, {"opens": "now"}, Invalid, "nothing-to-change"),
        (ORDER, DURING, {"closes": utc(CLOSES)}, Invalid, "nothing-to-change"),
        (ORDER, DURING, {"opens": "now"}, Conflict, "already-open"),
        (ORDER, DURING, {"opens": utc(LATER)}, Conflict, "already-open"),
        (OPENING, DURING, {"opens": utc(LATER)}, Conflict, "already-open"),
        (ORDER, BEFORE, {"opens": utc(BEFORE)}, Invalid, "opening-passed"),
        (ORDER, BEFORE, {"opens": utc(CLOSES)}, Invalid, "close-before-opening"),
        (ORDER, BEFORE, {"closes": utc(OPENS)}, Invalid, "close-before-opening"),
        (ORDER, BEFORE, {"closes": "now"}, Conflict, "not-open"),
        (ORDER, DURING, {"closes": utc(DURING)}, Invalid, "close-passed"),
        (CLOSING, DURING, {"closes": utc(LATER)}, Conflict, "already-closing"),
        (CLOSING, DURING, {"closes": "now"}, Conflict, "already-closing"),
    ],
)
def test_a_change_that_is_impossible_is_refused(
    order: ScheduleOrder, now: datetime, change: dict[str, Any], kind: type[Problem], code: str
) -> None:
    with pytest.raises(kind) as caught:
        changed(order, now, **change)
    assert problem(caught) == code


def test_a_changed_time_is_resolved_in_the_elections_zone() -> None:
    change = ScheduleChange(closes=LocalTime(local="2026-11-21T20:00"), reason="longer")
    assert change_order(ORDER, change, "Europe/Berlin", DURING, opened=True).closes == at("2026-11-21T19:00")


@pytest.mark.parametrize(
    ("order", "now", "reached"),
    [(ORDER, BEFORE, False), (ORDER, OPENS, True), (PAUSED, DURING, False), (OPENING, BEFORE, True)],
)
def test_the_opening_is_reached_when_voting_may_have_begun(
    order: ScheduleOrder,
    now: datetime,
    reached: bool,
) -> None:
    assert opening_reached(order, now) is reached


@pytest.mark.parametrize(("opens_at", "opens"), [(DURING, DURING), (None, "pause")])
def test_what_the_board_reports_takes_the_place_of_what_was_ordered(
    opens_at: datetime | None, opens: datetime | str
) -> None:
    report = ScheduleReport(uuid="1" * 22, revision=3, applied=True, opens_at=opens_at, closes_at=LATER)
    assert settle(OPENING, report) == ScheduleOrder(revision=3, opens=opens, closes=LATER)


def test_a_later_change_on_its_way_is_not_overwritten_by_an_older_report() -> None:
    report = ScheduleReport(uuid="1" * 22, revision=2, applied=True, opens_at=DURING, closes_at=CLOSES)
    assert settle(CLOSING, report) is CLOSING
