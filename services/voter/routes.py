"""The routes of `voter`: all of them for organisers, about elections of their own."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.election.contract import State
from services.shared.app import new_router, resource
from services.shared.fields import ElectionId, Text, VoterId
from services.shared.identity import SignedInOrganiser
from services.shared.problems import WrongMediaType
from services.shared.requests import body_limit
from services.voter.contract import (
    IMPORT_LIMIT,
    AddressCorrection,
    ImportReport,
    MailTotals,
    Queued,
    Roll,
    RollPage,
    TestMail,
    TestMailFate,
    Voter,
)
from services.voter.correcting import Correcting
from services.voter.importing import Importing
from services.voter.inviting import Inviting
from services.voter.notices import Notices
from services.voter.reading import Reading
from services.voter.rights import RightsDesk

router: APIRouter = new_router(prefix="/elections/{election_id}", tags=["voter"])

Desk: Any = resource(RightsDesk)
Rolls: Any = resource(Reading)
Invitations: Any = resource(Inviting)
CSV_BODY = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


@router.post("/roll/imports", openapi_extra=CSV_BODY)
@body_limit(IMPORT_LIMIT)
async def import_roll(
    election_id: ElectionId,
    request: Request,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    importing: Importing = resource(Importing),
    notices: Notices = resource(Notices),
    all_or_nothing: bool = False,
) -> ImportReport:
    """Adds the voters of a CSV file, and changes those whose address is on the roll already."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "text/csv":
        raise WrongMediaType("This route takes text/csv.")
    rights = await desk.may_change(election_id, organiser.id, State.DRAFT)
    raw = await request.body()
    report = await importing.import_roll(election_id, rights.uuid, raw, all_or_nothing=all_or_nothing)
    await notices.tell_soon(election_id)
    return report


@router.get("/roll")
async def read_roll(
    election_id: ElectionId, organiser: SignedInOrganiser, desk: RightsDesk = Desk, rolls: Reading = Rolls
) -> Roll:
    """The roll in numbers."""
    await desk.may_read(election_id, organiser.id)
    return await rolls.read_roll(election_id)


@router.get("/voters")
async def list_voters(
    election_id: ElectionId,
    organiser: SignedInOrganiser,
    *,
    query: Annotated[Text, Query(max_length=300)] = "",
    after: Annotated[Text, Query(max_length=600)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    desk: RightsDesk = Desk,
    rolls: Reading = Rolls,
) -> RollPage:
    """A page of the roll, or of those voters whose address or name contains the query."""
    await desk.may_read(election_id, organiser.id)
    return await rolls.list_voters(election_id, query, after, limit)


@router.get("/voters/{voter_id}")
async def read_voter(
    election_id: ElectionId,
    voter_id: VoterId,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    rolls: Reading = Rolls,
) -> Voter:
    """One voter with the fate of each mail."""
    await desk.may_read(election_id, organiser.id)
    return await rolls.read_voter(election_id, voter_id)


@router.delete("/voters/{voter_id}", status_code=204)
async def remove_voter(
    election_id: ElectionId,
    voter_id: VoterId,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    rolls: Reading = Rolls,
    notices: Notices = resource(Notices),
) -> None:
    """Takes a voter off the roll of a draft."""
    await desk.may_change(election_id, organiser.id, State.DRAFT)
    await rolls.remove_voter(election_id, voter_id)
    await notices.tell_soon(election_id)


@router.delete("/roll", status_code=204)
async def delete_roll(
    election_id: ElectionId,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    rolls: Reading = Rolls,
    notices: Notices = resource(Notices),
) -> None:
    """Empties the roll of a draft."""
    rights = await desk.may_change(election_id, organiser.id, State.DRAFT)
    await rolls.delete_roll(election_id, rights.uuid)
    await notices.tell_soon(election_id)


@router.get("/roll.csv", response_class=Response)
async def export_roll(
    election_id: ElectionId, organiser: SignedInOrganiser, desk: RightsDesk = Desk, rolls: Reading = Rolls
) -> Response:
    """The roll as a CSV file that can be imported again."""
    await desk.may_read(election_id, organiser.id)
    headers = {"Content-Disposition": 'attachment; filename="roll.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(rolls.export_roll(election_id), media_type="text/csv; charset=utf-8", headers=headers)


@router.put("/voters/{voter_id}/address")
async def correct_address(
    election_id: ElectionId,
    voter_id: VoterId,
    correction: AddressCorrection,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    rolls: Reading = Rolls,
    correcting: Correcting = resource(Correcting),
) -> Voter:
    """Changes where a voter's mails go; the code stays."""
    rights = await desk.may_change(election_id, organiser.id, State.DRAFT, State.SEALED, State.OPEN)
    await correcting.correct_address(rights, organiser.id, voter_id, correction)
    return await rolls.read_voter(election_id, voter_id)


@router.post("/voters/{voter_id}/invitation", status_code=202)
async def resend_invitation(
    election_id: ElectionId,
    voter_id: VoterId,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    invitations: Inviting = Invitations,
) -> Queued:
    """Queues one voter's invitation once more, before all other mails."""
    rights = await desk.may_change(election_id, organiser.id, State.SEALED, State.OPEN)
    return await invitations.resend_invitation(election_id, rights.uuid, voter_id)


@router.post("/invitations", status_code=202)
async def queue_invitations(
    election_id: ElectionId, organiser: SignedInOrganiser, desk: RightsDesk = Desk, invitations: Inviting = Invitations
) -> Queued:
    """Queues the invitations of a sealed election before its opening does so."""
    rights = await desk.may_change(election_id, organiser.id, State.SEALED)
    return await invitations.queue_invitations(election_id, rights.uuid)


@router.post("/reminders", status_code=202)
async def queue_reminders(
    election_id: ElectionId, organiser: SignedInOrganiser, desk: RightsDesk = Desk, invitations: Inviting = Invitations
) -> Queued:
    """Queues a reminder to everybody whose code has not been used yet."""
    rights = await desk.may_change(election_id, organiser.id, State.OPEN)
    return await invitations.queue_reminders(election_id, rights.uuid)


@router.post("/test-mail")
async def send_test_mail(
    election_id: ElectionId,
    test_mail: TestMail,
    organiser: SignedInOrganiser,
    *,
    desk: RightsDesk = Desk,
    invitations: Inviting = Invitations,
    notices: Notices = resource(Notices),
) -> TestMailFate:
    """Sends the invitation, with a code that opens nothing, and waits for the mail server's answer."""
    rights = await desk.may_change(election_id, organiser.id, State.DRAFT)
    fate = await invitations.send_test_mail(rights, test_mail.address)
    await notices.tell_soon(election_id)
    return fate


@router.get("/mail")
async def read_mail_totals(
    election_id: ElectionId, organiser: SignedInOrganiser, desk: RightsDesk = Desk, rolls: Reading = Rolls
) -> MailTotals:
    """How many mails have come how far."""
    await desk.may_read(election_id, organiser.id)
    return await rolls.read_mail_totals(election_id)
