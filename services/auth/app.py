"""Wires `auth`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from services.auth import routes
from services.auth.accounts import Accounts
from services.auth.forgetting import FORGET_SECONDS, Forgetting
from services.auth.keyring import Keyring
from services.auth.metrics import WATCH_SECONDS
from services.auth.passwords import PasswordPool
from services.auth.sealing import Sealing
from services.auth.sessions import Sessions
from services.auth.settings import AuthSettings
from services.shared.app import Resources, create_service
from services.shared.database import Database
from services.shared.migrate import check_schema
from services.shared.polling import polling


def create_app(settings: AuthSettings) -> FastAPI:
    """The application of `auth`."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = await Database.open(
                settings.database_url.get_secret_value(), schema="auth", connections=settings.database_connections
            )
            stack.push_async_callback(database.close)
            pool = PasswordPool()
            stack.callback(pool.close)
            sealing = Sealing.under(settings.sealing_key.get_secret_value())
            keyring = resources.add(Keyring(database, sealing))
            resources.add(Sessions(database, sealing, keyring, pool))
            resources.add(Accounts(database, pool, sign_up_enabled=settings.sign_up_enabled))
            resources.check("database", database.ping)
            resources.check("schema", lambda: check_schema(database, "auth"))
            resources.check("signing_keys", keyring.check)
            await stack.enter_async_context(polling("forget", Forgetting(database, keyring).round, FORGET_SECONDS))
            await stack.enter_async_context(polling("keys", keyring.watch, WATCH_SECONDS))
            yield

    return create_service(settings, routers=[routes.router], opener=opener, title="UVote auth")
