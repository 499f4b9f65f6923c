"""Which pages may call from a browser: those of exactly one origin, and they can read refusals too."""

from collections.abc import AsyncIterator

import httpx
import pytest

from services.voting.election import generate_uuid
from tests.service.harness import System

UUID = generate_uuid()
BALLOTS, BOARD = f"/v1/elections/{UUID}/ballots", f"/v1/elections/{UUID}"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def origin(system: System) -> str:
    return system.installation.public_url("frontend")


@pytest.fixture(scope="module")
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    await system.start("ballot")
    async with httpx.AsyncClient(base_url=system.url("ballot")) as client:
        yield client


def strangers(origin: str) -> list[str]:
    return [
        origin + "0",
        origin.replace("http:", "https:"),
        origin.upper(),
        "null",
        "http://evil.example",
        origin + "/",
    ]


async def test_refusals_of_every_kind_can_be_read(http: httpx.AsyncClient, origin: str) -> None:
    for method, path, content, status in (
        ("GET", BOARD, b"", 404),
        ("POST", BALLOTS, b"x" * 300_000, 413),
        ("POST", BALLOTS, b"x", 400),
        ("DELETE", BALLOTS, b"", 405),
        ("GET", f"{BOARD}/events?limit=0", b"", 422),
    ):
        response = await http.request(method, path, content=content, headers={**JSON, "Origin": origin})
        assert response.status_code == status
        assert response.headers["access-control-allow-origin"] == origin
        assert "Retry-After" in response.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in response.headers
        assert "Origin" in response.headers["vary"]


async def test_a_browser_is_told_what_it_may_send(http: httpx.AsyncClient, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = await http.options(BALLOTS, headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == origin
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "Content-Type" in response.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in response.headers


async def test_no_other_origin_is_allowed_anything(http: httpx.AsyncClient, origin: str) -> None:
    for stranger in strangers(origin):
        answers = [
            await http.get(BOARD, headers={"Origin": stranger}),
            await http.options(BALLOTS, headers={"Origin": stranger, "Access-Control-Request-Method": "POST"}),
        ]
        for answer in answers:
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert "Origin" in answer.headers["vary"]


async def test_routes_between_services_are_not_for_browsers(http: httpx.AsyncClient, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for path in (f"/v1/boards/{UUID}/events", "/health"):
        response = await http.options(path, headers=asked)
        assert response.status_code == 405
        assert "access-control-allow-origin" not in response.headers
