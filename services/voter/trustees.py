"""Trustees' invitations: `election` knows whom and what, the queue here only that one is on its way.

Each is queued once for each generation of its code, and its fate is told until `election` has taken it.
"""

from dataclasses import dataclass

from services.election.client import ElectionClient
from services.election.contract import InvitationFate
from services.shared.client import Refused
from services.shared.database import Database
from services.voter.store_mail import MailStore

FATE = {"accepted": "sent", "refused": "refused"}


@dataclass(frozen=True)
class Trustees:
    """Keeps the queue and `election` in step."""

    database: Database
    election: ElectionClient

    async def follow(self) -> None:
        """One round."""
        waiting = {(one.trustee_id, one.generation) for one in await self.election.list_trustee_invitations()}
        async with self.database.transaction("follow_trustees") as connection:
            store = MailStore(connection)
            rows = await store.list_trustee_mails()
            known = {(row["trustee_id"], row["generation"]): row for row in rows}
            for trustee_id, generation in waiting - known.keys():
                await store.queue_trustee(trustee_id, generation)
            # A list that was fetched before the row was made does not name it: only an old row is left over.
            for key in known.keys() - waiting:
                if known[key]["old"]:
                    await store.drop_mail(known[key]["id"])
        for key in waiting & known.keys():
            await self._report(*key, known[key]["status"])

    async def _report(self, trustee_id: str, generation: int, status: str) -> None:
        if status not in FATE:
            return
        fate = InvitationFate.model_validate({"generation": generation, "fate": FATE[status]})
        try:
            await self.election.report_trustee_invitation(trustee_id, fate)
        except Refused as refusal:
            if refusal.status not in {404, 409}:  # the trustee is gone, or invited anew
                raise
