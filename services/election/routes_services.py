"""The routes of the other services."""

from typing import Annotated

from fastapi import Path

from services.election import reporting, trusteeship
from services.election.contract import (
    InvitationFate,
    Notice,
    Report,
    Rights,
    RollSummary,
    ScheduleReport,
    Step,
    TrusteeInvitation,
    Work,
)
from services.election.metrics import OwedSteps
from services.election.trustees import TrusteeCodes
from services.shared.app import new_router, resource
from services.shared.database import Database
from services.shared.fields import ElectionId, OrganiserId, TrusteeId
from services.shared.identity import caller

router = new_router(tags=["services"])

Id = Annotated[ElectionId, Path()]


@router.get("/work")
async def list_work(
    service: Annotated[str, caller("voter", "ballot", "result")],
    database: Database = resource(Database),
    owed: OwedSteps = resource(OwedSteps),
) -> list[Work]:
    """The elections under way, with the steps that the caller owes."""
    return await reporting.list_work(database, owed, service)


@router.put("/elections/{election_id}/steps/{step}", status_code=204)
async def report_step(
    election_id: Id,
    step: Step,
    report: Report,
    service: Annotated[str, caller("voter", "ballot", "result")],
    database: Database = resource(Database),
) -> None:
    """A step done or impossible; the service that owes it alone may say so."""
    await reporting.report_step(database, service, election_id, step, report)


@router.put("/elections/{election_id}/schedule", status_code=204, dependencies=[caller("ballot")])
async def report_schedule(election_id: Id, report: ScheduleReport, database: Database = resource(Database)) -> None:
    """The instants that the board keeps."""
    await reporting.report_schedule(database, election_id, report)


@router.put("/elections/{election_id}/roll", status_code=204, dependencies=[caller("voter")])
async def report_roll(election_id: Id, summary: RollSummary, database: Database = resource(Database)) -> None:
    """The roll of a draft in numbers."""
    await reporting.report_roll(database, election_id, summary)


@router.post("/elections/{election_id}/notices", status_code=204, dependencies=[caller("voter")])
async def add_notice(election_id: Id, notice: Notice, database: Database = resource(Database)) -> None:
    """Something for the audit log."""
    await reporting.add_notice(database, election_id, notice)


@router.get("/trustee-invitations", dependencies=[caller("voter")])
async def list_trustee_invitations(
    database: Database = resource(Database), codes: TrusteeCodes = resource(TrusteeCodes)
) -> list[TrusteeInvitation]:
    """The mails to trustees that are waiting."""
    return await trusteeship.list_trustee_invitations(database, codes)


@router.put("/trustee-invitations/{trustee_id}", status_code=204, dependencies=[caller("voter")])
async def report_trustee_invitation(
    trustee_id: Annotated[TrusteeId, Path()], fate: InvitationFate, database: Database = resource(Database)
) -> None:
    """What the mail server said to one of them."""
    await trusteeship.report_trustee_invitation(database, trustee_id, fate)


@router.get("/elections/{election_id}/rights/{organiser_id}")
async def read_rights(
    election_id: Id,
    organiser_id: Annotated[OrganiserId, Path()],
    service: Annotated[str, caller("voter", "ballot", "result")],
    database: Database = resource(Database),
) -> Rights:
    """What an organiser may do with an election."""
    return await reporting.read_rights(database, service, election_id, organiser_id)
