"""Wires `result`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.result import routes
from services.result.decrypting import Decrypting
from services.result.following import Following
from services.result.settings import ResultSettings
from services.result.store import Store
from services.result.watching import Watch
from services.result.working import Working
from services.shared import identity
from services.shared.app import Resources, create_service
from services.shared.database import Database
from services.shared.migrate import check_schema
from services.shared.polling import polling


def create_app(settings: ResultSettings) -> FastAPI:
    """The application of `result`."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await Database.open(
                settings.database_url.get_secret_value(), schema="result", connections=settings.database_connections
            )
            stack.push_async_callback(database.close)
            caller = identity.Caller("result", identity.private_key(settings.caller_key.get_secret_value()))
            election = resources.add(ElectionClient(settings.election_url, caller=caller))
            ballot = resources.add(BallotClient(settings.ballot_url, caller=caller))
            stack.push_async_callback(election.close)
            stack.push_async_callback(ballot.close)
            store = Store(database)
            decrypting = resources.add(Decrypting(store, election, ballot))
            watch = Watch(ballot, decrypting, {})
            working = Working(election, Following(store, election, ballot), decrypting, watch)
            resources.check("database", database.ping)
            resources.check("schema", lambda: check_schema(database, "result"))
            await stack.enter_async_context(polling("work", working.round, settings.poll_seconds))
            yield

    return create_service(settings, routers=[routes.router], opener=opener, title="UVote result")
