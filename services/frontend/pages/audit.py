"""The audit log of an election: every act, chained."""

from fastapi import Response

from services.frontend.desk import AtDesk
from services.shared.app import new_router

router = new_router(prefix="/organise/{election_id}", tags=["audit"])


@router.get("/audit")
async def read_audit(desk: AtDesk, after: int = 0) -> Response:
    """A page of the log, oldest first."""
    page = await desk.clients.election.read_audit(desk.election_id, after=after, bearer=desk.browser.election)
    return desk.render("audit.html", {"election": await desk.election(), "page": page, "after": after})


@router.get("/audit.jsonl")
async def export_audit(desk: AtDesk) -> Response:
    """The whole log as a file, one record to a line."""
    text = await desk.clients.election.export_audit(desk.election_id, bearer=desk.browser.election)
    headers = {"Content-Disposition": f'attachment; filename="audit-{desk.election_id}.jsonl"'}
    return Response(text, media_type="application/jsonl", headers=headers)
