"""The routes of organisers; see also routes_services and routes_public. Strangers are told 404, not 403."""

from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import StreamingResponse

from services.election import drafting, publishing, running
from services.election.contract import (
    AuditPage,
    Checklist,
    Confirmations,
    Election,
    ElectionSummary,
    NewElection,
    NewTrustee,
    Replacement,
    ScheduleChange,
    TrusteeView,
)
from services.shared.app import new_router, resource
from services.shared.database import Database
from services.shared.fields import ElectionId, TrusteeId
from services.shared.identity import SignedInOrganiser

router = new_router(prefix="/elections", tags=["organisers"])

Id = Annotated[ElectionId, Path()]


@router.post("", status_code=201)
async def create_election(
    new: NewElection, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """A new draft, owned by the organiser."""
    return await drafting.create_election(database, organiser, new)


@router.get("")
async def list_elections(
    organiser: SignedInOrganiser, database: Database = resource(Database)
) -> list[ElectionSummary]:
    """The organiser's elections, newest first."""
    return await drafting.list_elections(database, organiser)


@router.get("/{election_id}")
async def read_election(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """One election."""
    return await drafting.read_election(database, organiser, election_id)


@router.put("/{election_id}/draft")
async def replace_draft(
    election_id: Id, replacement: Replacement, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """A new draft in place of the one that the organiser has seen."""
    return await drafting.replace_draft(database, organiser, election_id, replacement)


@router.delete("/{election_id}", status_code=204)
async def delete_election(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> None:
    """Deletes a draft and everything about it."""
    await drafting.delete_election(database, organiser, election_id)


@router.post("/{election_id}/trustees", status_code=201)
async def add_trustee(
    election_id: Id, new: NewTrustee, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> TrusteeView:
    """Invites somebody to hold a share of the key."""
    return await drafting.add_trustee(database, organiser, election_id, new)


@router.delete("/{election_id}/trustees/{trustee_id}", status_code=204)
async def remove_trustee(
    election_id: Id,
    trustee_id: Annotated[TrusteeId, Path()],
    organiser: SignedInOrganiser,
    database: Database = resource(Database),
) -> None:
    """Takes a trustee, and the key, out of a draft."""
    await drafting.remove_trustee(database, organiser, election_id, trustee_id)


@router.post("/{election_id}/trustees/{trustee_id}/invitation", status_code=202)
async def invite_trustee(
    election_id: Id,
    trustee_id: Annotated[TrusteeId, Path()],
    organiser: SignedInOrganiser,
    database: Database = resource(Database),
) -> None:
    """Invites a trustee again, with a new code."""
    await drafting.invite_trustee(database, organiser, election_id, trustee_id)


@router.get("/{election_id}/checklist")
async def read_checklist(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Checklist:
    """What sealing still needs."""
    return await drafting.read_checklist(database, organiser, election_id)


@router.post("/{election_id}/seal", status_code=202)
async def seal_election(
    election_id: Id, confirmations: Confirmations, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Freezes definition, trustees and roll."""
    return await running.seal_election(database, organiser, election_id, confirmations)


@router.post("/{election_id}/unseal", status_code=202)
async def unseal_election(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Back to draft, before the opening."""
    return await running.unseal_election(database, organiser, election_id)


@router.post("/{election_id}/schedule", status_code=202)
async def change_schedule(
    election_id: Id, change: ScheduleChange, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Opens early, extends, closes early, pauses or resumes."""
    return await running.change_schedule(database, organiser, election_id, change)


@router.post("/{election_id}/decryption")
async def confirm_decryption(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Confirms that a tally of few ballots is decrypted."""
    return await running.confirm_decryption(database, organiser, election_id)


@router.post("/{election_id}/publication")
async def publish_result(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Makes the result official."""
    return await running.publish_result(database, organiser, election_id)


@router.post("/{election_id}/archive", status_code=202)
async def archive_election(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> Election:
    """Has the roll and the mails deleted."""
    return await running.archive_election(database, organiser, election_id)


@router.get("/{election_id}/audit")
async def read_audit(
    election_id: Id,
    organiser: SignedInOrganiser,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    database: Database = resource(Database),
) -> AuditPage:
    """The audit log, oldest first."""
    return await publishing.read_audit(database, organiser, election_id, after)


@router.get("/{election_id}/audit.jsonl", response_class=StreamingResponse)
async def export_audit(
    election_id: Id, organiser: SignedInOrganiser, database: Database = resource(Database)
) -> StreamingResponse:
    """The whole audit log, one record per line."""
    lines = await publishing.export_audit(database, organiser, election_id)
    headers = {"Content-Disposition": f'attachment; filename="audit-{election_id}.jsonl"'}
    return StreamingResponse(lines, media_type="application/jsonl; charset=utf-8", headers=headers)
