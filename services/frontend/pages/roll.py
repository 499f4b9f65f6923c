"""The electoral roll: importing it, finding one voter, and what became of that voter's mails."""

from fastapi import Response

from services.frontend.desk import AtDesk, Desk
from services.frontend.forms import Form, Submitted
from services.frontend.language import gettext as _
from services.frontend.uploads import read_upload
from services.shared.app import new_router
from services.shared.client import Refused
from services.shared.fields import VoterId
from services.shared.requests import body_limit
from services.voter.contract import IMPORT_LIMIT, AddressCorrection

router = new_router(prefix="/organise/{election_id}/roll", tags=["roll"])

PAGE = 50
FRAME_LIMIT = 64 * 1024  # of a form around its file


async def _page(desk: Desk, form: Form, *, after: str = "", noted: str = "", status: int = 200) -> Response:
    roll = await desk.clients.voter.read_roll(desk.election_id, bearer=desk.browser.voter)
    page = await desk.clients.voter.list_voters(
        desk.election_id, bearer=desk.browser.voter, query=form.text("query"), after=after, limit=PAGE
    )
    values = {"election": await desk.election(), "roll": roll, "page": page, "form": form}
    return desk.render("roll.html", {**values, "after": after, "noted": noted}, status=status)


@router.get("")
async def list_voters(desk: AtDesk, query: str = "", after: str = "", noted: str = "") -> Response:
    """The roll in numbers and a page of it; `query` is a part of an address or a name."""
    return await _page(desk, Form.of({"query": query[:300]}), after=after[:400], noted=noted)


@router.post("/import")
@body_limit(IMPORT_LIMIT + FRAME_LIMIT)
async def import_roll(desk: AtDesk) -> Response:
    """Passes a CSV file on to the roll, and shows what became of each row."""
    upload = await read_upload(desk.request)
    all_or_nothing = upload.form.has("all_or_nothing")
    try:
        report = await desk.clients.voter.import_roll(
            desk.election_id, upload.content, bearer=desk.browser.voter, all_or_nothing=all_or_nothing
        )
    except Refused as refusal:
        upload.form.refused(refusal, "file")
        return await _page(desk, upload.form, status=refusal.status)
    return desk.render("import_report.html", {"election": await desk.election(), "report": report})


@router.get("/roll.csv")
async def export_roll(desk: AtDesk) -> Response:
    """The roll as a file."""
    content = await desk.clients.voter.export_roll(desk.election_id, bearer=desk.browser.voter)
    headers = {"Content-Disposition": f'attachment; filename="roll-{desk.election_id}.csv"'}
    return Response(content, media_type="text/csv", headers=headers)


@router.post("/deletion")
async def delete_roll(desk: AtDesk, form: Submitted) -> Response:
    """Empties the roll of a draft."""
    if not form.has("confirmed"):
        form.error("confirmed", _("Confirm that the whole roll shall be deleted."))
        return await _page(desk, form, status=422)
    await desk.clients.voter.delete_roll(desk.election_id, bearer=desk.browser.voter)
    return desk.see("/roll?noted=deleted")


async def _voter(desk: Desk, voter_id: str, form: Form, *, noted: str = "", status: int = 200) -> Response:
    voter = await desk.clients.voter.read_voter(desk.election_id, voter_id, bearer=desk.browser.voter)
    values = {"election": await desk.election(), "voter": voter, "form": form, "noted": noted}
    return desk.render("voter.html", values, status=status)


@router.get("/{voter_id}")
async def read_voter(desk: AtDesk, voter_id: VoterId, noted: str = "") -> Response:
    """One voter, with the fate of each mail."""
    return await _voter(desk, voter_id, Form(), noted=noted)


@router.post("/{voter_id}/address")
async def correct_address(desk: AtDesk, voter_id: VoterId, form: Submitted) -> Response:
    """Changes where the voter's mails go."""
    fields = {"address": "address", "reason": "reason"}
    correction = form.read(AddressCorrection, fields, address=form.text("address"), reason=form.text("reason"))
    if correction is None:
        return await _voter(desk, voter_id, form, status=422)
    try:
        await desk.clients.voter.correct_address(desk.election_id, voter_id, correction, bearer=desk.browser.voter)
    except Refused as refusal:
        form.refused(refusal, "address")
        return await _voter(desk, voter_id, form, status=refusal.status)
    return desk.see(f"/roll/{voter_id}?noted=corrected")


@router.post("/{voter_id}/invitation")
async def resend_invitation(desk: AtDesk, voter_id: VoterId, form: Submitted) -> Response:
    """Queues the invitation once more."""
    try:
        await desk.clients.voter.resend_invitation(desk.election_id, voter_id, bearer=desk.browser.voter)
    except Refused as refusal:
        form.refused(refusal)
        return await _voter(desk, voter_id, form, status=refusal.status)
    return desk.see(f"/roll/{voter_id}?noted=resent")


@router.post("/{voter_id}/removal")
async def remove_voter(desk: AtDesk, voter_id: VoterId, _form: Submitted) -> Response:
    """Takes a voter off the roll of a draft."""
    await desk.clients.voter.remove_voter(desk.election_id, voter_id, bearer=desk.browser.voter)
    return desk.see("/roll?noted=removed")
