"""Who is mailed a code, and when.

- Everybody is invited once: when the organiser says so after the sealing, or when the election opens.
- A reminder goes to those whose code has not been used. `ballot` is asked for the whole list of used credentials,
  never for one person's; who was reminded is forgotten with each mail, and organisers learn totals only.
- A test mail is the invitation itself with a code that opens nothing.
"""

import random
from dataclasses import dataclass

from services.ballot.client import BallotClient
from services.election.contract import Rights
from services.shared.database import Database
from services.shared.problems import Conflict, Invalid, NotFound
from services.voter.addresses import InvalidAddress, parse_address
from services.voter.codes import harmless_code
from services.voter.contract import MailStatus, Queued, TestMailFate
from services.voter.credentials import compute_credentials
from services.voter.mails import Letterhead
from services.voter.notices import note
from services.voter.settings import VoterSettings
from services.voter.smtp import Answer, MailServer, Outcome
from services.voter.store import Store
from services.voter.store_edition import EditionStore
from services.voter.store_mail import MailStore
from services.voting.election import generate_uuid

TEST_SECONDS = 8  # less than an organiser's page waits

STATUS = {
    Outcome.ACCEPTED: MailStatus.ACCEPTED,
    Outcome.REFUSED: MailStatus.REFUSED,
    Outcome.DEFERRED: MailStatus.DEFERRED,
    Outcome.TROUBLE: MailStatus.DEFERRED,
}


@dataclass(frozen=True)
class Inviting:
    """Queues mails with codes, and sends test mails."""

    database: Database
    ballot: BallotClient
    letterhead: Letterhead
    settings: VoterSettings

    async def queue_invitations(self, election_id: str, uuid: str) -> Queued:
        """Invites everybody who has not been."""
        async with self.database.transaction("queue_invitations") as connection:
            queued = await MailStore(connection).queue_invitations(election_id, uuid)
            if queued:
                await note(connection, election_id, uuid, "invitations_queued", {"queued": queued})
        return Queued(queued=queued)

    async def invite_at_opening(self, election_id: str, uuid: str) -> None:
        """The same when the election opens, once."""
        async with self.database.transaction("invite_at_opening") as connection:
            if not await EditionStore(connection).note_opened(uuid):
                return
            queued = await MailStore(connection).queue_invitations(election_id, uuid)
            if queued:
                await note(connection, election_id, uuid, "invitations_queued", {"queued": queued})

    async def resend_invitation(self, election_id: str, uuid: str, voter_id: str) -> Queued:
        """One voter's invitation again; if it has not been sent yet it becomes the next to be."""
        async with self.database.transaction("resend_invitation") as connection:
            mails = MailStore(connection)
            if await Store(connection).read_voter(election_id, voter_id) is None:
                raise NotFound("There is no such voter.")
            if not await mails.hurry_invitation(uuid, voter_id):
                await mails.queue_resent(election_id, uuid, voter_id)
        return Queued(queued=1)

    async def queue_reminders(self, election_id: str, uuid: str) -> Queued:
        """Wants reminders; how many there will be if nobody votes meanwhile. Raises Conflict while some are waiting."""
        board = await self.ballot.read_board(uuid)
        async with self.database.transaction("queue_reminders") as connection:
            if not await EditionStore(connection).want_reminders(uuid):
                raise Conflict("Reminders are on their way already.", code="reminders-under-way")
            voters = (await Store(connection).count_voters(election_id))["voters"]
            queued = max(0, voters - board.voted)
            await note(connection, election_id, uuid, "reminders_queued", {"queued": queued})
        return Queued(queued=queued)

    async def remind(self, election_id: str, uuid: str) -> None:
        """Queues the reminders that are wanted."""
        async with self.database.transaction("read_reminding", readonly=True) as connection:
            sealed = await EditionStore(connection).read_secret(uuid)
            voter_ids = [voter_id for voter_id, _ in await Store(connection).list_weights(election_id)]
        unused: list[str] = []
        if sealed is not None:
            unused = await self._unused(sealed.open(uuid, self.settings.sealing_key_bytes()), uuid, voter_ids)
        async with self.database.transaction("remind") as connection:
            if await EditionStore(connection).end_reminding(uuid):
                await MailStore(connection).queue_reminders(election_id, uuid, unused)

    async def _unused(self, secret: bytes, uuid: str, voter_ids: list[str]) -> list[str]:
        """The voters whose codes have not been used, in an order that says nothing."""
        keys: list[str] = []
        async for chunk in compute_credentials(secret, uuid, voter_ids):
            keys += chunk
        used = await self._used(uuid)
        unused = [voter_id for voter_id, key in zip(voter_ids, keys, strict=True) if key not in used]
        random.SystemRandom().shuffle(unused)
        return unused

    async def _used(self, uuid: str) -> set[str]:
        used: set[str] = set()
        after = None
        while True:
            page = await self.ballot.list_used(uuid, after=after)
            used.update(page.credentials)
            if page.next is None:
                return used
            after = page.next

    async def send_test_mail(self, rights: Rights, address: str) -> TestMailFate:
        """Hands the mail over at once and waits for the answer."""
        assert rights.announcement is not None  # election tells voter
        try:
            to = parse_address(address).written
        except InvalidAddress as error:
            raise Invalid(str(error), code="invalid-address") from None
        envelope = self.letterhead.write_test(
            rights.announcement, uuid=rights.uuid, code=harmless_code(), to=to, message_id=generate_uuid()
        )
        server = MailServer(self.settings)
        answer = await server.send(envelope, seconds=TEST_SECONDS)
        await server.close()
        return await self._note_test(rights.election_id, answer)

    async def _note_test(self, election_id: str, answer: Answer) -> TestMailFate:
        if answer.outcome == Outcome.ACCEPTED:
            async with self.database.transaction("send_test_mail") as connection:
                store = Store(connection)
                await store.ensure_roll(election_id)
                await store.accept_test_mail(election_id)
        return TestMailFate(status=STATUS[answer.outcome], reply=answer.reply)
