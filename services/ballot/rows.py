"""What the statements of the board take and give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from services.ballot.board import ChainEnd, Link
from services.ballot.schedule import Schedule


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A board as it is stored, and the database's clock when it was read."""

    now: datetime
    uuid: str
    election_id: str
    fingerprint: str
    archive_timestamp: int
    revote_allowed: bool
    election_class: str
    credentials: int
    credentials_hash: bytes
    total_weight: int
    schedule_revision: int
    schedule_applied: bool
    schedule: Schedule
    end: ChainEnd
    ballots: int
    voted: int
    voted_weight: int

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of BOARD_COLUMNS."""
        given = dict(row)
        names = ("opens_at", "closes_at", "withdrawn", "ended")
        schedule = Schedule(*(given.pop(name) for name in names))
        end = ChainEnd(*(given.pop(name) for name in ("height", "head", "archive_bytes")))
        return cls(**given, schedule=schedule, end=end)


@dataclass(frozen=True, slots=True)
class CastQuestion:
    """What must be known of a ballot before it is checked."""

    uuid: str
    tracker: bytes
    digest: bytes
    arrived: float  # of the monotonic clock


@dataclass(frozen=True, slots=True)
class CastAnswer:
    """What the board says to that. `asked` and `answered` are the monotonic clock before and after `now`."""

    now: datetime
    asked: float
    answered: float
    on_board: bool
    position: int | None
    weight: int | None
    ballots: int
    revote_allowed: bool
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Rival:
    """What stands on the board of a ballot that is to be appended."""

    on_board: bool
    ballots: int


@dataclass(frozen=True, slots=True)
class BallotLink:
    """A ballot's event with what is stored beside it."""

    link: Link
    raw: bytes
    position: int


@dataclass(frozen=True, slots=True)
class Cast:
    """A ballot on the board, by what is counted of it: `first` of its credential, and that one's weight."""

    height: int
    first: bool
    weight: int
