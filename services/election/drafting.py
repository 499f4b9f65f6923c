"""What an organiser does while an election is a draft.

Promises:
- A draft is replaced as a whole, by somebody who has seen what is there: a wrong revision is refused.
- The same replacement again changes nothing, and is not recorded again.
- A deleted draft is gone for everybody at once; its last traces go when `voter` has deleted the roll.
"""

import hashlib
from dataclasses import replace
from datetime import datetime

from services.election import lifecycle
from services.election.acts import organiser_acts, read_owned
from services.election.checklist import check
from services.election.contract import (
    Checklist,
    Draft,
    Election,
    ElectionSummary,
    NewElection,
    NewTrustee,
    Replacement,
    RollSummary,
    State,
    TrusteeView,
)
from services.election.lifecycle import Life
from services.election.metrics import count_act
from services.election.schedule import instants
from services.election.store import Store, StoredElection
from services.election.store_audit import AuditStore
from services.election.store_trustees import StoredTrustee, TrusteeStore
from services.election.views import view_election
from services.shared.database import Database
from services.shared.identity import Organiser
from services.shared.problems import Conflict, NotFound
from services.voting.election import generate_uuid

MOST_TRUSTEES = 100

# A trustee's mail may get lost at any time until the decryption.
INVITING = (
    State.DRAFT,
    State.SEALING,
    State.SEALED,
    State.UNSEALING,
    State.OPEN,
    State.CLOSING,
    State.CLOSED,
)


def _digest(draft: Draft) -> str:
    return hashlib.sha256(draft.model_dump_json().encode()).hexdigest()


async def create_election(database: Database, organiser: Organiser, new: NewElection) -> Election:
    """A new draft."""
    opens_at, closes_at = instants(new.draft)
    life = Life(generate_uuid(), RollSummary(voters=0, total_weight=0, rare_weights=0))
    election = StoredElection(generate_uuid(), organiser.id, 1, new.draft, opens_at, closes_at, life)
    async with database.transaction("create_election") as connection:
        await Store(connection).insert_election(election)
        facts = {"revision": 1, "draft": _digest(new.draft)}
        await AuditStore(connection).append_audit(election.id, f"organiser:{organiser.id}", "create_election", facts)
    count_act("create_election", new.draft.election_class)
    return view_election(election, [])


async def list_elections(database: Database, organiser: Organiser) -> list[ElectionSummary]:
    """Newest first."""
    async with database.transaction("list_elections", readonly=True) as connection:
        return await Store(connection).list_elections(organiser.id)


async def read_election(database: Database, organiser: Organiser, election_id: str) -> Election:
    """As its owner sees it."""
    async with database.transaction("read_election", isolation="repeatable_read", readonly=True) as connection:
        election = await read_owned(Store(connection), organiser, election_id)
        return view_election(election, await TrusteeStore(connection).list_trustees(election_id))


async def replace_draft(
    database: Database, organiser: Organiser, election_id: str, replacement: Replacement
) -> Election:
    """The next revision."""
    draft = replacement.draft
    opens_at, closes_at = instants(draft)
    async with organiser_acts(database, "replace_draft", organiser, election_id) as act:
        before = act.election
        lifecycle.require(before.life, State.DRAFT)
        if before.draft == draft and before.revision in {replacement.revision, replacement.revision + 1}:
            return await act.view()
        if before.revision != replacement.revision:
            raise Conflict("Somebody else has changed this draft.", code="wrong-revision", revision=before.revision)
        revision = before.revision + 1
        await act.save(replace(before, revision=revision, draft=draft, opens_at=opens_at, closes_at=closes_at))
        await act.record({"revision": revision, "draft": _digest(draft)})
        return await act.view()


async def delete_election(database: Database, organiser: Organiser, election_id: str) -> None:
    """Nobody sees the draft any more. Asking again changes nothing."""
    async with organiser_acts(database, "delete_election", organiser, election_id, deleted_too=True) as act:
        if not act.life.discarded:
            await act.enter(lifecycle.discard(act.life))
            await act.record({})


async def add_trustee(database: Database, organiser: Organiser, election_id: str, new: NewTrustee) -> TrusteeView:
    """The trustee's invitation is waiting."""
    async with organiser_acts(database, "add_trustee", organiser, election_id) as act:
        lifecycle.require(act.life, State.DRAFT)
        if len(await act.trustees.list_trustees(election_id)) >= MOST_TRUSTEES:
            raise Conflict(f"An election has at most {MOST_TRUSTEES} trustees.", code="too-many-trustees")
        trustee = await act.trustees.insert_trustee(election_id, generate_uuid(), new.name, new.address)
        await act.record({"trustee": trustee.id})
        return trustee.view


async def remove_trustee(database: Database, organiser: Organiser, election_id: str, trustee_id: str) -> None:
    """The trustee's code and key are forgotten. Asking again changes nothing."""
    async with organiser_acts(database, "remove_trustee", organiser, election_id) as act:
        lifecycle.require(act.life, State.DRAFT)
        if trustee := await act.trustees.read_trustee(trustee_id):
            await act.trustees.delete_trustee(_of_election(trustee, election_id).id)
            await act.record({"trustee": trustee_id})


async def invite_trustee(database: Database, organiser: Organiser, election_id: str, trustee_id: str) -> None:
    """A new code kills the old one."""
    async with organiser_acts(database, "invite_trustee", organiser, election_id) as act:
        lifecycle.require(act.life, *INVITING)
        trustee = _of_election(await act.trustees.read_trustee(trustee_id), election_id)
        generation = await act.trustees.renew_invitation(trustee.id)
        await act.record({"trustee": trustee.id, "generation": generation})


def _of_election(trustee: StoredTrustee | None, election_id: str) -> StoredTrustee:
    if trustee is None or trustee.election_id != election_id:
        raise NotFound("There is no such trustee.")
    return trustee


async def read_checklist(database: Database, organiser: Organiser, election_id: str) -> Checklist:
    """What sealing still needs."""
    async with database.transaction("read_checklist", isolation="repeatable_read", readonly=True) as connection:
        store = Store(connection)
        election = await read_owned(store, organiser, election_id)
        trustees = await TrusteeStore(connection).list_trustees(election_id)
        return check_election(election, trustees, now=await store.read_clock())


def check_election(election: StoredElection, trustees: list[StoredTrustee], *, now: datetime) -> Checklist:
    """The checklist of an election as it is stored."""
    views = [trustee.view for trustee in trustees]
    return check(election.draft, election.opens_at, election.closes_at, election.life.roll, views, now=now)
