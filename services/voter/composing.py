"""Makes a queued mail when its turn comes: the code is derived, the text rendered, and both forgotten with the mail."""

from dataclasses import dataclass

from asyncpg import Record

from services.election.client import ElectionClient
from services.election.contract import Announcement
from services.voter.addresses import InvalidAddress
from services.voter.codes import SealedSecret
from services.voter.contract import MailKind
from services.voter.mails import Envelope, Letterhead
from services.voting.credential import derive_code

ENDED = "The codes of this election are destroyed."


@dataclass(frozen=True)
class Composer:
    """What mails are made with."""

    letterhead: Letterhead
    sealing_key: bytes
    election: ElectionClient

    async def compose(self, mail: Record) -> Envelope | str | None:
        """The mail of a row; a sentence when it cannot be sent any more, None when nobody wants it any more."""
        try:
            if mail["trustee_id"] is not None:
                return await self._compose_for_trustee(mail)
            return self._compose_for_voter(mail)
        except InvalidAddress as error:
            return str(error)

    async def _compose_for_trustee(self, mail: Record) -> Envelope | None:
        wanted = (mail["trustee_id"], mail["generation"])
        for invitation in await self.election.list_trustee_invitations():
            if (invitation.trustee_id, invitation.generation) == wanted:
                return self.letterhead.write_trustee(invitation, message_id=mail["id"])
        return None

    def _compose_for_voter(self, mail: Record) -> Envelope | str:
        kind = MailKind(mail["kind"])
        announcement = Announcement.model_validate_json(mail["announcement"])
        to, message_id = mail["address"], str(mail["id"])
        if kind == MailKind.ADDRESS_CHANGED:
            former = mail["to_former"]
            return self.letterhead.write_address_changed(announcement, former=former, to=to, message_id=message_id)
        if kind == MailKind.CODE_WITHDRAWN:
            return self.letterhead.write_code_withdrawn(announcement, to=to, message_id=message_id)
        if mail["sealed_key"] is None:
            return ENDED
        secret = SealedSecret(mail["sealed_key"], mail["sealed_secret"]).open(mail["uuid"], self.sealing_key)
        code = derive_code(secret, mail["voter_id"])
        return self.letterhead.write_invitation(
            kind, announcement, uuid=mail["uuid"], code=code, to=to, message_id=message_id
        )
