"""What the other services ask and report.

Promises:
- A service reports only steps that it owes itself.
- A report that is repeated, however late, is answered as it was the first time and recorded once.
- The instants that the board reports are those of the election; a change that came too late becomes a problem.
- A draft that came back from unsealing has a new uuid; the old one is dead from the same moment.
"""

from dataclasses import replace

from services.election import lifecycle
from services.election.acts import Act, service_acts, unknown
from services.election.contract import Notice, Report, Rights, RollSummary, ScheduleReport, State, Step, Work
from services.election.lifecycle import OWED, Life
from services.election.metrics import OwedSteps
from services.election.schedule import instants, settle
from services.election.store import Store, StoredElection
from services.election.views import view_rights, view_work
from services.shared.database import Database
from services.shared.fields import json_of
from services.shared.problems import Conflict, Forbidden
from services.voting.election import generate_uuid

TOO_LATE = "The board had closed before the change of the schedule reached it."


async def list_work(database: Database, owed: OwedSteps, service: str) -> list[Work]:
    """Every election from sealing to decrypted, and those others in which the service owes a step."""
    async with database.transaction("list_work", readonly=True) as connection:
        elections = await Store(connection).list_under_way()
    owed.note(
        (step.value, election.draft.election_class, election.life.uuid)
        for election in elections
        for step in lifecycle.owed(election.life)
    )
    works = [view_work(election, service) for election in elections]
    return [work for work in works if work.steps or work.state not in {State.DRAFT, State.PUBLISHED, State.ARCHIVED}]


async def report_step(database: Database, service: str, election_id: str, step: Step, report: Report) -> None:
    """One step done or impossible."""
    if OWED[step] != service:
        raise Forbidden("This step is owed by another service.")
    async with service_acts(database, step.value, service, election_id) as act:
        if report.uuid != act.life.uuid and await act.store.read_report(election_id, report.uuid, step) == report:
            return
        before = act.election
        life = lifecycle.accept(before.life, step, report, new_uuid=generate_uuid())
        if life is before.life:
            return
        if before.life.discarded and life.state is State.ARCHIVED:
            await act.store.delete_election(election_id)
            return
        await act.store.save_report(election_id, step, report)
        await act.save(await _lived(act, before, life))
        await act.record({**json_of(report), "state": life.state.value})


async def _lived(act: Act, before: StoredElection, life: Life) -> StoredElection:
    """The election with its new life; with a new uuid it forgets all that was sealed."""
    if life.uuid == before.life.uuid:
        return replace(before, life=life)
    await act.store.insert_withdrawn(before.life.uuid)
    opens_at, closes_at = instants(before.draft)
    return replace(
        before,
        life=life,
        opens_at=opens_at,
        closes_at=closes_at,
        order=None,
        applied_revision=0,
        fingerprint=None,
    )


async def report_schedule(database: Database, election_id: str, report: ScheduleReport) -> None:
    """What the board keeps since it applied, or could not apply, a revision."""
    async with service_acts(database, "report_schedule", "ballot", election_id) as act:
        before = act.election
        if before.order is None or report.uuid != before.life.uuid:
            raise Conflict("The report is about an edition that was withdrawn.", code="other-edition")
        if report.revision > before.order.revision:
            raise Conflict("There is no such revision of the schedule.", code="unknown-revision")
        if report.revision <= before.applied_revision:
            return
        life = before.life if report.applied else replace(before.life, problem=TOO_LATE, problem_of=None)
        after = replace(
            before,
            life=life,
            opens_at=report.opens_at,
            closes_at=report.closes_at,
            order=settle(before.order, report),
            applied_revision=report.revision,
        )
        await act.save(after)
        await act.record(json_of(report))


async def report_roll(database: Database, election_id: str, summary: RollSummary) -> None:
    """The roll in numbers, while it may be changed: `voter` lets go of it before it reports the unsealing done."""
    async with service_acts(database, "report_roll", "voter", election_id) as act:
        if act.life.roll == summary:
            return
        lifecycle.require(act.life, State.DRAFT, State.UNSEALING)
        await act.enter(replace(act.life, roll=summary))


async def add_notice(database: Database, election_id: str, notice: Notice) -> None:
    """Something for the audit log; it was done, whatever has become of that edition since."""
    async with service_acts(database, notice.action, "voter", election_id) as act:
        if await act.store.insert_notice(act.election, notice):
            await act.record({**notice.facts, "uuid": notice.uuid})


async def read_rights(database: Database, service: str, election_id: str, organiser_id: str) -> Rights:
    """What the organiser may do."""
    async with database.transaction("read_rights", readonly=True) as connection:
        election = await Store(connection).read_election(election_id)
    if election is None or election.life.discarded:
        raise unknown()
    return view_rights(election, organiser_id, service)
