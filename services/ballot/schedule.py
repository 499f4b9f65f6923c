"""When ballots are taken: pure rules over the board's two instants and the database's clock.

- A ballot is in time when its request certainly arrived at or after `opens_at` and before `closes_at`.
- `opens_at` None is a pause: nothing is taken, and what was under way is refused and may be sent again.
- "now" is the database's clock under the board's lock; "now" does not move the opening of a board that is open.
- Once the close is reached the schedule does not change any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from services.ballot.contract import Phase
from services.shared.problems import Conflict, Gone, Problem


@dataclass(frozen=True, slots=True)
class Schedule:
    """The two instants, and what else decides whether ballots are taken."""

    opens_at: datetime | None
    closes_at: datetime
    withdrawn: bool = False
    ended: bool = False

    def phase(self, now: datetime) -> Phase:
        """Whether ballots that arrive now are taken."""
        if self.withdrawn:
            return Phase.WITHDRAWN
        if self.ended or now >= self.closes_at:
            return Phase.CLOSED
        if self.opens_at is None:
            return Phase.PAUSED
        return Phase.OPEN if now >= self.opens_at else Phase.NOT_YET


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request arrived by the database's clock: certainly not before `earliest` nor after `latest`."""

    earliest: datetime
    latest: datetime

    @classmethod
    def measure(cls, arrived: float, asked: float, now: datetime, answered: float) -> Self:
        """The database looked at its clock (`now`) between two readings of our monotonic clock, `asked` and `answered`.

        Nothing is assumed of this machine's clock but that seconds pass on it, and no remembered offset can be stale. A
        request whose arrival is in doubt, by the time that one question takes, counts as too early or too late.
        """
        return cls(now - timedelta(seconds=answered - arrived), now - timedelta(seconds=asked - arrived))


REFUSALS: dict[Phase, tuple[type[Problem], str, str]] = {
    Phase.NOT_YET: (Conflict, "not-yet", "Voting has not begun yet."),
    Phase.PAUSED: (Conflict, "paused", "Voting is interrupted. Please come back later."),
    Phase.CLOSED: (Conflict, "closed", "Voting has ended."),
    Phase.WITHDRAWN: (Gone, "withdrawn", "This election was withdrawn. Please use your latest invitation."),
}


def require_in_time(schedule: Schedule, arrival: Arrival) -> None:
    """Raises Conflict or Gone unless the ballot certainly arrived while ballots are taken."""
    for instant in (arrival.latest, arrival.earliest):
        phase = schedule.phase(instant)
        if phase is not Phase.OPEN:
            refusal, code, sentence = REFUSALS[phase]
            raise refusal(sentence, code=code)


def change_schedule(
    schedule: Schedule | None,
    opens: datetime | Literal["now", "pause"],
    closes: datetime | Literal["now"],
    now: datetime,
) -> Schedule | None:
    """The schedule after an order; None when the close was reached before. `schedule` None: the board is new."""
    if schedule is not None and (schedule.ended or schedule.withdrawn or now >= schedule.closes_at):
        return None
    closes_at = now if closes == "now" else closes
    if schedule is not None:
        closes_at = max(closes_at, now)  # what was accepted before the order came stays in time
    return Schedule(_opening(schedule, opens, now), closes_at)


def _opening(schedule: Schedule | None, opens: datetime | Literal["now", "pause"], now: datetime) -> datetime | None:
    if opens == "pause":
        return None
    if opens != "now":
        return opens
    opened = schedule.opens_at if schedule else None
    return opened if opened is not None and opened <= now else now
