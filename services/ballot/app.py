"""Wires `ballot`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from services.ballot import routes
from services.ballot.appending import Appending
from services.ballot.casting import Casting
from services.ballot.clock import CLOCK_SECONDS, ClockWatch
from services.ballot.closing import Closing
from services.ballot.conclusion import Conclusion
from services.ballot.duties import Duties
from services.ballot.elections import Elections
from services.ballot.failures import Failures
from services.ballot.origin import OneOrigin
from services.ballot.proofs import ProofPool
from services.ballot.public_list import PublicList
from services.ballot.publishing import Publisher
from services.ballot.reading import Reading
from services.ballot.settings import BallotSettings
from services.ballot.setup import SettingUp
from services.ballot.store import Store
from services.ballot.store_list import ListStore
from services.ballot.store_reading import ReadingStore
from services.election.client import ElectionClient
from services.shared import identity
from services.shared.app import Resources, create_service
from services.shared.database import Database
from services.shared.migrate import check_schema
from services.shared.polling import polling


def create_app(settings: BallotSettings) -> FastAPI:
    """The application of `ballot`."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            half = settings.database_connections // 2
            database, for_readers = await _open_database(settings, half), await _open_database(settings, half)
            stack.push_async_callback(database.close)
            stack.push_async_callback(for_readers.close)
            proofs = ProofPool(settings.proof_processes, settings.proof_queue)
            stack.callback(proofs.close)
            caller = identity.Caller("ballot", identity.private_key(settings.caller_key.get_secret_value()))
            election = ElectionClient(settings.election_url, caller=caller)
            stack.push_async_callback(election.close)
            store, lists, reading = Store(database), ListStore(database), ReadingStore(for_readers)
            elections = resources.add(Elections(reading))
            appending = Appending(store, settings.append_grace_seconds)
            closing = Closing(store, settings.append_grace_seconds)
            duties = Duties(election, store, SettingUp(store, lists), closing, elections, proofs)
            resources.add(Casting(store, elections, proofs, appending))
            resources.add(Failures(elections))
            resources.add(PublicList(store, lists))
            resources.add(Reading(store, reading))
            resources.add(Conclusion(store, elections))
            publisher = Publisher(await _open_database(settings, 1, watched=False))
            stack.push_async_callback(publisher.database.close)
            stack.push_async_callback(publisher.close)
            resources.check("database", database.ping)
            resources.check("schema", lambda: check_schema(database, "ballot"))
            resources.check("proofs", proofs.require_ready)
            await stack.enter_async_context(polling("proof_workers", proofs.start, settings.poll_seconds))
            await stack.enter_async_context(polling("duties", duties.round, settings.poll_seconds))
            await stack.enter_async_context(polling("free_boards", appending.free_boards, settings.poll_seconds))
            await stack.enter_async_context(polling("end_boards", closing.end_boards, settings.poll_seconds))
            await stack.enter_async_context(polling("clock", ClockWatch(store).look, CLOCK_SECONDS))
            await stack.enter_async_context(polling("publish", publisher.round, settings.publish_seconds))
            yield

    app = create_service(settings, routers=[routes.public_router, routes.router], opener=opener, title="UVote ballot")
    app.add_middleware(OneOrigin, origin=settings.frontend_origin)
    return app


async def _open_database(settings: BallotSettings, connections: int, *, watched: bool = True) -> Database:
    """Half of the connections: whoever reads the board, and be it the whole world, leaves the others to the voters."""
    url = settings.database_url.get_secret_value()
    return await Database.open(url, schema="ballot", connections=connections, watched=watched)
