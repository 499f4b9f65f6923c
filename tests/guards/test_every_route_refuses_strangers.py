"""Every route says who may call it, and refuses everybody else, over real HTTP.

The routes are read from the applications, so that a new one cannot escape. What makes a caller right is changed in
one thing at a time; that the right caller is let in shows that the refusals are due to that one thing.
"""

import base64
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

import asyncpg
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from services.auth.contract import AUDIENCES
from services.auth.sealing import Sealing
from services.shared.identity import Access, CallerIs, private_key
from services.shared.requests import Route as LimitedRoute
from services.uvote.installation import CALLEES
from services.uvote.openapi import existing, markers, unopened_app
from tests.service.harness import System

KINDS = {"public", "caller", "organiser", "trustee", "session"}
REFUSED = {401, 403}
BASE58_SAMPLE = "1" * 22


@dataclass(frozen=True)
class RouteUnderTest:
    """One route of a service, with the markers of who may call it."""

    service: str
    method: str
    path: str
    name: str
    markers: tuple[Access, ...]
    limited: bool

    @property
    def marker(self) -> Access:
        (marker,) = self.markers
        return marker

    @property
    def callers(self) -> tuple[str, ...]:
        """The services that may call it."""
        return self.marker.names if isinstance(self.marker, CallerIs) else ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def routes(service: str) -> tuple[RouteUnderTest, ...]:
    return tuple(_routes(service))


def _routes(service: str) -> Iterator[RouteUnderTest]:
    for context in iter_route_contexts(unopened_app(service).routes):
        route = context.original_route
        assert isinstance(route, APIRoute), f"{service}: {context.path} is not a route that can be guarded"
        for method in sorted(context.methods or ()):
            path = _filled(str(context.path), context.dependant)
            access = tuple(markers(context.dependant))
            yield RouteUnderTest(service, method, path, route.name, access, isinstance(route, LimitedRoute))


def _filled(path: str, dependant: Dependant) -> str:
    """The path of something that is not there."""
    for field in dependant.path_params:
        choices = get_args(field.field_info.annotation)
        sample = "1" if field.field_info.annotation is int else BASE58_SAMPLE
        if choices and all(isinstance(choice, str) for choice in choices):
            sample = choices[0]
        path = re.sub(rf"{{{field.alias}(:\w+)?}}", sample, path)
    return re.sub(r"{\w+(:\w+)?}", BASE58_SAMPLE, path)


def marked(service: str, kind: str) -> list[RouteUnderTest]:
    return [route for route in routes(service) if route.marker.kind == kind]


@pytest.mark.parametrize("service", existing())
def test_every_route_says_exactly_once_who_may_call_it(service: str) -> None:
    assert [str(route) for route in routes(service) if len(route.markers) != 1] == []
    assert {route.marker.kind for route in routes(service)} <= KINDS


@pytest.mark.parametrize("service", existing())
def test_every_route_limits_what_it_reads(service: str) -> None:
    assert [str(route) for route in routes(service) if not route.limited] == []


@pytest.mark.parametrize("service", existing())
def test_routes_name_only_callers_that_the_call_graph_knows(service: str) -> None:
    named = {name for route in routes(service) for name in route.callers}
    assert named <= {caller for caller, callees in CALLEES.items() if service in callees}


