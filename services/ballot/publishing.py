"""What is published of each board while ballots arrive: its state in whole batches of voters, at ticks.

- At a tick the numbers move to the state in which the board was when the last full batch of BATCH distinct credentials
  was complete, or not at all. What came after it, revotes too, waits for the next full batch.
- Below one batch everything is 0, and `telemetry_withheld` says that it is so for this reason.
- The state is computed from the board itself, so it survives restarts.
- Of several replicas one speaks: the one whose connection holds a lock. The others are silent about elections. While
  the database does not answer, the last numbers stand.
- Who speaks also counts again, now and then, what stands on the board, and says whether the board's counters agree.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from observability.telemetry.ticks import MANY
from services.ballot import metrics
from services.ballot.contract import Phase
from services.ballot.rows import BoardRow, Cast
from services.ballot.store_publishing import PublishingStore
from services.shared.database import UNREACHABLE, Connection, Database, DatabaseUnavailable

BATCH = MANY
PAGE = 5000
COMPARE_SECONDS = 60
COMPARE_SHARE = 20  # of a large board comparing takes seconds of the database; so many times as long it rests
AGE_STEP = 30  # seconds


@dataclass(frozen=True, slots=True)
class Turnout:
    """Numbers of a board: ballots (replaced ones too), distinct credentials, the sum of their weights."""

    ballots: int = 0
    voted: int = 0
    weight: int = 0


class Coarse:
    """A board's numbers as they may be published."""

    def __init__(self) -> None:
        self.height = 0
        self.exact = Turnout()
        self.published = Turnout()

    @property
    def withheld(self) -> bool:
        """Whether there is no full batch yet."""
        return self.published.voted == 0

    def follow(self, casts: Iterable[Cast]) -> None:
        """Takes note of the ballots that come next on the board."""
        for cast in casts:
            before = self.exact
            self.height = cast.height
            self.exact = Turnout(
                before.ballots + 1, before.voted + cast.first, before.weight + (cast.weight if cast.first else 0)
            )
            if cast.first and self.exact.voted % BATCH == 0:
                self.published = self.exact

    def is_behind(self, voted: int) -> bool:
        """Whether a board where so many have voted has a full batch more."""
        return voted // BATCH > self.published.voted // BATCH


class Comparison:
    """Whether a board's counters are what stands on it, and when that was seen."""

    def __init__(self) -> None:
        self.at = float("-inf")
        self.rest: float = COMPARE_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether it is time to compare."""
        return self.age >= self.rest

    @property
    def age(self) -> float:
        """Seconds since the last one."""
        return time.monotonic() - self.at

    def show(self, labels: Mapping[str, str], *, matches: bool, took: float) -> None:
        """What was seen now, and the seconds that it took to see."""
        self.at = time.monotonic()
        self.rest = max(COMPARE_SECONDS, COMPARE_SHARE * took)
        metrics.numbers_match.set(matches, **labels)
        metrics.numbers_age.read_by(lambda: self.age // AGE_STEP * AGE_STEP, **labels)


@dataclass
class Spoken:
    """What is spoken of one board."""

    labels: Mapping[str, str]
    coarse: Coarse = field(default_factory=Coarse)
    comparison: Comparison = field(default_factory=Comparison)

    def show(self, board: BoardRow) -> None:
        """The board as it may be shown."""
        turnout, schedule = self.coarse.published, board.schedule
        metrics.ballots_accepted.set(turnout.ballots, **self.labels)
        metrics.credentials_voted.set(turnout.voted, **self.labels)
        metrics.weight_voted.set(turnout.weight, **self.labels)
        metrics.telemetry_withheld.set(self.coarse.withheld, **self.labels)
        metrics.credentials_listed.set(board.credentials, **self.labels)
        metrics.board_opens.set(schedule.opens_at.timestamp() if schedule.opens_at else 0, **self.labels)
        metrics.board_closes.set(schedule.closes_at.timestamp(), **self.labels)
        present = schedule.phase(board.now)
        for phase in Phase:
            metrics.board_phase.set(phase is present, **self.labels, phase=phase.value)

    def forget(self) -> None:
        """The board is not spoken of any more."""
        for gauge in OF_A_BOARD:
            gauge.forget(**self.labels)
        for phase in Phase:
            metrics.board_phase.forget(**self.labels, phase=phase.value)


OF_A_BOARD = (
    metrics.ballots_accepted,
    metrics.credentials_voted,
    metrics.weight_voted,
    metrics.telemetry_withheld,
    metrics.credentials_listed,
    metrics.board_opens,
    metrics.board_closes,
    metrics.numbers_match,
    metrics.numbers_age,
)


class Publisher:
    """Speaks for the boards, if no other replica does. It keeps one connection of `database` for itself."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PublishingStore()
        self.connection: Connection | None = None
        self.boards: dict[str, Spoken] = {}

    async def round(self) -> None:
        """The tick."""
        try:
            connection = await self._connect()
            if await self.store.hold_voice(connection):
                await self._publish(connection)
            else:
                self._forget(set())
        except UNREACHABLE:
            await self.close()
            raise DatabaseUnavailable("The database does not answer.") from None

    async def close(self) -> None:
        """Lets another replica speak."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(*UNREACHABLE):
                await self.database.pool.release(connection)

    async def _connect(self) -> Connection:
        if self.connection is None:
            self.connection = await self.database.pool.acquire(timeout=5)
        return self.connection

    async def _publish(self, connection: Connection) -> None:
        boards = await self.store.list_published(connection)
        self._forget({board.uuid for board in boards})
        for board in boards:
            await self._follow(connection, board)
        for uuid, spoken in self.boards.items():
            if spoken.comparison.is_due:
                began = time.monotonic()
                matches = await self.store.compare_numbers(connection, uuid)
                spoken.comparison.show(spoken.labels, matches=matches, took=time.monotonic() - began)

    async def _follow(self, connection: Connection, board: BoardRow) -> None:
        labels = {"election": board.uuid, "election_class": board.election_class}
        spoken = self.boards.setdefault(board.uuid, Spoken(labels))
        while spoken.coarse.is_behind(board.voted):
            casts = await self.store.list_casts(connection, board.uuid, spoken.coarse.height, PAGE)
            if not casts:  # fewer than the board's counter says: the comparison tells
                break
            spoken.coarse.follow(casts)
        spoken.show(board)

    def _forget(self, kept: set[str]) -> None:
        for uuid in self.boards.keys() - kept:
            self.boards.pop(uuid).forget()
