"""The routes of `result`. All are public: a trustee's share proves itself."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import StreamingResponse

from services.ballot.client import BallotClient
from services.result.contract import PARTIAL_DECRYPTION_LIMIT, PartialDecryption, Result, Tally
from services.result.decrypting import Decrypting
from services.result.outcome import to_csv
from services.shared.app import new_router, resource
from services.shared.client import Refused
from services.shared.fields import ElectionUuid
from services.shared.identity import public
from services.shared.problems import RangeNotSatisfiable
from services.shared.requests import body_limit

router = new_router(tags=["result"])

Uuid = Annotated[ElectionUuid, Path()]
RANGE_HEADERS = ("range", "if-range")
ARCHIVE_HEADERS = ("content-length", "content-range", "accept-ranges", "etag", "content-type")


@router.get("/elections/{uuid}/tally", dependencies=[public()])
async def read_tally(uuid: Uuid, decrypting: Decrypting = resource(Decrypting)) -> Tally:
    """How far the tally is, and the encrypted tally itself once it is on the board."""
    return await decrypting.read_tally(uuid)


@router.post("/elections/{uuid}/partial-decryptions", dependencies=[public()])
@body_limit(PARTIAL_DECRYPTION_LIMIT + 1024)
async def post_partial_decryption(
    uuid: Uuid, share: PartialDecryption, decrypting: Decrypting = resource(Decrypting)
) -> Tally:
    """A trustee's share; checked, kept aside, and published when all are there and every count was found."""
    return await decrypting.post_partial_decryption(uuid, share)


@router.get("/elections/{uuid}/result", dependencies=[public()])
async def read_result(uuid: Uuid, decrypting: Decrypting = resource(Decrypting)) -> Result:
    """The result."""
    return await decrypting.read_result(uuid)


@router.get("/elections/{uuid}/result.csv", dependencies=[public()])
async def export_result(uuid: Uuid, decrypting: Decrypting = resource(Decrypting)) -> Response:
    """The result as CSV."""
    text = to_csv(await decrypting.read_result(uuid))
    headers = {"Content-Disposition": f'attachment; filename="{uuid}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/elections/{uuid}/archive", dependencies=[public()], response_class=StreamingResponse)
async def download_archive(
    uuid: Uuid,
    request: Request,
    decrypting: Decrypting = resource(Decrypting),
    ballot: BallotClient = resource(BallotClient),
) -> StreamingResponse:
    """The complete archive, for anyone to verify; ranges are served."""
    await decrypting.read_result(uuid)  # a partial archive is had of the board
    wanted = {name: request.headers[name] for name in RANGE_HEADERS if name in request.headers}
    opened = ballot.download_archive(uuid, headers=wanted)
    try:
        upstream = await opened.__aenter__()
    except Refused as refusal:
        raise RangeNotSatisfiable("The archive is shorter.") from refusal

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in upstream.aiter_raw():
                yield piece
        finally:
            await opened.__aexit__(None, None, None)

    headers = {name: upstream.headers[name] for name in ARCHIVE_HEADERS if name in upstream.headers}
    headers["content-disposition"] = f'attachment; filename="{uuid}.bel"'
    return StreamingResponse(pieces(), upstream.status_code, headers=headers)
