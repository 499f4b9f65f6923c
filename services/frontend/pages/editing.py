"""Writing an election while it is a draft, and seeing it as a voter will."""

from zoneinfo import available_timezones

from fastapi import Response

from services.election.contract import Election, Replacement, State
from services.frontend import drafts
from services.frontend.desk import AtDesk, Desk
from services.frontend.forms import Form, Submitted
from services.frontend.language import gettext as _
from services.shared.app import new_router
from services.shared.client import Refused
from services.shared.problems import Conflict
from services.shared.requests import body_limit

router = new_router(prefix="/organise/{election_id}", tags=["editing"])

# 50 questions of 100 options of 300 characters, percent-encoded.
FORM_LIMIT = 8 * 1024 * 1024
ZONES = ["UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))]

Readings = dict[str, list[dict[str, object]]]


def _page(
    desk: Desk, election: Election, form: Form, *, readings: Readings | None = None, status: int = 200
) -> Response:
    questions = drafts.read_questions(form)
    values = {"election": election, "form": form, "questions": questions, "zones": ZONES, "readings": readings or {}}
    return desk.render("edit.html", values, status=status)


async def _draft(desk: Desk) -> Election:
    election = await desk.election()
    if election.state is not State.DRAFT:
        raise Conflict("What the election asks cannot be changed any more, because it has been sealed.")
    return election


@router.get("/edit")
async def show_draft(desk: AtDesk) -> Response:
    """The form with everything that an organiser writes."""
    election = await _draft(desk)
    return _page(desk, election, drafts.form_of(election.draft, election.revision))


@router.post("/edit")
@body_limit(FORM_LIMIT)
async def replace_draft(desk: AtDesk, form: Submitted) -> Response:
    """Saves the form, or gives it back rearranged."""
    election = await _draft(desk)
    if form.get("action", drafts.SAVE) != drafts.SAVE:
        drafts.rearrange(form, form.get("action"))
        return _page(desk, election, form)
    draft = drafts.draft_of(form)
    revision = form.number("revision")
    if draft is None or revision is None or form.errors:
        return _page(desk, election, form, status=422)
    try:
        replacement = Replacement(revision=revision, draft=draft)
        await desk.clients.election.replace_draft(desk.election_id, replacement, bearer=desk.browser.election)
    except Refused as refusal:
        return _page(desk, election, form, readings=note_refusal(form, refusal), status=refusal.status)
    return desk.see("?noted=saved")


def note_refusal(form: Form, refusal: Refused, time_field: str | None = None) -> Readings:
    """Notes why a time or a draft was refused; gives the two readings of a time that comes twice, by its field.

    `time_field` is the one field that a form has for times, where it has only one.
    """
    if refusal.status == 401:
        raise refusal
    sentences = {
        "wrong-revision": _("Somebody has changed this election meanwhile. Open it again and repeat your changes."),
        "time-missing": _("This time does not exist: clocks are set forward then. Choose an earlier or a later one."),
        "time-ambiguous": _("This time comes twice: clocks are set back then. Choose below which one you mean."),
        "time-malformed": _("This is not a date with a time."),
        "zone-unknown": _("This time zone is not known."),
    }
    told = str(refusal.problem.get("field", ""))
    name = "zone" if refusal.type == "zone-unknown" else (time_field or told) if told in drafts.TIMES else ""
    form.error(name, sentences.get(refusal.type) or refusal.detail or _("This was not accepted."))
    readings = refusal.problem.get("readings")
    return {name: readings} if isinstance(readings, list) and name else {}


@router.get("/preview")
async def preview_election(desk: AtDesk) -> Response:
    """The ballot and the invitation as a voter will see them."""
    return desk.render("preview.html", {"election": await desk.election()})
