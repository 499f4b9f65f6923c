"""What can be read of an election: in public by anyone, and the audit log by its organiser.

Promises:
- Nothing of a draft is public.
- What was frozen is served byte by byte as it was frozen, until it is withdrawn; from then on the answer is "gone".
"""

from collections.abc import AsyncIterator

from services.election import audit
from services.election.acts import read_owned
from services.election.contract import AuditPage, PublicElection, State
from services.election.definition import Frozen
from services.election.store import Store
from services.election.store_audit import AuditStore
from services.election.store_trustees import TrusteeStore
from services.election.views import view_public_election
from services.shared.database import Database
from services.shared.identity import Organiser
from services.shared.problems import Gone, NotFound

AUDIT_PAGE = 200
EXPORT_PAGE = 1000


async def read_definition(database: Database, uuid: str) -> bytes:
    """Exact bytes."""
    async with database.transaction("read_definition", readonly=True) as connection:
        return (await _read_frozen(Store(connection), uuid)).definition


async def read_trustees(database: Database, uuid: str) -> bytes:
    """Exact bytes."""
    async with database.transaction("read_trustees", readonly=True) as connection:
        return (await _read_frozen(Store(connection), uuid)).trustees


async def _read_frozen(store: Store, uuid: str) -> Frozen:
    await _refuse_withdrawn(store, uuid)
    frozen = await store.read_frozen(uuid)
    if frozen is None:
        raise NotFound("There is no such election.")
    return frozen


async def _refuse_withdrawn(store: Store, uuid: str) -> None:
    if await store.is_withdrawn(uuid):
        raise Gone("This election was withdrawn before it opened.", code="withdrawn")


async def read_public_election(database: Database, uuid: str) -> PublicElection:
    """What anyone may know."""
    async with database.transaction("read_public_election", isolation="repeatable_read", readonly=True) as connection:
        store = Store(connection)
        await _refuse_withdrawn(store, uuid)
        election = await store.read_edition(uuid)
        if election is None or election.life.state is State.DRAFT:
            raise NotFound("There is no such election.")
        trustees = await TrusteeStore(connection).list_trustees(election.id)
        return view_public_election(election, trustees, await store.count_address_corrections(uuid))


async def read_audit(database: Database, organiser: Organiser, election_id: str, after: int) -> AuditPage:
    """A page of the log."""
    async with database.transaction("read_audit", readonly=True) as connection:
        await read_owned(Store(connection), organiser, election_id)
        records = await AuditStore(connection).list_audit(election_id, after, AUDIT_PAGE + 1)
    page = records[:AUDIT_PAGE]
    return AuditPage(records=page, next=page[-1].number if len(records) > AUDIT_PAGE else None)


async def export_audit(database: Database, organiser: Organiser, election_id: str) -> AsyncIterator[str]:
    """The log, one canonical record per line; whether it may be read is known before the first piece."""
    async with database.transaction("export_audit", readonly=True) as connection:
        await read_owned(Store(connection), organiser, election_id)
    return _lines(database, election_id)


async def _lines(database: Database, election_id: str) -> AsyncIterator[str]:
    after = 0
    while True:
        # A transaction each, so that a slow reader holds none; the log only grows, so nothing is missed.
        async with database.transaction("export_audit", readonly=True) as connection:
            records = await AuditStore(connection).list_audit(election_id, after, EXPORT_PAGE)
        if not records:
            return
        yield "".join(f"{audit.canonical(record)}\n" for record in records)
        after = records[-1].number
