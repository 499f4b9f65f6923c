"""How every service reads requests, tried at one that anybody may call: `POST /v1/sessions` of `auth`."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from services.shared.requests import DEFAULT_LIMIT
from tests.service.harness import System

PATH = "/v1/sessions"
RIGHT = {"email": "nobody@example.org", "password": "something"}
ALLOWANCE = 64 * 1024
PIECE = 16 * 1024
ANSWER_SECONDS = 20


@pytest.fixture(scope="module")
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    await system.start("auth")
    async with httpx.AsyncClient(base_url=system.url("auth")) as client:
        yield client


def problem_of(reply: httpx.Response) -> str:
    """The problem's type; checks that it is one, and that it tells what every problem tells."""
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == reply.status_code
    assert problem["title"]
    assert problem["detail"]
    return str(problem["type"]).removeprefix("urn:uvote:problem:")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid-form"),
        (b"null", 422, "invalid-form"),
        (b"[]", 422, "invalid-form"),
        (b"{", 400, "not-json"),
        (b'{"email": "a@b.c", "password": NaN}', 400, "not-json"),
        (b'{"email": "a@b.c", "password": "x", "password": "y"}', 400, "duplicate-key"),
        (b'{"email": "a@b.c", "password": "\\u0000"}', 400, "not-storable"),
        (b'{"email": "a@b.c", "password": "\\ud800"}', 400, "not-storable"),
        (b'{"email": "a@b.c", "password": 12345678}', 422, "invalid-form"),
        (b'{"email": "a@b.c", "password": ""}', 422, "invalid-form"),
        (b'{"email": "a\\nb@c.d", "password": "x"}', 422, "invalid-form"),
        (b'{"email": "a@b.c", "password": "x", "more": 1}', 422, "invalid-form"),
        (b'{"email": "a@b.c", "password": "' + b"x" * 2000 + b'"}', 422, "invalid-form"),
        (b"[" * 100_000, 400, "not-json"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_body_that_is_wrong_is_refused_as_a_problem(
    client: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    reply = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, problem_of(reply)) == (status, code)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    reply = await client.post(PATH, content=json.dumps(RIGHT).encode(), headers=headers)
    assert reply.status_code in {415, 422}
    assert problem_of(reply)


async def test_a_refusal_names_the_place_and_repeats_no_value(client: httpx.AsyncClient) -> None:
    secret = "squeamish-ossifrage"
    body = {"email": "a@b.c", "password": {"nested": secret}, secret: secret}
    reply = await client.post(PATH, json=body)
    assert reply.status_code == 422
    assert "body/password" in reply.text
    assert reply.text.count(secret) <= 1  # the name of an unknown member is a place


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", PATH, 405), ("DELETE", "/v1/jwks", 405), ("GET", "/nowhere", 404)]
)
async def test_the_frameworks_own_refusals_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    reply = await client.request(method, path)
    assert reply.status_code == status
    assert problem_of(reply)


async def connect(system: System, framing: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which the head of a request has been sent."""
    port = urlsplit(system.url("auth")).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()
    return reader, writer


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """What comes back, and that nothing comes after it."""
    async with asyncio.timeout(ANSWER_SECONDS):
        said = b""
        try:
            while piece := await reader.read(65536):
                said += piece
        except ConnectionResetError:
            pass  # it closed without reading what we had sent besides
    writer.close()
    return said.decode()


@pytest.mark.parametrize("length", [DEFAULT_LIMIT + 1, 10**12, 10**30])
async def test_a_body_that_says_it_is_too_large_is_refused_before_any_of_it_is_sent(
    system: System, client: httpx.AsyncClient, length: int
) -> None:
    said = await answer(*await connect(system, f"Content-Length: {length}"))
    if length < 2**63:
        assert said.startswith("HTTP/1.1 413 ")
        assert "urn:uvote:problem:too-large" in said
    else:
        assert said.startswith("HTTP/1.1 4")


async def test_a_body_that_does_not_say_its_size_is_refused_within_64_kib_of_the_limit(
    system: System, client: httpx.AsyncClient
) -> None:
    reader, writer = await connect(system, "Transfer-Encoding: chunked")
    answering = asyncio.create_task(answer(reader, writer))
    for number in range((DEFAULT_LIMIT + ALLOWANCE) // PIECE):
        writer.write(b"%x\r\n%s\r\n" % (PIECE, b" " * PIECE))
        # What is sent behind the answer would reset the connection, and the answer might be lost with it.
        if number * PIECE >= DEFAULT_LIMIT and (await asyncio.wait([answering], timeout=1))[0]:
            break
    said = await answering
    assert said.startswith("HTTP/1.1 413 ")
    assert "urn:uvote:problem:too-large" in said


async def test_a_body_of_exactly_the_limit_is_read(client: httpx.AsyncClient) -> None:
    body = json.dumps(RIGHT).encode()
    reply = await client.post(
        PATH, content=body + b" " * (DEFAULT_LIMIT - len(body)), headers={"Content-Type": "application/json"}
    )
    assert (reply.status_code, problem_of(reply)) == (401, "wrong-credentials")
    reply = await client.post(
        PATH, content=body + b" " * (DEFAULT_LIMIT + 1 - len(body)), headers={"Content-Type": "application/json"}
    )
    assert (reply.status_code, problem_of(reply)) == (413, "too-large")


async def test_the_service_goes_on_after_all_that(client: httpx.AsyncClient, system: System) -> None:
    assert (await client.get("/health/ready")).status_code == 200
    assert "request_failed" not in system.log("auth")
