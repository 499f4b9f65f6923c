"""Running an election: its schedule, its tally, its end."""

from fastapi import Response

from services.election.contract import ScheduleChange
from services.frontend.desk import AtDesk, Desk
from services.frontend.drafts import read_time
from services.frontend.forms import Form, Submitted
from services.frontend.language import gettext as _
from services.frontend.pages.editing import Readings, note_refusal
from services.shared.app import new_router
from services.shared.client import Refused

router = new_router(prefix="/organise/{election_id}", tags=["running"])

TYPED = "typed"
# What the form offers: which of the two instants it moves, and where to.
CHANGES: dict[str, tuple[str, str]] = {
    "open-now": ("opens", "now"),
    "resume": ("opens", "now"),
    "pause": ("opens", "pause"),
    "new-opening": ("opens", TYPED),
    "new-close": ("closes", TYPED),
    "close-now": ("closes", "now"),
}


async def _page(desk: Desk, form: Form, *, readings: Readings | None = None, status: int = 200) -> Response:
    values = {"election": await desk.election(), "form": form, "readings": readings or {}}
    return desk.render("schedule.html", values, status=status)


@router.get("/schedule")
async def show_schedule(desk: AtDesk) -> Response:
    """The schedule, and what can be changed of it now."""
    return await _page(desk, Form())


@router.post("/schedule")
async def change_schedule(desk: AtDesk, form: Submitted) -> Response:
    """Opens, pauses, resumes, extends or closes."""
    change = _read_change(form)
    if change is None or form.errors:
        return await _page(desk, form, status=422)
    try:
        await desk.clients.election.change_schedule(desk.election_id, change, bearer=desk.browser.election)
    except Refused as refusal:
        return await _page(desk, form, readings=note_refusal(form, refusal, "time"), status=refusal.status)
    return desk.see("?noted=schedule")


def _read_change(form: Form) -> ScheduleChange | None:
    action = form.text("action")
    if action not in CHANGES:
        form.error("action", _("Choose what to change."))
        return None
    instant, value = CHANGES[action]
    if value == TYPED and not form.text("time"):
        form.error("time", _("Write the new date and time."))
    if action == "close-now" and not form.has("confirmed"):
        form.error("confirmed", _("Confirm that voting shall end for good."))
    fields = {"reason": "reason", "opens": "time", "closes": "time"}
    moved = read_time(form, "time") if value == TYPED else value
    return form.read(ScheduleChange, fields, reason=form.text("reason"), **{instant: moved})


@router.post("/decryption")
async def confirm_decryption(desk: AtDesk, form: Submitted) -> Response:
    """Allows decrypting a tally of very few ballots."""
    if not form.has("confirmed"):
        return desk.see("?noted=not-confirmed")
    await desk.clients.election.confirm_decryption(desk.election_id, bearer=desk.browser.election)
    return desk.see()


@router.get("/result")
async def preview_result(desk: AtDesk) -> Response:
    """The result before it is published."""
    election = await desk.election()
    return desk.render(
        "result.html", {"election": election, "result": await desk.clients.result.read_result(election.uuid)}
    )


@router.post("/publication")
async def publish_result(desk: AtDesk, _form: Submitted) -> Response:
    """Makes the result page public."""
    await desk.clients.election.publish_result(desk.election_id, bearer=desk.browser.election)
    return desk.see("?noted=published")


@router.post("/archive")
async def archive_election(desk: AtDesk, form: Submitted) -> Response:
    """Deletes the roll; the board and the result stay."""
    if not form.has("confirmed"):
        return desk.see("?noted=not-confirmed")
    await desk.clients.election.archive_election(desk.election_id, bearer=desk.browser.election)
    return desk.see("?noted=archiving")
