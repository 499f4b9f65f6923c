"""How anything is done to an election: one transaction, the election locked, its owner checked, one audit record.

Promises:
- Only the owner sees or changes an election; to everybody else it does not exist. Neither does a deleted draft.
- Acts on one election happen one after the other, and so do their audit records.
- What an act changes and its audit record are stored together or not at all.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from services.election import metrics
from services.election.contract import Election
from services.election.lifecycle import Life
from services.election.store import Store, StoredElection
from services.election.store_audit import AuditStore
from services.election.store_trustees import TrusteeStore
from services.election.views import view_election
from services.shared.database import Connection, Database
from services.shared.identity import Organiser
from services.shared.problems import NotFound


@dataclass
class Act:
    """An act in progress. `election` is as it was before, until `save`."""

    action: str
    actor: str
    connection: Connection
    election: StoredElection
    recorded: bool = False

    @property
    def store(self) -> Store:
        """Statements on elections."""
        return Store(self.connection)

    @property
    def trustees(self) -> TrusteeStore:
        """Statements on trustees."""
        return TrusteeStore(self.connection)

    @property
    def life(self) -> Life:
        """Where the election stands."""
        return self.election.life

    async def save(self, after: StoredElection) -> None:
        """Stores the election as it is from now on."""
        await self.store.save_election(after)
        self.election = after

    async def enter(self, life: Life) -> None:
        """Stores where the election stands from now on."""
        await self.save(replace(self.election, life=life))

    async def record(self, facts: Mapping[str, Any]) -> None:
        """The act's one audit record."""
        await AuditStore(self.connection).append_audit(self.election.id, self.actor, self.action, facts)
        self.recorded = True

    def count(self) -> None:
        """Counts the act, once it is committed and if it has changed anything."""
        if self.recorded:
            metrics.count_act(self.action, self.election.draft.election_class)

    async def view(self) -> Election:
        """The election for its organiser."""
        return view_election(self.election, await self.trustees.list_trustees(self.election.id))


def unknown() -> NotFound:
    """What strangers are told, and those who ask for what does not exist."""
    return NotFound("There is no such election.")


async def read_owned(store: Store, organiser: Organiser, election_id: str) -> StoredElection:
    """The election if it is the organiser's; raises NotFound."""
    return _owned(await store.read_election(election_id), organiser)


def _owned(election: StoredElection | None, organiser: Organiser, *, deleted_too: bool = False) -> StoredElection:
    if election is None or election.owner != organiser.id or (election.life.discarded and not deleted_too):
        raise unknown()
    return election


@asynccontextmanager
async def organiser_acts(
    database: Database, action: str, organiser: Organiser, election_id: str, *, deleted_too: bool = False
) -> AsyncIterator[Act]:
    """An act of the owner; raises NotFound for anybody else."""
    async with database.transaction(action) as connection:
        election = await Store(connection).lock_election(election_id)
        owned = _owned(election, organiser, deleted_too=deleted_too)
        act = Act(action, f"organiser:{organiser.id}", connection, owned)
        yield act
    act.count()


@asynccontextmanager
async def service_acts(database: Database, action: str, service: str, election_id: str) -> AsyncIterator[Act]:
    """An act of a service; raises NotFound when there is no such election."""
    async with database.transaction(action) as connection:
        election = await Store(connection).lock_election(election_id)
        if election is None:
            raise unknown()
        act = Act(action, f"service:{service}", connection, election)
        yield act
    act.count()


@asynccontextmanager
async def trustee_acts(database: Database, action: str, actor: str, trustee_id: str) -> AsyncIterator[Act]:
    """An act of a trustee, or on one; raises NotFound when there is no such trustee."""
    async with database.transaction(action) as connection:
        trustee = await TrusteeStore(connection).read_trustee(trustee_id)
        election = await Store(connection).lock_election(trustee.election_id) if trustee else None
        if election is None or election.life.discarded:
            raise NotFound("There is no such trustee.")
        act = Act(action, actor, connection, election)
        yield act
    act.count()
