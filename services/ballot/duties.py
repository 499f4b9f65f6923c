"""What `ballot` does by itself, as `election` has it on its list: set up, withdraw, move, report.

- Every step can be repeated, and two replicas may do it at the same time: the board's lock decides.
- An election that cannot be worked on does not hold up the others.
- Boards end by the database's clock, whether `election` answers or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from services.ballot.closing import Closing
from services.ballot.contract import Phase
from services.ballot.elections import Elections
from services.ballot.proofs import ProofPool, WorkerLost
from services.ballot.rows import BoardRow
from services.ballot.setup import SettingUp, UnusableDefinition, read_definition
from services.ballot.store import Store
from services.election.client import ElectionClient
from services.election.contract import Report, ScheduleReport, Step, Work
from services.shared.client import Refused
from services.shared.problems import Unavailable

log = structlog.get_logger()

Facts = dict[str, str | int]


def step_instant(step: Step, board: BoardRow) -> datetime | None:
    """When the clock has done a step; None while it has not."""
    schedule = board.schedule
    phase = schedule.phase(board.now)
    if step is Step.OPEN_BOARD and phase in {Phase.OPEN, Phase.CLOSED}:
        return schedule.opens_at or schedule.closes_at
    if step is Step.CLOSE_BOARD and phase is Phase.CLOSED:
        return schedule.closes_at
    return None


@dataclass
class Duties:
    """The rounds. `reported` holds the revision of each board's schedule that was reported by this process."""

    election: ElectionClient
    store: Store
    setting_up: SettingUp
    closing: Closing
    elections: Elections
    proofs: ProofPool
    reported: dict[str, int] = field(default_factory=dict)

    async def round(self) -> None:
        """Looks at every election that `election` names."""
        works = await self.election.list_work()
        self.elections.tests = frozenset(work.uuid for work in works if work.election_class == "test")
        boards = await self._read_boards([work.uuid for work in works])
        for work in works:
            try:
                await self._work(work, boards.get(work.uuid))
            except Refused as refusal:
                log.warning("work_refused", problem=refusal.type)
            except (Unavailable, WorkerLost):
                log.warning("work_waits")

    async def _read_boards(self, uuids: list[str]) -> Mapping[str, BoardRow]:
        async with self.store.database.transaction("read_boards", readonly=True) as connection:
            return await self.store.read_boards(connection, uuids)

    async def _work(self, work: Work, board: BoardRow | None) -> None:
        if Step.WITHDRAW_BOARD in work.steps:
            await self._withdraw(work)
        elif Step.SET_UP_BOARD in work.steps:
            await self._set_up(work)
        elif board is not None:
            board = await self._keep_schedule(work, board)
            await self._report_steps(work, board)
            if not board.schedule.ended:
                await self.proofs.warm(await self.elections.find(work.uuid))

    async def _withdraw(self, work: Work) -> None:
        if await self.closing.withdraw_board(work.uuid):
            await self._report(work, Step.WITHDRAW_BOARD, {})
        else:
            await self._report_problem(work, Step.WITHDRAW_BOARD, "Voting has begun.")

    async def _set_up(self, work: Work) -> None:
        if not await self.setting_up.is_list_sealed(work.uuid):
            return
        try:
            raw = await self.election.read_definition(work.uuid)
            trustees = await self.election.read_trustees(work.uuid)
            board = await self.setting_up.set_up_board(work, read_definition(work.uuid, raw, trustees))
        except UnusableDefinition as problem:
            await self._report_problem(work, Step.SET_UP_BOARD, str(problem))
            return
        if board is not None:
            facts: Facts = {"event": await self._hash_at(board, 0), "credentials": board.credentials_hash.hex()}
            await self._report(work, Step.SET_UP_BOARD, facts)

    async def _keep_schedule(self, work: Work, board: BoardRow) -> BoardRow:
        """Applies an order that the board has not looked at; reports what resulted, once and after each start."""
        if work.schedule.revision > board.schedule_revision:
            board = await self.closing.apply_schedule(work.uuid, work.schedule)
        if self.reported.get(work.uuid) != board.schedule_revision:
            report = ScheduleReport(
                uuid=work.uuid,
                revision=board.schedule_revision,
                applied=board.schedule_applied,
                opens_at=board.schedule.opens_at,
                closes_at=board.schedule.closes_at,
            )
            await self.election.report_schedule(work.election_id, report)
            self.reported[work.uuid] = board.schedule_revision
        return board

    async def _report_steps(self, work: Work, board: BoardRow) -> None:
        for step in work.steps:
            at = step_instant(step, board)
            if at is not None:
                await self._report(work, step, {"at": at.isoformat()})
            elif step is Step.END_BALLOTS and board.schedule.ended:
                height = board.ballots + 1
                await self._report(work, step, {"event": await self._hash_at(board, height), "height": height})

    async def _hash_at(self, board: BoardRow, height: int) -> str:
        async with self.store.database.transaction("read_event", readonly=True) as connection:
            _, digest = await self.store.read_event(connection, board.uuid, height)
        return digest.hex()

    async def _report(self, work: Work, step: Step, facts: Facts) -> None:
        await self.election.report_step(work.election_id, step, Report(uuid=work.uuid, facts=facts))

    async def _report_problem(self, work: Work, step: Step, problem: str) -> None:
        report = Report(uuid=work.uuid, done=False, problem=problem[:300])
        await self.election.report_step(work.election_id, step, report)
