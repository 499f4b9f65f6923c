"""What clients see while a service stops, and while its database is away; tried at `auth`."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.service.harness import PASSWORD, OwnWorkshop, System, until

SIGN_IN = {"email": "nobody@example.org", "password": PASSWORD}


async def in_flight(system: System) -> int:
    """How many sign-ins the service works on: an attempt is counted before its password is checked."""
    connection = await asyncpg.connect(system.database_url)
    counted: int | None = await connection.fetchval("SELECT max(count) FROM auth.attempts")
    await connection.close()
    return counted or 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_requests_in_flight_are_answered_before_the_service_ends(fresh_system: System, number: int) -> None:
    async def all_in_flight() -> bool:
        return await in_flight(fresh_system) == 5

    await fresh_system.start("auth")
    async with httpx.AsyncClient(base_url=fresh_system.url("auth"), timeout=30) as client:
        requests = [asyncio.create_task(client.post("/v1/sessions", json=SIGN_IN)) for _ in range(5)]
        await until(all_in_flight)
        fresh_system.kill("auth", number)
        replies = await asyncio.gather(*requests)
    assert [reply.status_code for reply in replies] == [401] * 5
    assert await fresh_system.ended("auth") == 0


async def test_a_request_that_is_still_arriving_is_answered(fresh_system: System) -> None:
    await fresh_system.start("auth")
    port = urlsplit(fresh_system.url("auth")).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"email": "nobody@example.org", "password": "something"}'
    head = ["POST /v1/sessions HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    writer.write("\r\n".join([*head, "", ""]).encode() + body[:10])
    await writer.drain()
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        await client.get("/health/live")  # what was sent before has been read now
        fresh_system.kill("auth", signal.SIGTERM)
        await until(lambda: is_gone(client))
    writer.write(body[10:])
    assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 401 ")
    writer.close()
    assert await fresh_system.ended("auth") == 0


async def is_gone(client: httpx.AsyncClient) -> bool:
    return not await is_listening(client)


async def is_listening(client: httpx.AsyncClient) -> bool:
    try:
        await client.get("/health/live", headers={"Connection": "close"})
    except httpx.TransportError:
        return False
    return True


async def test_an_idle_connection_does_not_hold_up_the_end(fresh_system: System) -> None:
    await fresh_system.start("auth")
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        await client.get("/health/live")
        fresh_system.kill("auth", signal.SIGTERM)
        assert await asyncio.wait_for(fresh_system.ended("auth"), 15) == 0


@pytest.mark.parametrize("end", [OwnWorkshop.stop_postgres, OwnWorkshop.kill_postgres], ids=["stopped", "killed"])
async def test_without_its_database_a_service_says_try_again_and_recovers_by_itself(
    own_workshop: OwnWorkshop, end: Callable[[OwnWorkshop], Awaitable[None]]
) -> None:
    async with own_workshop.system() as system:
        await system.start("auth")
        async with httpx.AsyncClient(base_url=system.url("auth"), timeout=30) as client:
            assert (await client.get("/v1/jwks")).status_code == 200
            await end(own_workshop)
            for method, path in (("GET", "/v1/jwks"), ("POST", "/v1/sessions")):
                reply = await client.request(method, path, json=SIGN_IN)
                assert (reply.status_code, reply.json()["type"]) == (503, "urn:uvote:problem:database-unavailable")
                assert int(reply.headers["Retry-After"]) > 0
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.get("/health")).status_code == 200
            ready = await client.get("/health/ready")
            assert (ready.status_code, "database" in ready.json()["missing"]) == (503, True)
            await own_workshop.start_postgres()
            await system.ready("auth")
            assert (await client.post("/v1/sessions", json=SIGN_IN)).status_code == 401


async def test_a_service_may_start_before_its_database(fresh_system: System) -> None:
    told = fresh_system.installation.environment("auth")["UVOTE_DATABASE_URL"]
    name = urlsplit(told).path.removeprefix("/")
    await fresh_system.begin("auth", database_url=told.replace(name, f"{name}_later"))
    async with httpx.AsyncClient(base_url=fresh_system.url("auth"), timeout=30) as client:
        await until(lambda: is_listening(client))
        ready = await client.get("/health/ready")
        assert (ready.status_code, "database" in ready.json()["missing"]) == (503, True)
