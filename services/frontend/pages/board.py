"""What anyone may see of an election: what is decided, the board, the result, and how to check it all.

No page here sets or reads a cookie. Times, numbers and names come from the services that own them; nothing is counted
here.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Annotated, Any

import httpx
from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from services.ballot.contract import TrackerStatus
from services.election.contract import PublicElection, State
from services.frontend.clients import PublicSide
from services.frontend.pages.verify_texts import verify_texts
from services.frontend.rendering import render
from services.result.contract import Result, Tally
from services.shared.app import new_router, resource
from services.shared.client import Refused
from services.shared.fields import ElectionUuid, json_of
from services.shared.identity import public
from services.shared.problems import NotFound

router = new_router(tags=["public"], dependencies=[public()])

Clients = Annotated[PublicSide, resource(PublicSide)]

EVENTS = 50
TRACKER = re.compile(r"[A-Za-z0-9+/_-]{43}")
HAS_RESULT = {State.PUBLISHED, State.ARCHIVED}
# What a download says of itself, besides its bytes.
RELAYED = ("content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified")
ASKED = ("range", "if-range", "if-none-match")


@router.get("/")
async def show_home(request: Request) -> Response:
    """The first page."""
    return render(request, "home.html")


async def _result(clients: PublicSide, election: PublicElection) -> Result:
    """The published result.

    Raises:
        NotFound: there is none, or its organiser has not published it yet.
    """
    if election.state not in HAS_RESULT:
        raise NotFound("The result has not been published yet.", code="not-yet")
    return await clients.result.read_result(election.uuid)


@router.get("/election/{uuid}")
async def show_public_election(request: Request, uuid: ElectionUuid, clients: Clients) -> Response:
    """What is decided, when, by how many, and who holds the keys."""
    election = await clients.election.read_public_election(uuid)
    board = await clients.ballot.read_board(uuid)
    return render(request, "public/election.html", {"election": election, "board": board})


@router.get("/election/{uuid}/board")
async def show_board(
    request: Request, uuid: ElectionUuid, clients: Clients, after: int = -1, tracker: str = ""
) -> Response:
    """A page of the board's events, and the look-up of one ballot."""
    after = min(max(after, -1), 2**31)
    election, board, page = await asyncio.gather(
        clients.election.read_public_election(uuid),
        clients.ballot.read_board(uuid),
        clients.ballot.list_events(uuid, after=after, limit=EVENTS),
    )
    looked_up = await _look_up(clients, uuid, tracker.strip()) if tracker else {}
    values: dict[str, Any] = {"election": election, "board": board, "page": page, "after": after, "size": EVENTS}
    return render(request, "public/board.html", {**values, "tracker": tracker, **looked_up})


async def _look_up(clients: PublicSide, uuid: str, tracker: str) -> dict[str, object]:
    """`found`: the ballot's status or None; `malformed`: the text cannot be a tracker."""
    found: TrackerStatus | None = None
    plain = tracker.removesuffix("=")
    malformed = TRACKER.fullmatch(plain) is None
    if not malformed:
        try:
            found = await clients.ballot.look_up_tracker(uuid, plain)
        except Refused as refusal:
            if refusal.status != 404:
                raise
    return {"found": found, "malformed": malformed}


@router.get("/election/{uuid}/result")
async def show_result(request: Request, uuid: ElectionUuid, clients: Clients) -> Response:
    """The result with charts; before it is published, how far the election is."""
    election = await clients.election.read_public_election(uuid)
    if election.state in HAS_RESULT:
        values = {"election": election, "result": await clients.result.read_result(uuid)}
        return render(request, "public/result.html", values)
    tally: Tally | None = None
    if election.state in {State.CLOSED, State.DECRYPTED}:
        tally = await clients.result.read_tally(uuid)
    return render(request, "public/no_result.html", {"election": election, "tally": tally})


@router.get("/election/{uuid}/verify")
async def show_verification(request: Request, uuid: ElectionUuid, clients: Clients) -> Response:
    """How to check the election oneself: with commands, or with this page."""
    election = await clients.election.read_public_election(uuid)
    board = await clients.ballot.read_board(uuid)
    values = {
        "election": election,
        "board": board,
        "complete": election.state in HAS_RESULT,
        "verify_texts": verify_texts(),
    }
    return render(request, "public/verify.html", values)


@router.get("/election/{uuid}/result.json")
async def export_result_as_json(uuid: ElectionUuid, clients: Clients) -> Response:
    """The result for programs."""
    result = await _result(clients, await clients.election.read_public_election(uuid))
    return JSONResponse(json_of(result), headers=_named(uuid, "result.json"))


@router.get("/election/{uuid}/result.csv")
async def export_result(uuid: ElectionUuid, clients: Clients) -> Response:
    """The result for spreadsheets."""
    await _result(clients, await clients.election.read_public_election(uuid))
    text = await clients.result.export_result(uuid)
    return Response(text, media_type="text/csv", headers=_named(uuid, "result.csv"))


@router.get("/election/{uuid}/election.bel")
async def download_archive(request: Request, uuid: ElectionUuid, clients: Clients) -> Response:
    """The archive: complete once the result is published, until then as far as the board has grown."""
    election = await clients.election.read_public_election(uuid)
    asked = {name: request.headers[name] for name in ASKED if name in request.headers}
    if election.state in HAS_RESULT:
        return await _relay(clients.result.download_archive(uuid, headers=asked), uuid)
    return await _relay(clients.ballot.download_archive(uuid, headers=asked), uuid)


def _named(uuid: str, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{uuid}-{kind}"'}


async def _relay(download: AbstractAsyncContextManager[httpx.Response], uuid: str) -> Response:
    """Passes a download on while it arrives."""
    stack = AsyncExitStack()
    answer = await stack.enter_async_context(download)

    async def pieces() -> AsyncIterator[bytes]:
        async with stack:
            async for piece in answer.aiter_raw():
                yield piece

    headers = {name: answer.headers[name] for name in RELAYED if name in answer.headers}
    headers["Content-Disposition"] = f'attachment; filename="{uuid}.bel"'
    return StreamingResponse(pieces(), answer.status_code, headers)
