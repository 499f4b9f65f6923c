"""Trustees as the organiser sees them: who they are, who was invited, who has published a key."""

from fastapi import Response

from services.election.contract import NewTrustee
from services.frontend.desk import AtDesk, Desk
from services.frontend.forms import Form, Submitted
from services.shared.app import new_router
from services.shared.client import Refused
from services.shared.fields import TrusteeId

router = new_router(prefix="/organise/{election_id}/trustees", tags=["appointing"])


async def _page(desk: Desk, form: Form, *, noted: str = "", status: int = 200) -> Response:
    values = {"election": await desk.election(), "form": form, "noted": noted}
    return desk.render("trustees.html", values, status=status)


@router.get("")
async def list_trustees(desk: AtDesk, noted: str = "") -> Response:
    """The trustees, and the form that adds one."""
    return await _page(desk, Form(), noted=noted)


@router.post("")
async def add_trustee(desk: AtDesk, form: Submitted) -> Response:
    """Adds a trustee, who is invited by mail."""
    fields = {"name": "name", "address": "address"}
    trustee = form.read(NewTrustee, fields, name=form.text("name"), address=form.text("address"))
    if trustee is None:
        return await _page(desk, form, status=422)
    try:
        await desk.clients.election.add_trustee(desk.election_id, trustee, bearer=desk.browser.election)
    except Refused as refusal:
        form.refused(refusal)
        return await _page(desk, form, status=refusal.status)
    return desk.see("/trustees?noted=added")


@router.post("/{trustee_id}/removal")
async def remove_trustee(desk: AtDesk, trustee_id: TrusteeId, _form: Submitted) -> Response:
    """Takes a trustee off the list of a draft."""
    await desk.clients.election.remove_trustee(desk.election_id, trustee_id, bearer=desk.browser.election)
    return desk.see("/trustees?noted=removed")


@router.post("/{trustee_id}/invitation")
async def invite_trustee(desk: AtDesk, trustee_id: TrusteeId, _form: Submitted) -> Response:
    """Sends a new invitation; the code of the old one opens nothing any more."""
    await desk.clients.election.invite_trustee(desk.election_id, trustee_id, bearer=desk.browser.election)
    return desk.see("/trustees?noted=invited")
