"""The page on which a voter votes.

- It learns nothing of the voter: the link's part of the code stands after `#`, which browsers send nobody, and
  everything that follows happens in the browser and between it and the board. No cookie is set or read.
- It shows the questions; the browser compares them with the definition that it takes from the board, and stops when a
  single character differs: `static/vote.js`.
- A browser that cannot go on says where and why in two words; without scripts it only asks for a picture.
"""

import re
from typing import Annotated, Literal

import structlog
from fastapi import Request, Response

from services.ballot.contract import BALLOTS_PER_CREDENTIAL
from services.election.contract import PublicElection
from services.frontend.clients import PublicSide
from services.frontend.metrics import Reports, browser_failures
from services.frontend.pages.voting_texts import script_texts
from services.frontend.rendering import render
from services.shared.app import new_router, resource
from services.shared.client import Refused
from services.shared.fields import BASE58_ID
from services.shared.identity import public
from services.shared.problems import NotFound

log = structlog.get_logger()

router = new_router(tags=["voting"], dependencies=[public()])

Clients = Annotated[PublicSide, resource(PublicSide)]


@router.get("/vote/{uuid}")
async def show_ballot(request: Request, uuid: str, clients: Clients) -> Response:
    """The ballot of one election, from the moment it is sealed; afterwards the page says what became of it."""
    election = await _find(uuid, clients)
    if election is None:
        return render(request, "voting/missing.html", status=NotFound.status)
    values = {
        "election": election,
        "ballots_per_credential": BALLOTS_PER_CREDENTIAL,
        "script_texts": script_texts(),
    }
    return render(request, "voting/vote.html", values)


@router.get("/no-script/{election_class}", status_code=204)
async def report_no_script(
    request: Request, election_class: Literal["real", "test"], reports: Annotated[Reports, resource(Reports)]
) -> None:
    """What the page asks for as a picture where no script runs: it cannot say otherwise that it cannot go on."""
    if request.headers.get("sec-fetch-site", "same-origin") == "same-origin" and reports.admits():
        browser_failures.add(step="load", browser_reason="script-blocked", election_class=election_class)
        log.warning("browser_failed", step="load", browser_reason="script-blocked")


async def _find(uuid: str, clients: PublicSide) -> PublicElection | None:
    if not re.fullmatch(BASE58_ID, uuid):
        return None
    try:
        return await clients.election.read_public_election(uuid)
    except Refused as refused:
        if refused.status == NotFound.status:
            return None
        raise
