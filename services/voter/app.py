"""Wires `voter`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.shared import identity
from services.shared.app import Resources, create_service
from services.shared.database import Database
from services.shared.migrate import check_schema
from services.shared.polling import polling
from services.voter import routes
from services.voter.composing import Composer
from services.voter.correcting import Correcting
from services.voter.ending import Ending
from services.voter.importing import Importing
from services.voter.inviting import Inviting
from services.voter.mails import Letterhead
from services.voter.metrics import WATCH_SECONDS, MailWatch
from services.voter.notices import Notices
from services.voter.queue import Queue, sending
from services.voter.reading import Reading
from services.voter.rights import RightsDesk
from services.voter.sealing import Sealing
from services.voter.settings import VoterSettings
from services.voter.trustees import Trustees
from services.voter.working import Working


def create_app(settings: VoterSettings) -> FastAPI:
    """The application of `voter`."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await Database.open(
                settings.database_url.get_secret_value(), schema="voter", connections=settings.database_connections
            )
            stack.push_async_callback(database.close)
            caller = identity.Caller("voter", identity.private_key(settings.caller_key.get_secret_value()))
            election = ElectionClient(settings.election_url, caller=caller)
            ballot = BallotClient(settings.ballot_url, caller=caller)
            stack.push_async_callback(election.close)
            stack.push_async_callback(ballot.close)
            letterhead = Letterhead(settings.mail_from, settings.frontend_url.rstrip("/"))
            inviting = resources.add(Inviting(database, ballot, letterhead, settings))
            notices = resources.add(Notices(database, election))
            resources.add(RightsDesk(election))
            resources.add(Reading(database))
            resources.add(Importing(database))
            resources.add(Correcting(database))
            resources.check("database", database.ping)
            resources.check("schema", lambda: check_schema(database, "voter"))

            sealing_key = settings.sealing_key_bytes()
            sealing = Sealing(database, election, ballot, sealing_key)
            working = Working(database, election, sealing, Ending(database, election), inviting)
            stack.push_async_callback(working.close)
            composer = Composer(letterhead, sealing_key, election)
            trustees = Trustees(database, election)
            await stack.enter_async_context(sending(Queue(database, settings, composer.compose)))
            await stack.enter_async_context(polling("work", working.follow, settings.poll_seconds))
            await stack.enter_async_context(polling("trustees", trustees.follow, settings.poll_seconds))
            await stack.enter_async_context(polling("notices", notices.tell, settings.poll_seconds))
            await stack.enter_async_context(polling("mails", MailWatch(database).look, WATCH_SECONDS))
            yield

    return create_service(settings, routers=[routes.router], opener=opener, title="UVote voter")
