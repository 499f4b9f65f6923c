"""How one service calls another, against a callee that fails as it is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import cycle, repeat

import httpx
import pytest

from services.shared import client as calls
from services.shared.client import ATTEMPTS, BREAKER_FAILURES, BUDGET_MAX, DependencyDown, Refused, ServiceClient
from services.shared.identity import Caller, Callers, new_key, private_key
from services.uvote.installation import HOST

OK = 200
LOST = -1  # the connection ends without an answer
SLOW = -2  # no answer at all


class Callee:
    """A server that answers by a list of statuses, and writes down what it was asked."""

    def __init__(self) -> None:
        self.statuses: Iterator[int] = repeat(OK)
        self.asked: list[str] = []
        self.headers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.split("\r\n")[0].removesuffix(" HTTP/1.1"))
            self.headers.append(head)
            status = next(self.statuses)
            if status == SLOW:
                await reader.read()
            elif status != LOST:
                body = b'{"type":"urn:uvote:problem:no","detail":"No."}' if status >= 400 else b'"yes"'
                head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + body)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def callee(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Callee, ServiceClient]]:
    """The server, and a client of it that does not wait between attempts."""
    monkeypatch.setattr(calls, "BACKOFF_SECONDS", 0)
    callee = Callee()
    server = await asyncio.start_server(callee.serve, HOST, 0)
    client = ServiceClient(f"http://{HOST}:{server.sockets[0].getsockname()[1]}")
    client.service = "callee"
    yield callee, client
    await client.close()
    server.close()
    await server.wait_closed()


Pair = tuple[Callee, ServiceClient]


async def fails(client: ServiceClient, method: str = "GET", *, idempotent: bool | None = None) -> bool:
    """Whether the call ends with the dependency being down."""
    try:
        await client.call(method, "/x", str, idempotent=idempotent)
    except DependencyDown:
        return True
    return False


@pytest.mark.parametrize("failure", [500, 502, LOST])
async def test_a_call_that_can_be_repeated_is_repeated_until_it_succeeds(callee: Pair, failure: int) -> None:
    server, client = callee
    server.statuses = iter([failure] * (ATTEMPTS - 1) + [OK])
    assert await client.call("GET", "/x", str) == '"yes"'
    assert server.asked == ["GET /x"] * ATTEMPTS


@pytest.mark.parametrize("failure", [500, LOST])
@pytest.mark.parametrize(("method", "idempotent"), [("POST", None), ("PUT", False)])
async def test_any_other_call_is_sent_once(callee: Pair, failure: int, method: str, idempotent: bool | None) -> None:
    server, client = callee
    server.statuses = repeat(failure)
    assert await fails(client, method, idempotent=idempotent)
    assert server.asked == [f"{method} /x"]


async def test_what_is_down_is_said_in_a_problem_that_says_when_to_try_again(callee: Pair) -> None:
    server, client = callee
    server.statuses = repeat(500)
    with pytest.raises(DependencyDown) as refusal:
        await client.call("GET", "/x", str)
    assert refusal.value.status == 503
    assert int(refusal.value.headers["Retry-After"]) > 0
    assert refusal.value.members == {"dependency": "callee"}


async def test_a_refusal_is_an_answer_and_neither_repeated_nor_held_against_the_callee(callee: Pair) -> None:
    server, client = callee
    server.statuses = repeat(409)
    for _ in range(2 * BREAKER_FAILURES):
        with pytest.raises(Refused) as refusal:
            await client.call("GET", "/x", str)
        assert (refusal.value.status, refusal.value.type, refusal.value.detail) == (409, "no", "No.")
    assert len(server.asked) == 2 * BREAKER_FAILURES
    assert not client.breaker.is_open


async def test_a_callee_that_says_try_later_is_neither_asked_again_at_once_nor_cut_off(callee: Pair) -> None:
    server, client = callee
    server.statuses = repeat(503)
    for _ in range(2 * BREAKER_FAILURES):
        assert await fails(client)
    assert len(server.asked) == 2 * BREAKER_FAILURES


async def test_a_callee_that_keeps_failing_is_left_alone_then_tried_by_one(callee: Pair) -> None:
    server, client = callee
    server.statuses = repeat(500)
    for _ in range(BREAKER_FAILURES):
        assert await fails(client, "POST")
    assert await fails(client, "POST")
    assert len(server.asked) == BREAKER_FAILURES
    client.breaker.retry_at = 0  # as if the pause were over
    assert all(await asyncio.gather(*(fails(client, "POST") for _ in range(5))))
    assert len(server.asked) == BREAKER_FAILURES + 1
    client.breaker.retry_at = 0
    server.statuses = repeat(OK)
    assert not await fails(client, "POST")
    assert not any([await fails(client, "POST") for _ in range(5)])


async def test_repeats_are_at_most_a_tenth_of_the_calls_beside_a_first_few(callee: Pair) -> None:
    server, client = callee
    server.statuses = cycle([500, OK])
    number = 100
    for _ in range(number):
        await fails(client)
    repeats = len(server.asked) - number
    assert 1 <= repeats <= BUDGET_MAX + number / 10


async def test_a_callee_that_does_not_answer_is_not_waited_for_for_ever(callee: Pair) -> None:
    server, client = callee
    await client.http.aclose()
    client.http = httpx.AsyncClient(timeout=0.05)
    server.statuses = repeat(SLOW)
    assert await fails(client)
    assert len(server.asked) == ATTEMPTS


def test_the_usual_client_bounds_every_wait() -> None:
    assert all(calls.TIMEOUT.as_dict().values())


async def test_a_stream_is_refused_before_its_first_byte(callee: Pair) -> None:
    server, client = callee
    for status, refusal in ((404, Refused), (500, DependencyDown), (LOST, DependencyDown)):
        server.statuses = iter([status])
        with pytest.raises(refusal):
            async with client.stream("/x"):
                pytest.fail("the stream must not begin")
    server.statuses = repeat(OK)
    async with client.stream("/x") as reply:
        assert await reply.aread() == b'"yes"'


async def test_a_call_carries_a_token_of_its_caller_for_this_callee(callee: Pair) -> None:
    server, client = callee
    key = private_key(new_key())
    client.caller = Caller("voter", key)
    await client.call("GET", "/x", str)
    token = header(server, "authorization").removeprefix("Bearer ")
    assert Callers("callee", {"voter": key.public_key()}).identify(token) == "voter"


async def test_an_organisers_token_is_handed_on_instead(callee: Pair) -> None:
    server, client = callee
    client.caller = Caller("frontend", private_key(new_key()))
    await client.call("GET", "/x", str, bearer="theirs", client_address="192.0.2.1")
    assert header(server, "authorization") == "Bearer theirs"
    assert header(server, "x-forwarded-for") == "192.0.2.1"


def header(server: Callee, name: str) -> str:
    lines = (line.partition(": ") for line in server.headers[-1].split("\r\n"))
    return {key.lower(): value for key, _, value in lines}[name]
