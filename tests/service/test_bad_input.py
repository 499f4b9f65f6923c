"""Every route of every service refuses every wrong request in the same way, and nothing comes of it.

Whatever is wrong, the answer is a problem with a stable type (or, for a browser, a page with the same status), never a
failure of ours; no row of any table changes; and neither the answer nor any log repeats a value that was sent.

Who is let in at all is tested in `tests/guards/test_every_route_refuses_strangers.py` for every route and every kind
of token, how much of a body is read at most in `test_shared_requests.py`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from services.shared.problems import TYPE_PREFIX
from services.uvote.postgres import PrivatePostgres
from tests.service.bad_input_cases import (
    content_of,
    of_address,
    of_body,
    of_file,
    of_form,
    of_state,
    of_upload,
    right_of,
)
from tests.service.bad_input_stage import Stage, make_stage
from tests.service.harness import System
from tests.service.right_pages import RIGHT, TABLES
from tests.service.right_requests import STATES, Things
from tests.service.routes_under_test import Route, routes
from tests.service.wrong_requests import JSON, MARK, MARKED_NUMBER, Wrong, mark, takes

SERVICES = tuple(TABLES)
TYPE = re.compile(re.escape(TYPE_PREFIX) + r"[a-z]+(-[a-z]+)*")
PIECE = 256 * 1024
ALLOWANCE = 64 * 1024


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    async with make_stage(system) as stage:
        yield stage


# What is asserted of every answer


def complaint(wrong: Wrong, reply: httpx.Response, *, browser: bool) -> str | None:
    """What is wrong with the answer to a wrong request; None when nothing is."""
    if reply.status_code not in wrong.statuses:
        return f"status {reply.status_code}"
    if not wrong.shown_again and (MARK in reply.text or str(MARKED_NUMBER) in reply.text):
        return "repeats a value"
    if wrong.method == "HEAD" or reply.status_code == 303:
        return None
    kind = reply.headers.get("content-type", "")
    is_page = kind.startswith("text/html") and "</html>" in reply.text
    if browser:
        return None if is_page else f"no page but {kind}"
    if is_page and wrong.page:
        return None
    return of_problem(wrong, reply)


def of_problem(wrong: Wrong, reply: httpx.Response) -> str | None:
    """What is wrong with a problem document."""
    if reply.headers.get("content-type") != "application/problem+json":
        return f"no problem but {reply.headers.get('content-type')}"
    problem = reply.json()
    if problem.get("status") != reply.status_code or not problem.get("title") or not problem.get("detail"):
        return f"the problem does not say everything: {problem}"
    if not TYPE.fullmatch(problem["type"]):
        return f"type {problem['type']}"
    if wrong.code is not None and problem["type"] != TYPE_PREFIX + wrong.code:
        return f"type {problem['type']} instead of {wrong.code}"
    return None


def asking(route: Route, wrong: Wrong) -> tuple[bool, ...]:
    """Whether a browser asks, or a program: for most pages both."""
    if route.service != "frontend":
        return (False,)
    return (True,) if wrong.shown_again else (False, True)


async def complaints(stage: Stage, route: Route, wrongs: Iterable[Wrong]) -> list[str]:
    """Sends them all, then looks whether anything has changed."""
    before = await stage.digest()
    found = []
    for wrong in wrongs:
        for browser in asking(route, wrong):
            headers = {**wrong.headers, "Accept": "text/html" if browser else JSON}
            url = stage.system.url(route.service) + wrong.path
            reply = await stage.client.request(wrong.method, url, content=wrong.content, headers=headers)
            if why := complaint(wrong, reply, browser=browser):
                found.append(f"{route} with {wrong.what}: {why}")
    after = await stage.digest()
    return found + [f"{route} has changed {table}" for table in after if after[table] != before[table]]


Wrongs = Callable[[Stage, Route], Iterator[Wrong]]


async def all_complaints(stage: Stage, asked: Iterable[Route], wrongs: Wrongs) -> list[str]:
    """Of all these routes."""
    return [found for route in asked for found in await complaints(stage, route, wrongs(stage, route))]


# The tests


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_in_the_table_and_its_right_body_is_right(service: str) -> None:
    things = Things("draft", "1" * 22, "1" * 22, "1" * 22, "x", "1" * 22, "1" * 22)
    for route in routes(service):
        right = RIGHT[route.key]
        assert (right.body is not None) == (route.media_type is not None), str(route)
        if route.model is not None and right.body is not None:
            assert takes(route.model, json.dumps(right.body(things)).encode()), str(route)
        if route.changes_something and {"election_id", "uuid", "trustee_id"} & set(route.parameters):
            assert right.refused or right.states_in or route.name in POSSIBLE_ALWAYS, f"in which states? {route}"


POSSIBLE_ALWAYS = {
    "add_notice",  # what was done is recorded, whatever has become of the election
    "report_trustee_invitation",  # a mail is sent whenever it is
    "report_failure",  # a page that cannot go on says so, and nothing is looked up
}


@pytest.mark.parametrize("service", SERVICES)
async def test_wrong_addresses_are_refused(stage: Stage, service: str) -> None:
    assert await all_complaints(stage, routes(service), of_address) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_wrong_bodies_are_refused(stage: Stage, service: str) -> None:
    taking = [route for route in routes(service) if route.media_type == JSON]
    assert await all_complaints(stage, taking, of_body) == []


async def test_wrong_forms_are_refused(stage: Stage) -> None:
    taking = [route for route in routes("frontend") if RIGHT[route.key].form is not None]
    assert await all_complaints(stage, taking, of_form) == []


async def test_wrong_files_are_refused(stage: Stage) -> None:
    (page,) = [route for route in routes("frontend") if route.name == "import_roll"]
    assert await complaints(stage, page, of_upload(stage, page)) == []
    (route,) = [route for route in routes("voter") if route.name == "import_roll"]
    assert await complaints(stage, route, of_file(stage, route)) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_the_wrong_state_is_refused(stage: Stage, service: str) -> None:
    assert set(stage.things) == set(STATES)
    assert await all_complaints(stage, routes(service), of_state) == []


async def send_too_much(stage: Stage, route: Route, *, chunked: bool) -> str:
    """The first line of the answer and its problem's type, to a body that is longer than the route takes."""
    right, things = right_of(stage, route)
    content, kind = content_of(route, right, things)
    beginning = content.rpartition(b"\r\n--")[0] if content else b""  # of a form with a file, until where that is
    size = route.limit + 1 if not chunked else route.limit + ALLOWANCE
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)}
    headers = {"Host": "x", "Accept": JSON, **stage.authorization(route, things), **kind, **framing}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(stage.system.url(route.service)).port)
    writer.write(f"{route.method} {route.path(things.values)} HTTP/1.1\r\n{head}\r\n".encode())
    if chunked:
        await _pour(writer, beginning, size)
    said = await asyncio.wait_for(_hear(reader), 60)
    writer.close()
    found = re.search(TYPE, said)
    return f"{said[9:12]} {found[0].removeprefix(TYPE_PREFIX) if found else ''}"


