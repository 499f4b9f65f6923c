"""Wires `election`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.election import routes, routes_public, routes_services
from services.election.metrics import OwedSteps
from services.election.settings import ElectionSettings
from services.election.trustees import TrusteeCodes
from services.shared.app import Resources, create_service
from services.shared.database import Database
from services.shared.migrate import check_schema


def create_app(settings: ElectionSettings) -> FastAPI:
    """The application of `election`."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        database = await Database.open(
            settings.database_url.get_secret_value(), schema="election", connections=settings.database_connections
        )
        resources.add(database)
        resources.add(OwedSteps())
        resources.add(TrusteeCodes.of_base64(settings.trustee_code_key.get_secret_value()))
        resources.check("database", database.ping)
        resources.check("schema", lambda: check_schema(database, "election"))
        try:
            yield
        finally:
            await database.close()

    return create_service(
        settings,
        routers=[routes.router, routes_services.router, routes_public.router],
        opener=opener,
        title="UVote election",
    )
