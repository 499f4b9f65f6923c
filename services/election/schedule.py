"""The two instants of an election: what a wall clock means, and how they may be moved.

Promises:
- A local time that does not exist in its zone is refused.
- A local time that the zone has twice is asked back with both readings; `fold` answers which is meant.
- The order holds one opening and one close; a change makes the next revision of both, and says something new.
- A close that was ordered for now is not taken back, and none is set before the opening or in the past.
- Voting that runs is interrupted by "pause" alone, never by an opening in the future.
- The board's word is final: what it reports takes the place of what was ordered.
"""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from services.election.contract import Draft, LocalTime, ScheduleChange, ScheduleOrder, ScheduleReport
from services.shared.problems import Conflict, Invalid

Opening = datetime | str  # an instant, "now" or "pause"
Close = datetime | str  # an instant or "now"


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def find_zone(name: str) -> ZoneInfo:
    """The IANA zone of this name; raises Invalid."""
    if name not in _zone_names():
        raise Invalid("There is no time zone of this name.", code="zone-unknown")
    return ZoneInfo(name)


def resolve(time: LocalTime, zone: ZoneInfo, field: str) -> datetime:
    """The instant, in UTC, of a wall-clock time; `field` is named when it is refused.

    Raises:
        Invalid: `time-missing` when clocks jump over it, `time-ambiguous` (with `readings`) when they show it twice
            and nobody has said which is meant, `time-malformed` when no calendar has it.
    """
    try:
        wall = datetime.fromisoformat(time.local)
        earlier, later = (_instant(wall, zone, fold) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise Invalid("No calendar has this time.", code="time-malformed", field=field) from None
    if earlier == later:
        return earlier
    if earlier.astimezone(zone).replace(tzinfo=None) != wall:
        raise Invalid("Clocks in this zone jump over this time.", code="time-missing", field=field)
    if time.fold is None:
        readings = [{"fold": 0, "instant": earlier.isoformat()}, {"fold": 1, "instant": later.isoformat()}]
        sentence = "Clocks in this zone show this time twice: say which one is meant."
        raise Invalid(sentence, code="time-ambiguous", field=field, readings=readings)
    return later if time.fold else earlier


def _instant(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def instants(draft: Draft) -> tuple[datetime | None, datetime | None]:
    """Opening and close of a draft, None where it names none; raises Invalid."""
    zone = find_zone(draft.zone)
    return (
        resolve(draft.opens, zone, "opens") if draft.opens else None,
        resolve(draft.closes, zone, "closes") if draft.closes else None,
    )


def opening_reached(order: ScheduleOrder, now: datetime) -> bool:
    """Whether voting has begun, or may begin before anybody hears of anything else."""
    return order.opens == "now" or (isinstance(order.opens, datetime) and order.opens <= now)


def change_order(
    order: ScheduleOrder, change: ScheduleChange, zone: str, now: datetime, *, opened: bool
) -> ScheduleOrder:
    """The next order. `opened`: voting has begun (it may be paused).

    Raises:
        Invalid: the change says nothing new, or something impossible.
        Conflict: the change does not fit what is ordered already.
    """
    place = find_zone(zone)
    opens = _changed_opening(order, change, place, now, opened=opened)
    closes = _changed_close(order, change, place, now, opened=opened)
    if (opens, closes) == (order.opens, order.closes):
        raise Invalid("This changes nothing.", code="nothing-to-change")
    first = now if opens == "now" else opens
    if isinstance(first, datetime) and isinstance(closes, datetime) and closes <= first:
        raise Invalid("The close must come after the opening.", code="close-before-opening")
    return ScheduleOrder(revision=order.revision + 1, opens=opens, closes=closes)


def _changed_opening(
    order: ScheduleOrder, change: ScheduleChange, zone: ZoneInfo, now: datetime, *, opened: bool
) -> Opening:
    if change.opens is None:
        return order.opens
    if change.opens == "pause":
        return "pause"
    running = opened and isinstance(order.opens, datetime) and order.opens <= now
    if running or (order.opens == "now" and change.opens != "now"):
        raise Conflict("Voting is open already; pause it first.", code="already-open")
    if change.opens == "now":
        return "now"
    opens = resolve(change.opens, zone, "opens")
    if opens <= now:
        raise Invalid("The new opening has passed.", code="opening-passed", field="opens")
    return opens


def _changed_close(
    order: ScheduleOrder, change: ScheduleChange, zone: ZoneInfo, now: datetime, *, opened: bool
) -> Close:
    if change.closes is None:
        return order.closes
    if order.closes == "now":
        raise Conflict("The close was ordered for now.", code="already-closing")
    if change.closes == "now":
        if not opened:
            raise Conflict("Voting has not begun: unseal the election instead.", code="not-open")
        return "now"
    closes = resolve(change.closes, zone, "closes")
    if closes <= now:
        raise Invalid("The new close has passed.", code="close-passed", field="closes")
    return closes


def settle(order: ScheduleOrder, report: ScheduleReport) -> ScheduleOrder:
    """The order with the instants that the board keeps, unless a later change is on its way to the board."""
    if report.revision != order.revision:
        return order
    return ScheduleOrder(revision=order.revision, opens=report.opens_at or "pause", closes=report.closes_at)


def as_it_stands(opens_at: datetime, closes_at: datetime) -> ScheduleOrder:
    """The first order of an edition."""
    return ScheduleOrder(revision=1, opens=opens_at, closes=closes_at)


# What an election that nobody will ever vote in is ordered to do.
NEVER = ScheduleOrder(revision=0, opens="pause", closes="now")
