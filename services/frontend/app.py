"""Wiring of `frontend`: pages, static files, and what stands around every request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from services.frontend import csrf, language, refusals, security, static_files
from services.frontend.clients import organiser_side, public_side
from services.frontend.cookies import Cookies
from services.frontend.metrics import Reports
from services.frontend.pages import ROUTERS
from services.frontend.rendering import Pages
from services.frontend.settings import FrontendSettings
from services.shared.app import Resources, create_service


class Reader:
    """Who reads: the language that their browser asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.languages = language.load_languages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        with language.speaking(language.choose_language(accepted, self.languages)):
            await self.app(scope, receive, send)


def create_app(settings: FrontendSettings) -> FastAPI:
    """The application."""

    @asynccontextmanager
    async def opener(resources: Resources) -> AsyncIterator[None]:
        async with organiser_side(settings) as organisers, public_side(settings) as everybody:
            resources.add(settings)
            resources.add(Reports())
            resources.add(organisers)
            resources.add(everybody)
            yield

    app = create_service(settings, routers=(), opener=opener, title="UVote frontend")
    # An address with one slash too many is another address.
    app.router.redirect_slashes = False
    static = static_files.StaticFiles()
    pages = Pages(settings, static)
    app.state.pages = pages
    refusals.install(app)
    for router in (static_files.routes(static), *ROUTERS):
        app.include_router(router)
    # The last one added is the first to see a request.
    app.add_middleware(csrf.OwnPagesOnly, public_origin=settings.public_origin)
    app.add_middleware(refusals.RefusalPages, render=pages.refusal)
    app.add_middleware(Cookies)
    app.add_middleware(
        security.SecurityHeaders, headers=security.security_headers(settings.public_origin, settings.ballot_public_url)
    )
    app.add_middleware(Reader)
    return app
