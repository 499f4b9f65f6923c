"""What is published of each board while ballots arrive: its state in whole batches of voters, at ticks.

- At a tick the numbers move to the state in which the board was when the last full batch of BATCH distinct credentials
  was complete, or not at all. What came after it, revotes too, waits for the next full batch.
- Below one batch everything is 0, and `telemetry_withheld` says that it is so for this reason.
- The state is computed from the board itself, so it survives restarts.
- Of several replicas one speaks: the one whose connection holds a lock. The others are silent about elections.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from services.ballot import metrics
from services.ballot.contract import Phase
from services.ballot.rows import BoardRow, Cast
from services.ballot.store_publishing import PublishingStore
from services.shared.database import UNREACHABLE, Connection, Database, DatabaseUnavailable

BATCH = 10
PAGE = 5000


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


class Publisher:
    """Speaks for the boards, if no other replica does. It keeps one connection of `database` for itself."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PublishingStore()
        self.connection: Connection | None = None
        self.boards: dict[tuple[str, str], Coarse] = {}

    async def round(self) -> None:
        """The tick."""
        try:
            if await self._may_speak():
                await self._publish()
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

    async def _may_speak(self) -> bool:
        if self.connection is None:
            self.connection = await self.database.pool.acquire(timeout=5)
        return await self.store.hold_voice(self.connection)

    async def _publish(self) -> None:
        assert self.connection is not None
        boards = await self.store.list_published(self.connection)
        self._forget({(board.uuid, board.election_class) for board in boards})
        for board in boards:
            coarse = self.boards.setdefault((board.uuid, board.election_class), Coarse())
            while coarse.is_behind(board.voted):
                coarse.follow(await self.store.list_casts(self.connection, board.uuid, coarse.height, PAGE))
            _show(board, coarse)

    def _forget(self, kept: set[tuple[str, str]]) -> None:
        for uuid, election_class in self.boards.keys() - kept:
            del self.boards[uuid, election_class]
            labels = {"election": uuid, "election_class": election_class}
            for gauge in (*TURNOUT, *STATE):
                gauge.forget(**labels)
            for phase in Phase:
                metrics.board_phase.forget(**labels, phase=phase.value)


TURNOUT = (metrics.ballots_accepted, metrics.credentials_voted, metrics.weight_voted)
STATE = (metrics.telemetry_withheld, metrics.credentials_listed, metrics.board_opens, metrics.board_closes)


def _show(board: BoardRow, coarse: Coarse) -> None:
    labels = {"election": board.uuid, "election_class": board.election_class}
    turnout = coarse.published
    for gauge, number in zip(TURNOUT, (turnout.ballots, turnout.voted, turnout.weight), strict=True):
        gauge.set(number, **labels)
    metrics.telemetry_withheld.set(coarse.withheld, **labels)
    metrics.credentials_listed.set(board.credentials, **labels)
    schedule = board.schedule
    metrics.board_opens.set(schedule.opens_at.timestamp() if schedule.opens_at else 0, **labels)
    metrics.board_closes.set(schedule.closes_at.timestamp(), **labels)
    present = schedule.phase(board.now)
    for phase in Phase:
        metrics.board_phase.set(phase is present, **labels, phase=phase.value)
