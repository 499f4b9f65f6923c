"""An organiser's elections: the list, a new one, and the page from which one is run."""

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from services.election.contract import Draft, NewElection
from services.frontend import overview
from services.frontend.desk import AtDesk, Desk
from services.frontend.drafts import FIELDS
from services.frontend.forms import Form, Submitted
from services.frontend.language import gettext as _
from services.frontend.rendering import render, see
from services.frontend.session import Clients, SignedIn
from services.shared.app import new_router
from services.shared.client import Refused

router = new_router(prefix="/organise", tags=["organising"])


@router.get("")
async def list_elections(request: Request, browser: SignedIn, clients: Clients, noted: str = "") -> Response:
    """The organiser's elections."""
    elections = await clients.election.list_elections(bearer=browser.election)
    return render(request, "organise/list.html", {"elections": elections, "noted": noted})


@router.get("/new")
async def show_new_election(request: Request, _browser: SignedIn) -> Response:
    """The form that begins an election: its name."""
    return render(request, "organise/new.html", {"form": Form()})


@router.post("/new")
async def create_election(request: Request, form: Submitted, browser: SignedIn, clients: Clients) -> Response:
    """Begins an election; everything else is written on the next page."""
    draft = form.read(Draft, FIELDS, name=form.text("name"))
    if draft is None:
        return render(request, "organise/new.html", {"form": form}, status=422)
    election = await clients.election.create_election(NewElection(draft=draft), bearer=browser.election)
    return see(f"/organise/{election.id}/edit")


@router.get("/{election_id}")
async def read_election(desk: AtDesk, noted: str = "") -> Response:
    """The page from which an election is run."""
    view = await overview.gather(desk)
    return desk.render("election.html", {**dict(view), "live": overview.live(view), "noted": noted})


@router.get("/{election_id}/numbers")
async def read_numbers(desk: AtDesk) -> JSONResponse:
    """The numbers of that page, for the script that keeps them fresh."""
    return JSONResponse(overview.live(await overview.gather(desk)))


async def _ask(desk: Desk, form: Form, *, status: int = 200) -> Response:
    return desk.render("delete.html", {"election": await desk.election(), "form": form}, status=status)


@router.get("/{election_id}/delete")
async def show_delete_election(desk: AtDesk) -> Response:
    """Asks before a draft is deleted."""
    return await _ask(desk, Form())


@router.post("/{election_id}/delete")
async def delete_election(desk: AtDesk, form: Submitted) -> Response:
    """Deletes a draft with its roll."""
    if not form.has("confirmed"):
        form.error("confirmed", _("Confirm that you want to delete it."))
        return await _ask(desk, form, status=422)
    try:
        await desk.clients.election.delete_election(desk.election_id, bearer=desk.browser.election)
    except Refused as refusal:
        form.refused(refusal)
        return await _ask(desk, form, status=refusal.status)
    return see("/organise?noted=deleted")
