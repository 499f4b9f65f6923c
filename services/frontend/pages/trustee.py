"""A trustee's own page, and the calls that its script makes.

The code and the private key stay in the browser: the code reaches this service in a header of each call only, to be
handed on to `election`; the key reaches nobody. No cookie is set or read.
"""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.election.contract import TrusteeKey, TrusteePage
from services.frontend.clients import OrganiserSide, PublicSide
from services.frontend.pages.trustee_texts import trustee_texts
from services.frontend.rendering import render
from services.result.contract import PARTIAL_DECRYPTION_LIMIT, PartialDecryption, Tally
from services.shared.app import new_router, resource
from services.shared.fields import ElectionUuid, TrusteeId
from services.shared.identity import Access, bearer, public
from services.shared.problems import Unauthenticated
from services.shared.requests import body_limit
from services.voting.credential import InvalidCode, normalise_code

router = new_router(tags=["trustee"])

Clients = Annotated[OrganiserSide, resource(OrganiserSide)]
Everybody = Annotated[PublicSide, resource(PublicSide)]


class HasCode(Access):
    """Somebody who sends what can be a trustee's code; whether it is the right one, `election` says."""

    kind = "trustee"

    def __call__(self, request: Request) -> str:
        """The code."""
        try:
            return normalise_code(bearer(request, "Trustee"))
        except InvalidCode:
            raise Unauthenticated("This code does not open this page.") from None


Code = Annotated[str, Depends(HasCode())]


@router.get("/trustee/{trustee_id}", dependencies=[public()])
async def show_trustee(request: Request, trustee_id: TrusteeId) -> Response:
    """The page; who the trustee is, it asks with the code that its address carries after `#`."""
    return render(request, "trustee.html", {"trustee_id": trustee_id, "trustee_texts": trustee_texts()})


@router.get("/trustee/{trustee_id}/page")
async def read_trustee_page(trustee_id: TrusteeId, code: Code, clients: Clients) -> TrusteePage:
    """What the page shows; refused (401) for a wrong code."""
    return await clients.election.read_trustee_page(trustee_id, code=code)


@router.put("/trustee/{trustee_id}/key")
async def publish_trustee_key(trustee_id: TrusteeId, key: TrusteeKey, code: Code, clients: Clients) -> TrusteePage:
    """Publishes the public key."""
    return await clients.election.publish_trustee_key(trustee_id, key, code=code)


@router.get("/election/{uuid}/tally", dependencies=[public()])
async def read_tally(uuid: ElectionUuid, everybody: Everybody) -> Tally:
    """How far the decryption is."""
    return await everybody.result.read_tally(uuid)


@router.post("/election/{uuid}/partial-decryptions", dependencies=[public()])
@body_limit(2 * PARTIAL_DECRYPTION_LIMIT)
async def post_partial_decryption(uuid: ElectionUuid, share: PartialDecryption, everybody: Everybody) -> Tally:
    """A trustee's share of the decryption, which proves itself."""
    return await everybody.result.post_partial_decryption(uuid, share)
