"""What moves a board's instants, and what ends it.

- An order of the schedule is looked at once, under the board's lock; one that comes after the close changes nothing.
- EndBallots is written when the close and the grace time after it are over, under the lock: no ballot follows it.
- A board that holds a ballot is not withdrawn.
- Killing the service after any line and starting it again ends in the same board.
"""

from datetime import timedelta

from services.ballot.board import link
from services.ballot.contract import EventType
from services.ballot.rows import BoardRow
from services.ballot.schedule import change_schedule
from services.ballot.store import COMMIT_TIMEOUT, Store
from services.election.contract import ScheduleOrder


class Closing:
    """Changes boards otherwise than by ballots."""

    def __init__(self, store: Store, grace_seconds: float) -> None:
        self.store = store
        self.grace_seconds = grace_seconds

    async def apply_schedule(self, uuid: str, order: ScheduleOrder) -> BoardRow:
        """The board after an order, whether it has changed anything or not."""
        async with self.store.database.transaction("apply_schedule") as connection:
            await self.store.lock_board(connection, uuid)
            board = await self.store.read_board(connection, uuid)
            assert board is not None  # boards are never deleted
            if board.schedule_revision >= order.revision:
                return board
            changed = change_schedule(board.schedule, order.opens, order.closes, board.now)
            await self.store.write_schedule(
                connection, uuid, changed or board.schedule, order.revision, applied=changed is not None
            )
            after = await self.store.read_board(connection, uuid)
        assert after is not None
        return after

    async def withdraw_board(self, uuid: str) -> bool:
        """Takes no ballot for this election any more; False when it has one. An election without a board gets none."""
        async with self.store.database.transaction("withdraw_board") as connection:
            await self.store.lock_board(connection, uuid)
            board = await self.store.read_board(connection, uuid)
            if board is not None and board.ballots:
                return False
            await self.store.insert_withdrawal(connection, uuid)
        return True

    async def end_boards(self) -> None:
        """Ends every board whose time is over."""
        async with self.store.database.transaction("list_boards_to_end", readonly=True) as connection:
            uuids = await self.store.list_boards_to_end(connection, self.grace_seconds)
        for uuid in uuids:
            await self.end_ballots(uuid)

    async def end_ballots(self, uuid: str) -> None:
        """Writes EndBallots, unless it is there or it is too early."""
        async with self.store.database.transaction("end_ballots") as connection:
            await self.store.lock_board(connection, uuid, COMMIT_TIMEOUT)
            board = await self.store.read_board(connection, uuid)
            assert board is not None  # boards are never deleted
            over = board.schedule.closes_at + timedelta(seconds=self.grace_seconds)
            if board.schedule.ended or board.schedule.withdrawn or board.now < over:
                return
            end = link(board.end, EventType.END_BALLOTS, None, [])
            await self.store.insert_event(connection, uuid, end, [])
            await self.store.write_end(connection, uuid, end)