async def _hear(reader: asyncio.StreamReader) -> str:
    """The answer; the connection may end before, because what is still being sent is not read."""
    said = b""
    with suppress(ConnectionError):
        while not TYPE.search(said.decode()) and (piece := await reader.read(PIECE)):
            said += piece
    return said.decode()


async def _pour(writer: asyncio.StreamWriter, beginning: bytes, size: int) -> None:
    piece = beginning or b" " * PIECE
    with suppress(ConnectionError):  # it has heard enough
        while size > 0:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            size -= len(piece)
            piece = b" " * min(size, PIECE)


@pytest.mark.parametrize("service", SERVICES)
async def test_bodies_that_are_too_long_are_refused(stage: Stage, service: str) -> None:
    before = await stage.digest()
    taking = [route for route in routes(service) if content_of(route, *right_of(stage, route))[0] is not None]
    found = {
        (str(route), chunked): await send_too_much(stage, route, chunked=chunked)
        for route in taking
        for chunked in (False, True)
    }
    assert {name: said for name, said in found.items() if said != "413 too-large"} == {}
    assert await stage.digest() == before


async def answer_to_a_stranger(stage: Stage, route: Route) -> str:
    """To somebody who says that a large body will come, and sends none of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(stage.system.url(route.service)).port)
    path = route.path(stage.things["open"].values)
    head = f"Host: x\r\nContent-Type: {JSON}\r\nContent-Length: {route.limit}\r\nAuthorization: Bearer {mark()}"
    writer.write(f"{route.method} {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    said = await asyncio.wait_for(_hear(reader), 20)
    writer.close()
    return said[9:12]


@pytest.mark.parametrize("service", SERVICES)
async def test_what_only_services_may_send_is_not_read_from_others(stage: Stage, service: str) -> None:
    taking = [route for route in routes(service) if route.kind == "caller" and route.model is not None]
    statuses = {str(route): await answer_to_a_stranger(stage, route) for route in taking}
    assert {name: status for name, status in statuses.items() if status != "401"} == {}


async def test_no_log_repeats_a_value_and_nothing_was_unforeseen(stage: Stage, postgres: PrivatePostgres) -> None:
    """Runs last, after all that."""
    assert MARK not in (postgres.directory / "log").read_text()
    for name in SERVICES:
        log = stage.system.log(name)
        assert MARK not in log, name
        assert str(MARKED_NUMBER) not in log, name
        assert "request_failed" not in log, name
        assert (await stage.client.get(stage.system.url(name) + "/health/ready")).status_code == 200
