"""How the pages call `voter`: one method per route, of the same name, all with the organiser's own token."""

from collections.abc import AsyncIterable

import httpx

from services.shared.client import TIMEOUT, ServiceClient
from services.voter.contract import (
    AddressCorrection,
    ImportReport,
    MailTotals,
    Queued,
    Roll,
    RollPage,
    TestMail,
    TestMailFate,
    Voter,
)

# A file of 100,000 rows takes seconds on an idle machine.
IMPORT_PATIENCE = httpx.Timeout(60, connect=TIMEOUT.connect, pool=TIMEOUT.pool)


class VoterClient(ServiceClient):
    """The electoral roll of one election and the mails to those on it."""

    service = "voter"

    async def import_roll(
        self, election_id: str, raw: bytes | AsyncIterable[bytes], *, bearer: str, all_or_nothing: bool = False
    ) -> ImportReport:
        """Adds the voters of a CSV file, and changes those whose address is on the roll already."""
        return await self.call(
            "POST",
            f"/v1/elections/{election_id}/roll/imports",
            ImportReport,
            body=raw,
            content_type="text/csv",
            params={"all_or_nothing": all_or_nothing},
            bearer=bearer,
            patience=IMPORT_PATIENCE,
        )

    async def read_roll(self, election_id: str, *, bearer: str) -> Roll:
        """The roll in numbers."""
        return await self.call("GET", f"/v1/elections/{election_id}/roll", Roll, bearer=bearer)

    async def list_voters(
        self, election_id: str, *, bearer: str, query: str = "", after: str = "", limit: int = 100
    ) -> RollPage:
        """A page of the roll; `query` is a part of an address or name."""
        params = {"query": query, "after": after, "limit": limit}
        return await self.call("GET", f"/v1/elections/{election_id}/voters", RollPage, params=params, bearer=bearer)

    async def read_voter(self, election_id: str, voter_id: str, *, bearer: str) -> Voter:
        """One voter with the fate of each mail."""
        return await self.call("GET", f"/v1/elections/{election_id}/voters/{voter_id}", Voter, bearer=bearer)

    async def remove_voter(self, election_id: str, voter_id: str, *, bearer: str) -> None:
        """Takes a voter off the roll of a draft."""
        await self.call("DELETE", f"/v1/elections/{election_id}/voters/{voter_id}", type(None), bearer=bearer)

    async def delete_roll(self, election_id: str, *, bearer: str) -> None:
        """Empties the roll of a draft."""
        await self.call("DELETE", f"/v1/elections/{election_id}/roll", type(None), bearer=bearer)

    async def export_roll(self, election_id: str, *, bearer: str) -> bytes:
        """The roll as a CSV file that can be imported again."""
        return await self.call("GET", f"/v1/elections/{election_id}/roll.csv", bytes, bearer=bearer)

    async def correct_address(
        self, election_id: str, voter_id: str, correction: AddressCorrection, *, bearer: str
    ) -> Voter:
        """Changes where a voter's mails go; the code stays."""
        path = f"/v1/elections/{election_id}/voters/{voter_id}/address"
        return await self.call("PUT", path, Voter, body=correction, bearer=bearer)

    async def resend_invitation(self, election_id: str, voter_id: str, *, bearer: str) -> Queued:
        """Queues one voter's invitation once more."""
        path = f"/v1/elections/{election_id}/voters/{voter_id}/invitation"
        return await self.call("POST", path, Queued, bearer=bearer)

    async def queue_invitations(self, election_id: str, *, bearer: str) -> Queued:
        """Queues the invitations of a sealed election before its opening does so."""
        return await self.call("POST", f"/v1/elections/{election_id}/invitations", Queued, bearer=bearer)

    async def queue_reminders(self, election_id: str, *, bearer: str) -> Queued:
        """Queues a reminder to everybody whose code has not been used yet."""
        return await self.call("POST", f"/v1/elections/{election_id}/reminders", Queued, bearer=bearer)

    async def send_test_mail(self, election_id: str, test_mail: TestMail, *, bearer: str) -> TestMailFate:
        """Sends the invitation, with a code that opens nothing, and waits for the mail server's answer."""
        path = f"/v1/elections/{election_id}/test-mail"
        return await self.call("POST", path, TestMailFate, body=test_mail, bearer=bearer)

    async def read_mail_totals(self, election_id: str, *, bearer: str) -> MailTotals:
        """How many mails have come how far."""
        return await self.call("GET", f"/v1/elections/{election_id}/mail", MailTotals, bearer=bearer)
