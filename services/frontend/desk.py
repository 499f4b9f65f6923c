"""An organiser at the page of one election: who asks, about what, and whom to ask in turn."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.election.contract import Election
from services.frontend import rendering
from services.frontend.clients import OrganiserSide
from services.frontend.session import Browser, Clients, SignedIn
from services.shared.fields import ElectionId


@dataclass(frozen=True)
class Desk:
    """One request of an organiser about one election."""

    request: Request
    election_id: str
    browser: Browser
    clients: OrganiserSide

    async def election(self) -> Election:
        """The election as its organiser sees it; refused (404) for a stranger's."""
        return await self.clients.election.read_election(self.election_id, bearer=self.browser.election)

    def render(self, template: str, values: dict[str, Any], *, status: int = 200) -> Response:
        """A page."""
        return rendering.render(self.request, f"organise/{template}", values, status=status)

    def see(self, path: str = "") -> RedirectResponse:
        """Shows another page of this election, by GET."""
        return rendering.see(f"/organise/{self.election_id}{path}")


def _desk(request: Request, election_id: ElectionId, browser: SignedIn, clients: Clients) -> Desk:
    return Desk(request, election_id, browser, clients)


AtDesk = Annotated[Desk, Depends(_desk)]
