"""How the other services call `ballot`."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import httpx

from services.ballot.contract import (
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
from services.shared.client import ServiceClient


class BallotClient(ServiceClient):
    """One method per route, of the same name."""

    service = "ballot"

    async def cast_ballot(self, uuid: str, ballot: bytes) -> Receipt:
        """Sends a ballot's exact bytes. Sending them again gives the same receipt, so a lost answer is asked again."""
        path = f"/v1/elections/{uuid}/ballots"
        return await self.call("POST", path, Receipt, body=ballot, idempotent=True)

    async def report_failure(self, uuid: str, failure: BrowserFailure) -> None:
        """Says that a voter's browser could not go on."""
        await self.call("POST", f"/v1/elections/{uuid}/failures", type(None), body=failure)

    async def read_board(self, uuid: str) -> Board:
        """The board's head and numbers."""
        return await self.call("GET", f"/v1/elections/{uuid}", Board)

    async def list_events(self, uuid: str, *, after: int = -1, limit: int = 100) -> BoardPage:
        """Events above the height `after`."""
        params = {"after": after, "limit": limit}
        return await self.call("GET", f"/v1/elections/{uuid}/events", BoardPage, params=params)

    async def look_up_tracker(self, uuid: str, tracker: str) -> TrackerStatus:
        """Where the ballot with this tracker stands; 404 when it is not on the board."""
        name = tracker.replace("+", "-").replace("/", "_")
        return await self.call("GET", f"/v1/elections/{uuid}/trackers/{name}", TrackerStatus)

    async def read_credential(self, uuid: str, digest: str) -> CredentialStatus:
        """Whether the public credential whose decimal text has this SHA-256 is on the list."""
        return await self.call("GET", f"/v1/elections/{uuid}/credentials/{digest}", CredentialStatus)

    async def read_definition(self, uuid: str) -> bytes:
        """The election's exact bytes."""
        return await self.call("GET", f"/v1/elections/{uuid}/definition", bytes)

    async def read_trustees(self, uuid: str) -> bytes:
        """The trustees' exact bytes."""
        return await self.call("GET", f"/v1/elections/{uuid}/trustees", bytes)

    async def read_credentials(self, uuid: str) -> bytes:
        """The exact bytes of the public list."""
        return await self.call("GET", f"/v1/elections/{uuid}/credentials", bytes)

    def download_archive(
        self, uuid: str, *, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """The archive as it stands, in pieces; `headers` may ask for a range."""
        return self.stream(f"/v1/elections/{uuid}/archive", headers=headers)

    async def put_credentials_page(self, uuid: str, page: int, credentials: CredentialsPage) -> None:
        """A page of the public list, counted from 0."""
        path = f"/v1/boards/{uuid}/credentials/{page}"
        await self.call("PUT", path, type(None), body=credentials)

    async def seal_credentials(self, uuid: str, seal: CredentialsSeal) -> None:
        """Ends the public list."""
        await self.call("PUT", f"/v1/boards/{uuid}/credentials", type(None), body=seal)

    async def list_used(self, uuid: str, *, after: str | None = None) -> Used:
        """Public credentials above `after` that have cast a ballot."""
        params = {} if after is None else {"after": after}
        return await self.call("GET", f"/v1/boards/{uuid}/used", Used, params=params)

    async def append_events(self, uuid: str, events: NewEvents) -> Head:
        """Appends events after the last ballot, all or none."""
        return await self.call("POST", f"/v1/boards/{uuid}/events", Head, body=events, idempotent=True)

    async def list_full_events(self, uuid: str, *, after: int = -1, limit: int = 100) -> FullEventPage:
        """Events above the height `after`, with their data."""
        params = {"after": after, "limit": limit}
        return await self.call("GET", f"/v1/boards/{uuid}/events", FullEventPage, params=params)
