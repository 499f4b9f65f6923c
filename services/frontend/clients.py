"""The other services as the pages call them, in two sets that share nothing: not a client, not a connection.

Organisers' pages know who asks; the pages of voters and of the public must not. `result` and `ballot` are called for
anyone, `voter` and the drafts of `election` with the organiser's own token.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx

from services.auth.client import AuthClient
from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.frontend.settings import FrontendSettings
from services.result.client import ResultClient
from services.shared.client import LIMITS, TIMEOUT
from services.voter.client import VoterClient

# The address of the browser whose request is being answered; `auth` slows down guessing by it.
browser_address: ContextVar[str | None] = ContextVar("browser_address", default=None)

# The mail server answers a test mail, and a large roll is read, within one request.
ORGANISERS_TIMEOUT = httpx.Timeout(60, connect=2, pool=2)


@dataclass(frozen=True)
class OrganiserSide:
    """For pages of organisers and trustees."""

    auth: AuthClient
    election: ElectionClient
    voter: VoterClient
    ballot: BallotClient
    result: ResultClient


@dataclass(frozen=True)
class PublicSide:
    """For pages of voters and of the public."""

    election: ElectionClient
    ballot: BallotClient
    result: ResultClient


async def _name_the_browser(request: httpx.Request) -> None:
    if address := browser_address.get():
        request.headers["X-Forwarded-For"] = address


@asynccontextmanager
async def organiser_side(settings: FrontendSettings) -> AsyncIterator[OrganiserSide]:
    """The clients of the organisers' side; `auth` learns the browser's address, nobody else does."""
    async with (
        httpx.AsyncClient(timeout=ORGANISERS_TIMEOUT, limits=LIMITS) as http,
        httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, event_hooks={"request": [_name_the_browser]}) as auth,
    ):
        yield OrganiserSide(
            AuthClient(settings.auth_url, http=auth),
            ElectionClient(settings.election_url, http=http),
            VoterClient(settings.voter_url, http=http),
            BallotClient(settings.ballot_url, http=http),
            ResultClient(settings.result_url, http=http),
        )


@asynccontextmanager
async def public_side(settings: FrontendSettings) -> AsyncIterator[PublicSide]:
    """The clients of the voters' and the public's side."""
    async with httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS) as http:
        yield PublicSide(
            ElectionClient(settings.election_url, http=http),
            BallotClient(settings.ballot_url, http=http),
            ResultClient(settings.result_url, http=http),
        )
