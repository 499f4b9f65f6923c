"""What trustees do, and the mails that bring them here.

Promises:
- A key is published, or replaced, only while the election is a draft.
- The fate of a mail counts for the invitation that it carried, not for a later one.
"""

from services.election import lifecycle
from services.election.acts import trustee_acts
from services.election.contract import InvitationFate, State, TrusteeInvitation, TrusteeKey, TrusteePage
from services.election.store import Store
from services.election.store_trustees import StoredTrustee, TrusteeStore
from services.election.trustees import TrusteeCodes, check_key
from services.election.views import view_trustee_page
from services.shared.database import Database
from services.shared.problems import Conflict, NotFound


async def read_trustee_page(database: Database, trustee_id: str) -> TrusteePage:
    """The trustee's own page."""
    async with database.transaction("read_trustee_page", isolation="repeatable_read", readonly=True) as connection:
        trustees = TrusteeStore(connection)
        trustee = _known(await trustees.read_trustee(trustee_id))
        election = await Store(connection).read_election(trustee.election_id)
        if election is None or election.life.discarded:
            raise _unknown()
        return view_trustee_page(election, await trustees.list_trustees(election.id), trustee_id)


async def publish_trustee_key(database: Database, trustee_id: str, key: TrusteeKey) -> TrusteePage:
    """The key becomes part of the election's."""
    await check_key(key)
    async with trustee_acts(database, "publish_trustee_key", f"trustee:{trustee_id}", trustee_id) as act:
        trustee = _known(await act.trustees.read_trustee(trustee_id))
        lifecycle.require(act.life, State.DRAFT)
        if trustee.key != key:
            await act.trustees.set_key(trustee_id, key)
            await act.record({"trustee": trustee_id, "public_key": key.public_key})
        return view_trustee_page(act.election, await act.trustees.list_trustees(act.election.id), trustee_id)


async def list_trustee_invitations(database: Database, codes: TrusteeCodes) -> list[TrusteeInvitation]:
    """The mails that are waiting, with their codes."""
    async with database.transaction("list_trustee_invitations", readonly=True) as connection:
        waiting = await TrusteeStore(connection).list_waiting()
    return [
        TrusteeInvitation(
            trustee_id=trustee.id,
            name=trustee.name,
            address=trustee.address,
            code=codes.code(trustee.id, trustee.generation),
            election_name=election_name,
            reply_to=reply_to,
            generation=trustee.generation,
        )
        for trustee, election_name, reply_to in waiting
    ]


async def report_trustee_invitation(database: Database, trustee_id: str, fate: InvitationFate) -> None:
    """What the mail server said."""
    async with trustee_acts(database, "report_trustee_invitation", "service:voter", trustee_id) as act:
        trustee = _known(await act.trustees.read_trustee(trustee_id))
        if fate.generation > trustee.generation:
            raise Conflict("There is no such invitation yet.", code="unknown-generation")
        if fate.generation == trustee.generation and fate.fate != trustee.invitation:
            await act.trustees.set_invitation(trustee_id, fate.fate)
            await act.record({"trustee": trustee_id, "generation": fate.generation, "fate": fate.fate})


def _known(trustee: StoredTrustee | None) -> StoredTrustee:
    if trustee is None:
        raise _unknown()
    return trustee


def _unknown() -> NotFound:
    return NotFound("There is no such trustee.")