@dataclass(frozen=True)
class Stage:
    """Services, an organiser, and everybody's keys."""

    system: System
    client: httpx.AsyncClient
    organiser_tokens: Mapping[str, str]
    organiser_key: Ed25519PrivateKey
    kid: str

    async def status(self, route: RouteUnderTest, authorization: str | None = None, cookie: str | None = None) -> int:
        headers = {}
        if authorization is not None:
            headers["Authorization"] = authorization
        if cookie is not None:
            headers["Cookie"] = cookie
        url = self.system.url(route.service) + route.path
        return (await self.client.request(route.method, url, headers=headers)).status_code

    def key(self, caller: str) -> Ed25519PrivateKey:
        return private_key(self.system.installation.keys.callers[caller])

    def call_token(self, caller: str, audience: str, **changed: Any) -> str:
        """A token of one service for another, with something changed; `signed_by` says with whose key instead."""
        now = int(time.time())
        key = self.key(changed.pop("signed_by", caller))
        claims = {"iss": caller, "aud": audience, "iat": now, "exp": now + 60} | changed
        return "Bearer " + jwt.encode(claims, key, "EdDSA")

    def organiser_token(self, audience: str, **changed: Any) -> str:
        """An organiser's token, with something changed."""
        right = jwt.decode(self.organiser_tokens[audience], options={"verify_signature": False})
        return "Bearer " + jwt.encode(right | changed, self.organiser_key, "EdDSA", {"kid": self.kid})

    def strangers(self, service: str) -> Iterator[str | None]:
        """What no route that is not public may accept, whoever may call it."""
        yield None
        unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=") + ".e30."
        yield from ("", "Bearer", "Bearer x", f"Bearer {unsigned}", "Basic eDp4", "Trustee x", "Trustee 1111-1111-1111")
        for caller in CALLEES:
            yield self.call_token(caller, service, signed_by=next(name for name in CALLEES if name != caller))
            yield self.call_token(caller, next(name for name in CALLEES if name != service))
            yield self.call_token(caller, service, iat=int(time.time()) - 120, exp=int(time.time()) - 60)
            yield self.call_token(caller, service, exp=int(time.time()) + 3600)
        for audience in AUDIENCES:
            if audience != service:
                yield f"Bearer {self.organiser_tokens[audience]}"
        yield self.organiser_token("auth", aud=service, exp=int(time.time()) - 60)
        yield self.organiser_token("auth", aud=service, iss="somebody")

    def organisers(self, service: str) -> list[str]:
        """A right token of an organiser, where the service has such."""
        return [f"Bearer {self.organiser_tokens[service]}"] if service in AUDIENCES else []


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    _, tokens = await system.organiser()
    connection = await asyncpg.connect(system.database_url)
    row = await connection.fetchrow("SELECT kid, sealed_key FROM auth.signing_keys")
    await connection.close()
    assert row is not None
    sealing = Sealing.under(system.installation.keys.auth_sealing_key)
    key = Ed25519PrivateKey.from_private_bytes(sealing.unseal(row["sealed_key"], row["kid"]))
    async with httpx.AsyncClient(timeout=30) as client:
        yield Stage(system, client, tokens, key, row["kid"])


async def admitted(
    stage: Stage,
    route: RouteUnderTest,
    strangers: Iterable[str | None],
    cookie: str | None = None,
    expected: AbstractSet[int] = REFUSED,
) -> list[str]:
    """The strangers to whom the route does not answer as expected."""
    statuses = [(stranger, await stage.status(route, stranger, cookie)) for stranger in strangers]
    return [f"{route}: {status} for {stranger}" for stranger, status in statuses if status not in expected]


@pytest.mark.parametrize("service", existing())
async def test_internal_routes_refuse_all_but_their_callers(stage: Stage, service: str) -> None:
    await stage.system.start(service)
    for route in marked(service, "caller"):
        other_callers = [stage.call_token(name, service) for name in CALLEES if name not in route.callers]
        strangers = [*stage.strangers(service), *stage.organisers(service), *other_callers]
        assert await admitted(stage, route, strangers) == []
        for caller in route.callers:
            assert await stage.status(route, stage.call_token(caller, service)) not in REFUSED, str(route)


@pytest.mark.parametrize("service", existing())
async def test_organisers_routes_refuse_all_but_organisers(stage: Stage, service: str) -> None:
    await stage.system.start(service)
    for route in marked(service, "organiser"):
        strangers = [*stage.strangers(service), *(stage.call_token(name, service) for name in CALLEES)]
        assert await admitted(stage, route, strangers) == []
        (organiser,) = stage.organisers(service)
        assert await stage.status(route, organiser) not in REFUSED, str(route)


@pytest.mark.parametrize("service", existing())
async def test_trustees_routes_refuse_all_but_trustees(stage: Stage, service: str) -> None:
    await stage.system.start(service)
    for route in marked(service, "trustee"):
        callers = [stage.call_token(name, service) for name in CALLEES]
        assert await admitted(stage, route, [*stage.strangers(service), *stage.organisers(service), *callers]) == []


@pytest.mark.parametrize("service", existing())
async def test_organisers_pages_send_strangers_to_sign_in(stage: Stage, service: str) -> None:
    await stage.system.start(service)
    for route in marked(service, "session"):
        strangers = [None, "Bearer x", stage.call_token("operator", service), *stage.organisers("election")]
        for cookie in (None, "__Host-session=x", "__Host-access=x; __Host-refresh=x"):
            assert await admitted(stage, route, strangers, cookie, {303, *REFUSED}) == []


@pytest.mark.parametrize("service", existing())
async def test_public_routes_look_at_neither_cookies_nor_authorization(stage: Stage, service: str) -> None:
    await stage.system.start(service)
    authorizations = ("Bearer x", "Basic !", stage.call_token("voter", service), "Trustee x")
    for route in marked(service, "public"):
        plain = await stage.status(route)
        assert await admitted(stage, route, authorizations, "session=x; __Host-session=x", {plain}) == []
