"""The routes of trustees, and those that are open to anyone."""

from typing import Annotated

from fastapi import Depends, Path, Response

from services.election import publishing, trusteeship
from services.election.contract import PublicElection, TrusteeKey, TrusteePage
from services.election.trustees import TrusteeCode
from services.shared.app import new_router, resource
from services.shared.database import Database
from services.shared.fields import ElectionUuid
from services.shared.identity import public

router = new_router()

Uuid = Annotated[ElectionUuid, Path()]
IdentifiedTrustee = Annotated[str, Depends(TrusteeCode())]


@router.get("/trustees/{trustee_id}", tags=["trustees"])
async def read_trustee_page(trustee: IdentifiedTrustee, database: Database = resource(Database)) -> TrusteePage:
    """The trustee's own page."""
    return await trusteeship.read_trustee_page(database, trustee)


@router.put("/trustees/{trustee_id}/key", tags=["trustees"])
async def publish_trustee_key(
    key: TrusteeKey, trustee: IdentifiedTrustee, database: Database = resource(Database)
) -> TrusteePage:
    """The trustee's public key, in place of the one before."""
    return await trusteeship.publish_trustee_key(database, trustee, key)


@router.get("/definitions/{uuid}", tags=["public"], dependencies=[public()])
async def read_definition(uuid: Uuid, database: Database = resource(Database)) -> Response:
    """The exact bytes of the definition."""
    return Response(await publishing.read_definition(database, uuid), media_type="application/json")


@router.get("/definitions/{uuid}/trustees", tags=["public"], dependencies=[public()])
async def read_trustees(uuid: Uuid, database: Database = resource(Database)) -> Response:
    """The exact bytes of the trustees' record."""
    return Response(await publishing.read_trustees(database, uuid), media_type="application/json")


@router.get("/public/{uuid}", tags=["public"], dependencies=[public()])
async def read_public_election(uuid: Uuid, database: Database = resource(Database)) -> PublicElection:
    """What anyone may know of an election."""
    return await publishing.read_public_election(database, uuid)
