"""How checked ballots come onto the board.

- Each replica collects its checked ballots and commits them in batches; a tracker is answered only after the commit.
- One transaction takes the board's lock, reads the head and the clock, applies the rules of state, time, duplicates and
  revotes, sorts the batch by tracker and appends. There is no leader: whoever has the lock goes on from the head.
- Bytes that are on the board are answered with their tracker, at any time, and never make a second event; also then the
  transaction writes to the log, so that the answer holds on the standby.
- No ballot follows EndBallots, and none is appended later than the grace time after the close.
- A ballot that the database will not take does not keep the others of its batch from the board.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from observability.telemetry.ticks import MostOfTick, steps_of
from services.ballot import metrics
from services.ballot.batching import Batches
from services.ballot.board import link
from services.ballot.contract import BALLOTS_PER_CREDENTIAL, EventType
from services.ballot.rows import BallotLink, BoardRow, Rival
from services.ballot.schedule import Arrival, require_in_time
from services.ballot.store import Store
from services.shared.problems import Conflict, Problem, Unavailable

log = structlog.get_logger()

LARGEST_BATCH = 256


@dataclass(frozen=True, slots=True)
class CheckedBallot:
    """A ballot whose signature and proofs hold, of a credential that is on the list."""

    raw: bytes
    tracker: bytes
    position: int
    weight: int
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch comes to: the ballots to append, and for each one given None or why it is refused."""

    appended: list[BallotLink]
    refusals: list[Problem | None]
    voted: int
    voted_weight: int


def admit(board: BoardRow, ballot: CheckedBallot, rival: Rival, grace: timedelta) -> None:
    """Raises Conflict or Gone when the ballot, which is not on the board, may not come onto it."""
    require_in_time(board.schedule, ballot.arrival)
    if board.now > board.schedule.closes_at + grace:
        raise Conflict("Voting has ended, and the ballot could not be stored in time.", code="closed")
    require_allowance(rival.ballots, revote_allowed=board.revote_allowed)


def require_allowance(ballots: int, *, revote_allowed: bool) -> None:
    """Raises Conflict when a credential that has cast so many ballots may cast no more."""
    if ballots and not revote_allowed:
        raise Conflict("This code has voted, and a vote cannot be changed in this election.", code="already-voted")
    if ballots >= BALLOTS_PER_CREDENTIAL:
        raise Conflict(
            f"This code has cast {BALLOTS_PER_CREDENTIAL} ballots; the last one counts.", code="too-many-ballots"
        )


def plan_batch(board: BoardRow, ballots: Sequence[CheckedBallot], rivals: Sequence[Rival], grace: timedelta) -> Batch:
    """Applies the rules to each ballot in the order of the trackers and chains those that pass."""
    refusals: list[Problem | None] = [None] * len(ballots)
    appended: dict[bytes, BallotLink] = {}
    cast: dict[int, int] = {}
    new: dict[int, int] = {}
    end = board.end
    for number in sorted(range(len(ballots)), key=lambda index: ballots[index].tracker):
        ballot, rival = ballots[number], rivals[number]
        if rival.on_board or ballot.tracker in appended:
            continue
        before = rival.ballots + cast.get(ballot.position, 0)
        try:
            admit(board, ballot, Rival(on_board=False, ballots=before), grace)
        except Problem as refusal:
            refusals[number] = refusal
            continue
        following = link(end, EventType.BALLOT, ballot.tracker, [len(ballot.raw)])
        end = following.end
        appended[ballot.tracker] = BallotLink(following, ballot.raw, ballot.position)
        cast[ballot.position] = cast.get(ballot.position, 0) + 1
        if before == 0:
            new[ballot.position] = ballot.weight
    return Batch(list(appended.values()), refusals, len(new), sum(new.values()))


class Appending:
    """The queue of each board."""

    def __init__(self, store: Store, grace_seconds: float) -> None:
        self.store = store
        self.grace = timedelta(seconds=grace_seconds)
        self.queues: dict[str, Batches[CheckedBallot, Exception | None]] = {}
        self.fullest = MostOfTick(steps_of(LARGEST_BATCH))
        self.slowness = metrics.Slowness(metrics.append_seconds)
        metrics.append_queue_use.read_by(self.fullest.read)

    async def append(self, uuid: str, ballot: CheckedBallot) -> None:
        """Returns when the ballot is on the board and committed.

        Raises:
            Conflict, Gone: the rules refuse it.
            Unavailable: whether it is on the board is not known; sending it again is safe.
        """
        queue, began = self._queue(uuid), time.monotonic()
        self.fullest.note((len(queue.waiting) + 1) / LARGEST_BATCH)
        refusal = await queue.put(ballot)
        if refusal is not None:
            raise refusal
        self.slowness.note(uuid, ballot.position, time.monotonic() - began)

    async def free_boards(self) -> None:
        """Takes the lock away from a replica that has stopped in mid-batch: nothing of its batch was committed."""
        async with self.store.database.transaction("free_boards", readonly=True) as connection:
            ended = await self.store.end_stuck_sessions(connection)
        if ended:
            log.warning("stuck_sessions_ended", sessions=ended)

    def _queue(self, uuid: str) -> Batches[CheckedBallot, Exception | None]:
        if uuid not in self.queues:

            async def carry_out(ballots: Sequence[CheckedBallot]) -> Sequence[Exception | None]:
                return await self._append_batch(uuid, ballots)

            self.queues[uuid] = Batches(carry_out, LARGEST_BATCH)
        return self.queues[uuid]

    async def _append_batch(self, uuid: str, ballots: Sequence[CheckedBallot]) -> Sequence[Exception | None]:
        try:
            return await self._commit(uuid, ballots)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # one ballot is the cause, and the others must not suffer
            log.error("batch_failed", error=type(error).__name__)  # a traceback may quote data
            return [await self._append_alone(uuid, ballot) for ballot in ballots]

    async def _append_alone(self, uuid: str, ballot: CheckedBallot) -> Exception | None:
        try:
            return (await self._commit(uuid, [ballot]))[0]
        except Exception as error:  # noqa: BLE001  # raised to the one who sent this ballot
            return error

    async def _commit(self, uuid: str, ballots: Sequence[CheckedBallot]) -> Sequence[Problem | None]:
        async with self.store.database.transaction("cast_ballot") as connection:
            await self.store.lock_board(connection, uuid)
            board = await self.store.read_board(connection, uuid)
            assert board is not None  # boards are never deleted
            names = [(ballot.tracker, ballot.position) for ballot in ballots]
            rivals = await self.store.read_rivals(connection, uuid, names)
            batch = plan_batch(board, ballots, rivals, self.grace)
            if batch.appended:
                await self.store.append_ballots(connection, uuid, batch.appended, batch.voted, batch.voted_weight)
            else:
                await self.store.mark_commit(connection)
        return batch.refusals
