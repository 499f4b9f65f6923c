"""What `election` is told: how large a roll is, and what was done with it, never to whom.

- What was done is told even if this process or `election` ends in between: it is written down with the act itself.
- Telling it twice is the same as once.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from services.election.client import ElectionClient
from services.election.contract import Notice, RollSummary
from services.shared.client import Refused
from services.shared.database import Connection, Database
from services.shared.problems import Unavailable
from services.voter.store import Store
from services.voter.store_mail import MailStore

RARE = 5  # fewer voters than this with one weight can be told apart

Action = Literal["voter_address_corrected", "roll_imported", "roll_deleted", "invitations_queued", "reminders_queued"]


async def note(connection: Connection, election_id: str, uuid: str, action: Action, facts: dict[str, int]) -> None:
    """Writes down an act, in its own transaction."""
    await Store(connection).add_notice(secrets.token_hex(32), election_id, uuid, action, facts)


@dataclass(frozen=True)
class Notices:
    """Tells `election` what it has not been told yet."""

    database: Database
    election: ElectionClient

    async def tell(self) -> None:
        """One round."""
        await self.report_rolls()
        async with self.database.transaction("list_notices", readonly=True) as connection:
            rows = await Store(connection).list_notices()
        for row in rows:
            facts = json.loads(row["facts"])
            notice = Notice(uuid=row["uuid"], action=row["action"], key=row["key"], facts=facts)
            try:
                await self.election.add_notice(row["election_id"], notice)
            except Refused as refusal:
                _pass_over(refusal)
            async with self.database.transaction("drop_notice") as connection:
                await Store(connection).drop_notice(row["key"])

    async def tell_soon(self, election_id: str) -> None:
        """Tells of a roll at once, so that who has just changed it finds the checklist up to date; or in a moment."""
        with suppress(Unavailable):
            await self.report_roll(election_id)

    async def report_rolls(self) -> None:
        """Tells of every roll that has changed."""
        async with self.database.transaction("list_unreported", readonly=True) as connection:
            rows = await Store(connection).list_unreported()
        for row in rows:
            await self.report_roll(row["election_id"])

    async def report_roll(self, election_id: str) -> None:
        """Tells of one roll as it is now."""
        async with self.database.transaction("report_roll", isolation="repeatable_read", readonly=True) as connection:
            store = Store(connection)
            roll = await store.read_roll(election_id)
            if roll is None:
                return
            summary = summarise(await store.count_by_weight(election_id), roll["test_mail_accepted_at"])
        try:
            await self.election.report_roll(election_id, summary)
        except Refused as refusal:
            if refusal.status == 404:
                await self._forget(election_id)
                return
            _pass_over(refusal)
        async with self.database.transaction("note_reported") as connection:
            await Store(connection).note_reported(election_id, roll["revision"])

    async def _forget(self, election_id: str) -> None:
        """Of an election that is gone no address is kept: rights are cached, so a roll may come in behind its end."""
        async with self.database.transaction("delete_roll") as connection:
            if not await MailStore(connection).has_withdrawals(election_id, None):
                await Store(connection).delete_roll(election_id)


def _pass_over(refusal: Refused) -> None:
    """A refusal because the election is gone, or in another state, is final; any other one is raised again."""
    if refusal.status not in {404, 409, 410}:
        raise refusal


def summarise(voters_by_weight: dict[int, int], test_mail_accepted_at: object) -> RollSummary:
    """A roll as `election` learns of it."""
    return RollSummary.model_validate(
        {
            "voters": sum(voters_by_weight.values()),
            "total_weight": sum(weight * voters for weight, voters in voters_by_weight.items()),
            "rare_weights": sum(1 for voters in voters_by_weight.values() if voters < RARE),
            "test_mail_accepted_at": test_mail_accepted_at,
        }
    )
