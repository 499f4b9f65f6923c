"""The other services as the pages call them, in two sets that share nothing: not a client, not a connection.

Organisers' pages know who asks; the pages of voters and of the public must not. `result` and `ballot` are called for
anyone, `voter` and the drafts of `election` with the organiser's own token.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from services.auth.client import AuthClient
from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.frontend.settings import FrontendSettings
from services.result.client import ResultClient
from services.shared.client import LIMITS, TIMEOUT
from services.voter.client import VoterClient

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


@asynccontextmanager
async def organiser_side(settings: FrontendSettings) -> AsyncIterator[OrganiserSide]:
    """The clients of the organisers' side."""
    async with httpx.AsyncClient(timeout=ORGANISERS_TIMEOUT, limits=LIMITS) as http:
        yield OrganiserSide(
            AuthClient(settings.auth_url, http=http),
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
