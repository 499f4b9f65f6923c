"""Sealing an election and taking that back: what is missing, what must be confirmed, what cannot be undone."""

from fastapi import Response

from services.election.contract import Checklist, Confirmations, Election
from services.frontend.desk import AtDesk, Desk
from services.frontend.forms import Form, Submitted
from services.frontend.language import gettext as _
from services.shared.app import new_router
from services.shared.client import Refused

router = new_router(prefix="/organise/{election_id}", tags=["sealing"])

# Confirmed by the page besides what the checklist asks: that nothing can be changed from now on.
FROZEN = "frozen"


async def _look(desk: Desk) -> tuple[Election, Checklist]:
    checklist = await desk.clients.election.read_checklist(desk.election_id, bearer=desk.browser.election)
    return await desk.election(), checklist


def _page(desk: Desk, election: Election, checklist: Checklist, form: Form, *, status: int = 200) -> Response:
    values = {"election": election, "checklist": checklist, "form": form}
    return desk.render("seal.html", values, status=status)


@router.get("/seal")
async def read_checklist(desk: AtDesk) -> Response:
    """The checklist, and the form that seals."""
    election, checklist = await _look(desk)
    return _page(desk, election, checklist, Form())


@router.post("/seal")
async def seal_election(desk: AtDesk, form: Submitted) -> Response:
    """Seals, when everything that must be confirmed has been."""
    election, checklist = await _look(desk)
    asked = [item.code for item in checklist.items if item.kind == "confirm"]
    for code in [FROZEN, *asked]:
        if not form.has(f"confirm-{code}"):
            form.error(f"confirm-{code}", _("Tick this box if it is so; otherwise do not seal."))
    if form.errors:
        return _page(desk, election, checklist, form, status=422)
    try:
        confirmations = Confirmations(confirmed=asked)
        await desk.clients.election.seal_election(desk.election_id, confirmations, bearer=desk.browser.election)
    except Refused as refusal:
        form.refused(refusal)
        return _page(desk, election, checklist, form, status=refusal.status)
    return desk.see()


@router.get("/unseal")
async def show_unseal(desk: AtDesk) -> Response:
    """Says what unsealing does, and asks."""
    return desk.render("unseal.html", {"election": await desk.election(), "form": Form()})


@router.post("/unseal")
async def unseal_election(desk: AtDesk, form: Submitted) -> Response:
    """Makes the election a draft again."""
    status = 422
    if not form.has("confirmed"):
        form.error("confirmed", _("Confirm that every code that was sent shall become worthless."))
    else:
        try:
            await desk.clients.election.unseal_election(desk.election_id, bearer=desk.browser.election)
            return desk.see()
        except Refused as refusal:
            form.refused(refusal)
            status = refusal.status
    return desk.render("unseal.html", {"election": await desk.election(), "form": form}, status=status)
