"""The routes of `ballot`: public ones of an election, and those of a board for `voter` and `result`."""

from typing import Annotated

from fastapi import Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.ballot.casting import Casting
from services.ballot.conclusion import Conclusion
from services.ballot.contract import (
    BALLOT_LIMIT,
    Board,
    BoardPage,
    BrowserFailure,
    CredentialsPage,
    CredentialsSeal,
    CredentialStatus,
    FullEventPage,
    Head,
    NewEvents,
    Receipt,
    TrackerStatus,
    Used,
)
from services.ballot.elections import Elections
from services.ballot.failures import Failures
from services.ballot.metrics import counting_refusals
from services.ballot.public_list import PublicList
from services.ballot.ranges import Part, wanted_part
from services.ballot.reading import Reading
from services.shared.app import new_router, resource
from services.shared.fields import Decimal, ElectionUuid, Sha256
from services.shared.identity import caller, public
from services.shared.problems import WrongMediaType
from services.shared.requests import body_limit

LIST_LIMIT = 5 * 1024 * 1024
EVENTS_LIMIT = 64 * 1024 * 1024
FAILURE_LIMIT = 200
FOR_EVER = {"Cache-Control": "public, max-age=86400, immutable"}

Uuid = Annotated[ElectionUuid, Path()]
After = Annotated[int, Query(ge=-1, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=500)]

public_router = new_router(tags=["election"], prefix="/elections/{uuid}", dependencies=[public()])
router = new_router(tags=["board"], prefix="/boards/{uuid}")

BALLOT_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}}


@public_router.post("/ballots", openapi_extra=BALLOT_BODY)
@body_limit(BALLOT_LIMIT)
async def cast_ballot(
    uuid: Uuid, request: Request, casting: Casting = resource(Casting), elections: Elections = resource(Elections)
) -> Receipt:
    """Takes a ballot's exact bytes and answers when it is on the board; sent again, it gets the same answer."""
    with counting_refusals(elections.class_of(uuid)):
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise WrongMediaType("A ballot is sent as application/json.")
        return Receipt(tracker=await casting.cast_ballot(uuid, await request.body()))


@public_router.post("/failures", status_code=204)
@body_limit(FAILURE_LIMIT)
async def report_failure(uuid: Uuid, failure: BrowserFailure, failures: Failures = resource(Failures)) -> None:
    """A voter's browser could not go on."""
    failures.report_failure(uuid, failure)


@public_router.get("")
async def read_board(uuid: Uuid, reading: Reading = resource(Reading)) -> Board:
    """The board's head and its numbers."""
    return await reading.read_board(uuid)


@public_router.get("/events")
async def list_events(
    uuid: Uuid, after: After = -1, limit: Limit = 100, reading: Reading = resource(Reading)
) -> BoardPage:
    """The events in the order of their heights."""
    return await reading.list_events(uuid, after, limit)


@public_router.get("/trackers/{tracker:path}")
async def look_up_tracker(
    uuid: Uuid, tracker: Annotated[str, Path(max_length=64)], reading: Reading = resource(Reading)
) -> TrackerStatus:
    """Where a ballot stands. The tracker may be written in either alphabet of base64."""
    return await reading.look_up_tracker(uuid, tracker)


@public_router.get("/credentials/{digest}")
async def read_credential(
    uuid: Uuid, digest: Annotated[Sha256, Path()], reading: Reading = resource(Reading)
) -> CredentialStatus:
    """Whether a public credential, named by the SHA-256 of its decimal text, is on the list and has been used."""
    return await reading.read_credential(uuid, digest)


@public_router.get("/definition")
async def read_definition(uuid: Uuid, elections: Elections = resource(Elections)) -> Response:
    """The election's definition, exact bytes."""
    return Response(await elections.read_definition(uuid), media_type="application/json", headers=FOR_EVER)


@public_router.get("/trustees")
async def read_trustees(uuid: Uuid, elections: Elections = resource(Elections)) -> Response:
    """The trustees' public keys, exact bytes."""
    return Response(await elections.read_trustees(uuid), media_type="application/json", headers=FOR_EVER)


@public_router.get("/credentials")
async def read_credentials(uuid: Uuid, reading: Reading = resource(Reading)) -> StreamingResponse:
    """The public list, exact bytes."""
    record = await reading.credentials_record(uuid)
    headers = {**FOR_EVER, "Content-Length": str(record.size)}
    content = reading.archive(uuid).record(record)
    return StreamingResponse(content, media_type="application/json", headers=headers)


@public_router.head("/archive", include_in_schema=False)
@public_router.get("/archive", response_class=StreamingResponse)
async def download_archive(uuid: Uuid, request: Request, reading: Reading = resource(Reading)) -> Response:
    """The archive as it stands at this moment, or a part of it."""
    board = await reading.find_board(uuid)
    total, tag = board.end.archive_bytes, f'"{board.end.hash.hex() if board.end.hash else ""}"'
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Content-Disposition": f'attachment; filename="{uuid}.bel"',
    }
    is_current = request.headers.get("if-range", tag) == tag
    asked = request.headers.get("range") if request.method == "GET" and is_current else None
    part = wanted_part(asked, total)
    if part:
        headers["Content-Range"] = part.content_range
    whole = Part(0, total, total)
    headers["Content-Length"] = str((part or whole).size)
    if request.method == "HEAD":
        return Response(media_type="application/x-tar", headers=headers)
    content = reading.archive(uuid, board.archive_timestamp).stream(part or whole)
    return StreamingResponse(content, 206 if part else 200, headers=headers, media_type="application/x-tar")


@router.put("/credentials/{page}", status_code=204, dependencies=[caller("voter")])
@body_limit(LIST_LIMIT)
async def put_credentials_page(
    uuid: Uuid,
    page: Annotated[int, Path(ge=0, lt=100_000)],
    credentials: CredentialsPage,
    public_list: PublicList = resource(PublicList),
) -> None:
    """A page of the public list."""
    await public_list.put_credentials_page(uuid, page, credentials.credentials)


@router.put("/credentials", status_code=204, dependencies=[caller("voter")])
async def seal_credentials(uuid: Uuid, seal: CredentialsSeal, public_list: PublicList = resource(PublicList)) -> None:
    """The end of the public list."""
    await public_list.seal_credentials(uuid, seal)


@router.get("/used", dependencies=[caller("voter")])
async def list_used(uuid: Uuid, after: Decimal | None = None, reading: Reading = resource(Reading)) -> Used:
    """Which public credentials have cast a ballot."""
    return await reading.list_used(uuid, after)


@router.post("/events", dependencies=[caller("result")])
@body_limit(EVENTS_LIMIT)
async def append_events(uuid: Uuid, events: NewEvents, conclusion: Conclusion = resource(Conclusion)) -> Head:
    """Events after the last ballot."""
    return await conclusion.append_events(uuid, events)


@router.get("/events", dependencies=[caller("result")])
async def list_full_events(
    uuid: Uuid, after: After = -1, limit: Limit = 100, reading: Reading = resource(Reading)
) -> FullEventPage:
    """The events with their data."""
    return await reading.list_full_events(uuid, after, limit)
