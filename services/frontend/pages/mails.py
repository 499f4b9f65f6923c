"""Mails to voters: the test, the invitations, the reminders, and how far they have come."""

from typing import Any

from fastapi import Response

from services.frontend.desk import AtDesk, Desk
from services.frontend.forms import Form, Submitted
from services.shared.app import new_router
from services.shared.client import Refused
from services.voter.contract import MailStatus, TestMail

router = new_router(prefix="/organise/{election_id}/mails", tags=["mails"])


async def _page(desk: Desk, form: Form, *, status: int = 200, **values: Any) -> Response:
    totals = await desk.clients.voter.read_mail_totals(desk.election_id, bearer=desk.browser.voter)
    nothing = {"fate": None, "accepted": False, "noted": "", "queued": 0}
    shown = {"election": await desk.election(), "mail": totals, "form": form, **nothing, **values}
    return desk.render("mails.html", shown, status=status)


@router.get("")
async def read_mail_totals(desk: AtDesk, noted: str = "", number: int = 0) -> Response:
    """How far the mails have come, and what can be sent now."""
    return await _page(desk, Form(), noted=noted, queued=number)


@router.post("/test")
async def send_test_mail(desk: AtDesk, form: Submitted) -> Response:
    """Sends the invitation to one address and says what the mail server answered."""
    test_mail = form.read(TestMail, {"address": "address"}, address=form.text("address"))
    if test_mail is None:
        return await _page(desk, form, status=422)
    try:
        fate = await desk.clients.voter.send_test_mail(desk.election_id, test_mail, bearer=desk.browser.voter)
    except Refused as refusal:
        form.refused(refusal, "address")
        return await _page(desk, form, status=refusal.status)
    return await _page(desk, form, fate=fate, accepted=fate.status is MailStatus.ACCEPTED)


@router.post("/invitations")
async def queue_invitations(desk: AtDesk, _form: Submitted) -> Response:
    """Queues the invitations before the opening does."""
    queued = await desk.clients.voter.queue_invitations(desk.election_id, bearer=desk.browser.voter)
    return desk.see(f"/mails?noted=invitations&number={queued.queued}")


@router.post("/reminders")
async def queue_reminders(desk: AtDesk, _form: Submitted) -> Response:
    """Queues reminders to those who have not voted; who they are is not told."""
    queued = await desk.clients.voter.queue_reminders(desk.election_id, bearer=desk.browser.voter)
    return desk.see(f"/mails?noted=reminders&number={queued.queued}")
