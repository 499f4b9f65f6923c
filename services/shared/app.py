"""What all services have in common as programs: wiring of routes and refusals, health, start, drain.

- `/health/live` says that the process runs; `/health/ready` names what is missing; `/health` sums up.
- After SIGTERM requests that were accepted are answered; new connections are refused.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.telemetry.process import telemetry
from observability.telemetry.pulse import pulse
from services.shared import identity, problems
from services.shared.client import TIMEOUT, Refused
from services.shared.requests import Route
from services.shared.settings import Settings

Resource = TypeVar("Resource")
Check = Callable[[], Awaitable[None]]
CHECK_SECONDS = 2


class Resources:
    """What an application opens at its start: reachable by type in routes, with the checks that readiness needs."""

    def __init__(self) -> None:
        self.by_type: dict[type[Any], Any] = {}
        self.checks: dict[str, Check] = {}

    def add(self, resource: Resource) -> Resource:
        """Makes an object reachable by its type."""
        self.by_type[type(resource)] = resource
        return resource

    def check(self, name: str, check: Check) -> None:
        """Names something that must work before the service is ready; the check raises when it does not."""
        self.checks[name] = check

    async def missing(self) -> dict[str, str]:
        """The checks that fail, each with its reason."""

        async def reason(check: Check) -> str | None:
            try:
                await asyncio.wait_for(check(), CHECK_SECONDS)
            except Exception as error:  # noqa: BLE001  # whatever it is, the service is not ready
                return str(error) if isinstance(error, problems.Problem | LookupError) else type(error).__name__
            return None

        reasons = await asyncio.gather(*(reason(check) for check in self.checks.values()))
        return {name: why for name, why in zip(self.checks, reasons, strict=True) if why is not None}


def resource(kind: type[Resource]) -> Any:
    """In a route's signature: the opened object of this type."""

    # FastAPI would send a plain function to a thread, which costs more than the rest of a request.
    async def find(request: Request) -> Resource:
        found: Resource = request.app.state.resources.by_type[kind]
        return found

    return Depends(find)


Opener = Callable[[Resources], AbstractAsyncContextManager[None]]


class Unforeseen:
    """Turns what nobody foresaw into a bare 500, before the framework would print it with its values."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001  # the edge: nothing may pass
            response = problems.unforeseen(error)
            if not started:
                await response(scope, receive, send)


def create_service(
    settings: Settings,
    *,
    routers: Iterable[APIRouter],
    opener: Opener,
    title: str,
) -> FastAPI:
    """The application of one service. `opener` opens its resources and closes them after the last request."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.resources = Resources()
        async with pulse(), httpx.AsyncClient(timeout=TIMEOUT) as client, opener(app.state.resources):
            app.state.organiser_tokens = identity.OrganiserTokens(
                f"{settings.auth_url}/v1/jwks", settings.service, client
            )
            yield

    app = FastAPI(
        title=title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=lambda route: route.name,
        # What the framework would say by itself quotes queries, addresses and errors; our own telemetry says the rest.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.callers = identity.Callers(
        settings.service, {name: identity.public_key(key) for name, key in settings.callers.items()}
    )
    problems.install(app)
    app.add_exception_handler(Refused, _render_refused)
    app.include_router(_health(settings.service))
    for router in routers:
        app.include_router(router, prefix="/v1")
    app.add_middleware(Unforeseen)
    return app


async def _render_refused(_: Request, __: Exception) -> JSONResponse:
    # Routes turn the refusals that they expect into their own.
    return problems.render(problems.BadGateway("A part of the system did not take what it was asked."))


def new_router(**options: Any) -> APIRouter:
    """A router whose requests are limited and strictly parsed, and whose refusals are problems."""
    return APIRouter(route_class=Route, responses=problems.RESPONSES, **options)


def _health(service: str) -> APIRouter:
    router = new_router(prefix="/health", tags=["health"])

    @router.get("/live", dependencies=[identity.public()])
    async def read_live() -> dict[str, str]:
        """The process runs."""
        return {"service": service, "status": "live"}

    @router.get("/ready", dependencies=[identity.public()], responses={503: {"description": "Something is missing"}})
    async def read_ready(request: Request) -> JSONResponse:
        """Whether requests can be served, and what is missing if not."""
        missing = await request.app.state.resources.missing()
        return _summary(service, missing, 503 if missing else 200)

    @router.get("", dependencies=[identity.public()])
    async def read_health(request: Request) -> JSONResponse:
        """The same for people: always 200."""
        return _summary(service, await request.app.state.resources.missing(), 200)

    return router


def _summary(service: str, missing: Mapping[str, str], status: int) -> JSONResponse:
    state = "not ready" if missing else "ready"
    return JSONResponse({"service": service, "status": state, "missing": dict(missing)}, status)


async def _serve(server: uvicorn.Server) -> None:
    # Uvicorn would re-raise the signal after draining; the process is to end with 0.
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    await server._serve()  # noqa: SLF001  # serve() without its own signal handlers


def run(app: FastAPI, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains."""
    with telemetry(
        app,
        settings.service,
        settings=settings.without_secrets(),
        host=settings.host,
        metrics_port=settings.metrics_port,
        level=settings.log_level,
        collectors=settings.collectors(),
        sentry_dsn=settings.error_reports(),
        sign=identity.Caller(settings.service, _own_key(settings)).trace_token,
        believe=app.state.callers.tell_of_traces,
    ) as served:
        config = _configure(served, settings)
        server = uvicorn.Server(config)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(server))


def _own_key(settings: Settings) -> Ed25519PrivateKey:
    return identity.private_key(settings.caller_key.get_secret_value())


def _configure(served: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        served,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=settings.drain_seconds,
        backlog=4096,
    )
