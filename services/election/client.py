"""How the other services call `election`: one method per route, of the same name.

`bearer` is the organiser's access token for this service, `code` a trustee's code; calls without either are made in
the name of the calling service, or are public.
"""

from services.election.contract import (
    AuditPage,
    Checklist,
    Confirmations,
    Election,
    ElectionSummary,
    InvitationFate,
    NewElection,
    NewTrustee,
    Notice,
    PublicElection,
    Replacement,
    Report,
    Rights,
    RollSummary,
    ScheduleChange,
    ScheduleReport,
    Step,
    TrusteeInvitation,
    TrusteeKey,
    TrusteePage,
    TrusteeView,
    Work,
)
from services.shared.client import ServiceClient


class ElectionClient(ServiceClient):
    """Calls to `election`."""

    service = "election"

    # Organisers' calls

    async def create_election(self, election: NewElection, *, bearer: str) -> Election:
        """A new draft, owned by the organiser."""
        return await self.call("POST", "/v1/elections", Election, body=election, bearer=bearer)

    async def list_elections(self, *, bearer: str) -> list[ElectionSummary]:
        """The organiser's elections, newest first."""
        return await self.call("GET", "/v1/elections", list[ElectionSummary], bearer=bearer)

    async def read_election(self, election_id: str, *, bearer: str) -> Election:
        """Refused (404) unless the organiser may see it."""
        return await self.call("GET", f"/v1/elections/{election_id}", Election, bearer=bearer)

    async def replace_draft(self, election_id: str, replacement: Replacement, *, bearer: str) -> Election:
        """Refused (409) with `wrong-revision` or `wrong-state`; (422) with `time-ambiguous`, `time-missing`, ..."""
        return await self.call("PUT", f"/v1/elections/{election_id}/draft", Election, body=replacement, bearer=bearer)

    async def delete_election(self, election_id: str, *, bearer: str) -> None:
        """Drafts only."""
        await self.call("DELETE", f"/v1/elections/{election_id}", type(None), bearer=bearer)

    async def add_trustee(self, election_id: str, trustee: NewTrustee, *, bearer: str) -> TrusteeView:
        """Drafts only; the invitation is waiting from then on."""
        return await self.call(
            "POST", f"/v1/elections/{election_id}/trustees", TrusteeView, body=trustee, bearer=bearer
        )

    async def remove_trustee(self, election_id: str, trustee_id: str, *, bearer: str) -> None:
        """Drafts only."""
        await self.call("DELETE", f"/v1/elections/{election_id}/trustees/{trustee_id}", type(None), bearer=bearer)

    async def invite_trustee(self, election_id: str, trustee_id: str, *, bearer: str) -> None:
        """A new code, which kills the old one, and a mail with it."""
        path = f"/v1/elections/{election_id}/trustees/{trustee_id}/invitation"
        await self.call("POST", path, type(None), bearer=bearer)

    async def read_checklist(self, election_id: str, *, bearer: str) -> Checklist:
        """What sealing still needs."""
        return await self.call("GET", f"/v1/elections/{election_id}/checklist", Checklist, bearer=bearer)

    async def seal_election(self, election_id: str, confirmations: Confirmations, *, bearer: str) -> Election:
        """Refused (409) with `not-ready` or `not-confirmed`, each naming the `items`."""
        return await self.call("POST", f"/v1/elections/{election_id}/seal", Election, body=confirmations, bearer=bearer)

    async def unseal_election(self, election_id: str, *, bearer: str) -> Election:
        """Only before the opening."""
        return await self.call("POST", f"/v1/elections/{election_id}/unseal", Election, bearer=bearer)

    async def change_schedule(self, election_id: str, change: ScheduleChange, *, bearer: str) -> Election:
        """The answer shows the instants that hold until the board has applied the change."""
        return await self.call("POST", f"/v1/elections/{election_id}/schedule", Election, body=change, bearer=bearer)

    async def confirm_decryption(self, election_id: str, *, bearer: str) -> Election:
        """Allows decrypting a tally of fewer than 5 ballots."""
        return await self.call("POST", f"/v1/elections/{election_id}/decryption", Election, bearer=bearer)

    async def publish_result(self, election_id: str, *, bearer: str) -> Election:
        """Once decrypted."""
        return await self.call("POST", f"/v1/elections/{election_id}/publication", Election, bearer=bearer)

    async def archive_election(self, election_id: str, *, bearer: str) -> Election:
        """Once published."""
        return await self.call("POST", f"/v1/elections/{election_id}/archive", Election, bearer=bearer)

    async def read_audit(self, election_id: str, *, after: int = 0, bearer: str) -> AuditPage:
        """A page of the audit log, oldest first."""
        params = {"after": after}
        return await self.call("GET", f"/v1/elections/{election_id}/audit", AuditPage, params=params, bearer=bearer)

    async def export_audit(self, election_id: str, *, bearer: str) -> str:
        """The whole audit log, one JSON record per line."""
        return await self.call("GET", f"/v1/elections/{election_id}/audit.jsonl", str, bearer=bearer)

    # Trustees' calls

    async def read_trustee_page(self, trustee_id: str, *, code: str) -> TrusteePage:
        """Refused (401) for a wrong code, and the same for an unknown trustee."""
        return await self.call("GET", f"/v1/trustees/{trustee_id}", TrusteePage, bearer=code, scheme="Trustee")

    async def publish_trustee_key(self, trustee_id: str, key: TrusteeKey, *, code: str) -> TrusteePage:
        """Drafts only; a key may be replaced until the sealing."""
        path = f"/v1/trustees/{trustee_id}/key"
        return await self.call("PUT", path, TrusteePage, body=key, bearer=code, scheme="Trustee")

    # Services' calls

    async def list_work(self) -> list[Work]:
        """The elections that are under way, each with the steps that the calling service owes now."""
        return await self.call("GET", "/v1/work", list[Work])

    async def report_step(self, election_id: str, step: Step, report: Report) -> None:
        """A step done or impossible. Refused (409) when it is not owed (any more); then ask for the work again."""
        await self.call("PUT", f"/v1/elections/{election_id}/steps/{step.value}", type(None), body=report)

    async def report_schedule(self, election_id: str, report: ScheduleReport) -> None:
        """`ballot`: the instants that the board keeps."""
        await self.call("PUT", f"/v1/elections/{election_id}/schedule", type(None), body=report)

    async def report_roll(self, election_id: str, summary: RollSummary) -> None:
        """`voter`: the roll of a draft has changed, or a test mail was accepted. Refused (409) once it is frozen."""
        await self.call("PUT", f"/v1/elections/{election_id}/roll", type(None), body=summary)

    async def add_notice(self, election_id: str, notice: Notice) -> None:
        """`voter`: something for the audit log. Idempotent by the notice's key."""
        await self.call("POST", f"/v1/elections/{election_id}/notices", type(None), body=notice, idempotent=True)

    async def list_trustee_invitations(self) -> list[TrusteeInvitation]:
        """`voter`: the mails to trustees that are waiting to be sent."""
        return await self.call("GET", "/v1/trustee-invitations", list[TrusteeInvitation])

    async def report_trustee_invitation(self, trustee_id: str, fate: InvitationFate) -> None:
        """`voter`: what the mail server said; a fate of an older generation is passed over."""
        await self.call("PUT", f"/v1/trustee-invitations/{trustee_id}", type(None), body=fate)

    async def read_rights(self, election_id: str, organiser_id: str) -> Rights:
        """What the organiser may do; refused (404) when there is no such election."""
        return await self.call("GET", f"/v1/elections/{election_id}/rights/{organiser_id}", Rights)

    # Public calls

    async def read_definition(self, uuid: str) -> bytes:
        """The exact bytes. Refused (410) with `withdrawn` for an edition that was unsealed."""
        return await self.call("GET", f"/v1/definitions/{uuid}", bytes)

    async def read_trustees(self, uuid: str) -> bytes:
        """The exact bytes of the trustees' record; refused as `read_definition` is."""
        return await self.call("GET", f"/v1/definitions/{uuid}/trustees", bytes)

    async def read_public_election(self, uuid: str) -> PublicElection:
        """What anyone may know; refused as `read_definition` is."""
        return await self.call("GET", f"/v1/public/{uuid}", PublicElection)
