"""How codes and rolls end: withdrawn with an unsealed edition, destroyed at the close, deleted after the election.

- From the moment a secret is destroyed nobody can derive a code of that edition, and it never gets another secret.
- Mails that would carry such a code and have not been sent are not sent any more.
- Whoever may have been sent a code that is dead is told.
- Doing a step again changes nothing.
"""

from dataclasses import dataclass

import structlog

from services.election.client import ElectionClient
from services.election.contract import Report, Step
from services.shared.database import Database
from services.voter.store import Store
from services.voter.store_edition import EditionStore
from services.voter.store_mail import MailStore

log = structlog.get_logger()

UNSEALED = "The election was unsealed before this mail could be sent."
CLOSED = "The election closed before this mail could be sent."


@dataclass(frozen=True)
class Ending:
    """The steps WITHDRAW_CODES, DESTROY_SECRETS and APPLY_RETENTION."""

    database: Database
    election: ElectionClient

    async def withdraw_codes(self, election_id: str, uuid: str) -> None:
        """Kills an edition's codes, tells those who were invited, and lets the roll be changed again."""
        async with self.database.transaction("withdraw_codes") as connection:
            mails, editions = MailStore(connection), EditionStore(connection)
            await mails.withdraw_codes(election_id, uuid)
            await mails.refuse_unsent(uuid, UNSEALED)
            await editions.destroy_secret(uuid)
            await editions.unfreeze_roll(election_id, uuid)
        await self.election.report_step(election_id, Step.WITHDRAW_CODES, Report(uuid=uuid))
        log.info("codes_withdrawn")

    async def destroy_secrets(self, election_id: str, uuid: str) -> None:
        """Nobody can derive a code from here on."""
        async with self.database.transaction("destroy_secrets") as connection:
            await MailStore(connection).refuse_unsent(uuid, CLOSED)
            await EditionStore(connection).destroy_secret(uuid)
        await self.election.report_step(election_id, Step.DESTROY_SECRETS, Report(uuid=uuid))
        log.info("secrets_destroyed")

    async def apply_retention(self, election_id: str, uuid: str) -> None:
        """Deletes the roll and all that hangs on it, once nobody has to be told of a dead code any more."""
        async with self.database.transaction("apply_retention") as connection:
            if await MailStore(connection).has_withdrawals(election_id, None):
                return
            await Store(connection).delete_roll(election_id)
        await self.election.report_step(election_id, Step.APPLY_RETENTION, Report(uuid=uuid))
        log.info("roll_deleted")
