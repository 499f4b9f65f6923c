"""Journeys of people about whom everything is a secret, at all six services, in good days and in bad ones.

The secrets are looked for afterwards, in all that the system has said about itself: see tests/stack/searching.py.
"""

import asyncio
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx

from observability.telemetry.registry import Route, registry
from services.ballot.client import BallotClient
from services.election.contract import Question
from services.shared.settings import SERVICES
from services.voting.ballot import make_ballot, tracker
from services.voting.credential import public_credential
from services.voting.group import BELENIOS_2048
from tests.journeys.elections import Poll, Stage
from tests.service.frontend_world import Browser
from tests.service.harness import PASSWORD, System, free_port
from tests.service.voter_world import addresses, roll_of
from tests.stack.searching import Secret

TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY($1)"
LARGE = 400_000
TOO_MANY = 20
OFTEN = 400  # one request in a hundred of the ballot side makes a span
WORDS = (
    "agent",
    "referrer",
    "cookie",
    "query",
    "path",
    "header",
    "body",
    "baggage",
    "state",
    "password",
    "election",
    "question",
    "option",
    "method",
    "form",
)


@dataclass
class Stranger:
    """Somebody with a computer. `words` are what they say; `known` is all that nobody may find."""

    system: System
    client: httpx.AsyncClient
    address: str
    words: Mapping[str, str]
    known: list[Secret]
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def learn(self, name: str, value: str, **options: Any) -> str:
        """One secret more."""
        self.known.append(Secret(name, value, **options))
        return value

    async def ask(self, service: str, method: str, path: str, **options: Any) -> httpx.Response | None:
        """One request; None when there is no answer."""
        with suppress(httpx.TransportError):
            reply = await self.client.request(method, self.system.url(service) + path, **options)
            self.statuses[service, reply.status_code] += 1
            return reply
        return None


@asynccontextmanager
async def stranger_at(system: System) -> AsyncIterator[Stranger]:
    """One whose address, headers and words stand nowhere else."""
    address = "127." + ".".join(str(100 + secrets.randbelow(150)) for _ in range(3))
    words = {name: f"{name[:2]}{secrets.token_hex(6)}" for name in WORDS}
    trace, forwarded = secrets.token_hex(16), f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    headers = {
        "User-Agent": words["agent"],
        "Referer": f"https://{words['referrer']}.example/",
        "Cookie": f"x={words['cookie']}",
        "X-Forwarded-For": forwarded,
        f"X-{words['header']}": words["header"],
        "traceparent": f"00-{trace}-{trace[:16]}-01",
        "tracestate": f"x={words['state']}",
        "baggage": f"x={words['baggage']}",
        "sentry-trace": f"{trace}-{trace[:16]}-1",
    }
    known = [Secret(name, word) for name, word in words.items()]
    known += [Secret("chosen trace", trace), Secret("forwarded address", forwarded, telling=False)]
    known.append(Secret("address", address, telling=False))
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(transport=transport, headers=headers, timeout=30) as client:
        yield Stranger(system, client, address, words, known)


def questions(stranger: Stranger) -> list[Question]:
    """With options that can be told from any other text."""
    options = [f"{stranger.words['option']} {number}" for number in range(3)]
    return [Question(text=stranger.words["question"], options=options)]


async def vote(stranger: Stranger, poll: Poll, number: int) -> None:
    """Finds the voting page by the mail, casts, casts the same again, and looks the ballot up."""
    invitation = await poll.invitation(number)
    stranger.learn("address of a voter", invitation.address, telling=False)
    stranger.learn("link", invitation.link.partition("#")[2], telling=False)
    stranger.learn("code", invitation.code, telling=False)
    stranger.learn("code without hyphens", invitation.code.replace("-", ""), telling=False)
    credential = stranger.learn("credential", public_credential(invitation.code, poll.uuid, BELENIOS_2048))
    raw = make_ballot(poll.definition, invitation.code, [[0, 1, 0]])
    stranger.learn("ballot", raw.decode(), telling=False)
    stranger.learn("ciphertext", json.loads(raw)["answers"][0]["choices"][0]["alpha"])
    stranger.learn("signature", json.loads(raw)["signature"]["hash"])
    anyone = BallotClient(stranger.system.url("ballot"), http=stranger.client)
    await stranger.ask("frontend", "GET", f"/vote/{poll.uuid}?code={quote(invitation.code)}")
    for _ in range(2):
        receipt = await anyone.cast_ballot(poll.uuid, raw)
    assert receipt.tracker == tracker(raw)
    stranger.learn("tracker", receipt.tracker)
    await anyone.look_up_tracker(poll.uuid, receipt.tracker)
    await anyone.read_credential(poll.uuid, hashlib.sha256(credential.encode()).hexdigest())
    stranger.statuses["ballot", 200] += 4


async def organise(stranger: Stranger, stage: Stage, email: str) -> None:
    """Signs in at the pages, looks around; fails to sign in, more often than is allowed."""
    stranger.learn("address of an organiser", email, telling=False)
    client = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(local_address=stranger.address),
        headers=stranger.client.headers,
        base_url=stage.system.url("frontend"),
        timeout=30,
    )
    async with client:
        browser = Browser(client)
        assert (await browser.sign_in(email)).status_code == 303
        for name, value in browser.cookies.items():
            stranger.learn(f"cookie {name}", value, telling=False)
        for path in ("/organise", "/account", f"/organise?q={stranger.words['query']}", "/organise/new"):
            stranger.statuses["frontend", (await browser.get(path)).status_code] += 1
        refused = await browser.sign_in(email, stranger.words["password"])
        stranger.statuses["frontend", refused.status_code] += 1
    body = {"email": f"{stranger.words['body']}@example.org", "password": stranger.words["password"]}
    await asyncio.gather(*(stranger.ask("auth", "POST", "/v1/sessions", json=body) for _ in range(TOO_MANY)))


async def keep_a_roll(stranger: Stranger, stage: Stage) -> None:
    """A roll with errors, and a voter whose address is corrected."""
    election = await stage.world.draft(name=stranger.words["election"], questions=questions(stranger))
    known = [stranger.learn("address on a roll", each, telling=False) for each in addresses(3)]
    path = f"/v1/elections/{election.id}"
    bearer = {"Authorization": f"Bearer {stage.world.bearer}"}
    raw = roll_of(known) + b"\nno address,x,1\n" + stranger.words["body"].encode() + b",y,-1\n"
    for body in (raw, roll_of(known), b"\xff" + raw):
        headers = {**bearer, "Content-Type": "text/csv"}
        await stranger.ask("voter", "POST", f"{path}/roll/imports", content=body, headers=headers)
    await stranger.ask("voter", "GET", f"{path}/voters", params={"query": known[0]}, headers=bearer)


def filled(route: Route, values: Mapping[str, str], word: str) -> str:
    """The route's address; what nobody knows of is a word."""
    parts = route.path.split("/")
    names = [part[1:-1].partition(":")[0] if part.startswith("{") else None for part in parts]
    return "/".join(part if name is None else values.get(name, word) for part, name in zip(parts, names, strict=True))


def every_request(stranger: Stranger, poll: Poll) -> Iterator[tuple[str, str, str]]:
    """Service, method and address of every route, and of some that are none."""
    words = stranger.words
    values = {"election_id": poll.id, "uuid": poll.uuid}
    for service in SERVICES:
        for route in registry().routes[service].values():
            for method in route.methods:
                yield service, method, filled(route, values, words["path"])
                yield service, method, filled(route, {}, words["path"])
        yield service, "GET", f"/{words['path']}"
        yield service, words["method"].upper(), "/health/live"
        yield service, "PUT", "/health/live"


async def ask_everything(stranger: Stranger, poll: Poll) -> None:
    """Every route, as nobody and as the organiser, with what it does not expect."""
    words = stranger.words
    together = asyncio.Semaphore(8)

    async def ask(service: str, method: str, path: str, headers: dict[str, str]) -> None:
        async with together:
            params = {"code": words["query"], words["query"]: words["query"]}
            await stranger.ask(
                service, method, path, params=params, headers=headers, json={words["body"]: words["body"]}
            )

    requests = list(every_request(stranger, poll))
    for audience in ({}, poll.stage.world.tokens):
        await asyncio.gather(
            *(
                ask(service, method, path, {"Authorization": f"Bearer {audience.get(service, words['header'])}"})
                for service, method, path in requests
            )
        )


async def say_too_much(stranger: Stranger, poll: Poll) -> None:
    """Bodies that are too large, forms that are none, and requests that break off in the middle."""
    words = stranger.words
    large = json.dumps({"email": words["body"] * (LARGE // 14)}).encode()
    cast = f"/v1/elections/{poll.uuid}/ballots"
    places = {"auth": "/v1/sessions", "election": "/v1/elections", "ballot": cast, "frontend": "/sign-in"}
    for service, path in places.items():
        await stranger.ask(service, "POST", path, content=large, headers={"Content-Type": "application/json"})
        await stranger.ask(service, "POST", path, data={"email": words["form"], "csrf": words["form"]})
        await break_off(stranger, service, path, large[:2000])


async def break_off(stranger: Stranger, service: str, path: str, begun: bytes) -> None:
    """Announces more than is sent, and goes; from a port of its own choice."""
    port = free_port()
    stranger.learn("port", str(port), number=True)
    address = httpx.URL(stranger.system.url(service))
    _, writer = await asyncio.open_connection(address.host, address.port, local_addr=(stranger.address, port))
    head = [f"POST {path}?code={stranger.words['query']} HTTP/1.1", "Host: x", "Content-Length: 100000"]
    headers = [f"{name}: {value}" for name, value in stranger.client.headers.items() if name != "host"]
    writer.write("\r\n".join([*head, "Content-Type: application/json", *headers, "", ""]).encode() + begun)
    await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def refusing_rows(system: System) -> AsyncIterator[None]:
    """In the block no row can be written: the database says so with the row's values."""
    connection = await asyncpg.connect(system.database_url)
    tables = [row[0] for row in await connection.fetch(TABLES, list(SERVICES))]
    for table in tables:
        await connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT canary CHECK (false) NOT VALID")
    yield
    for table in tables:
        await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT canary")
    await connection.close()


@asynccontextmanager
async def locking_tables(system: System) -> AsyncIterator[None]:
    """In the block everybody waits for the database, until they have waited too long."""
    connection = await asyncpg.connect(system.database_url)
    tables = [row[0] for row in await connection.fetch(TABLES, list(SERVICES))]
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    yield
    await transaction.rollback()
    await connection.close()


async def try_to_write(stranger: Stranger, poll: Poll, number: int) -> None:
    """What writes rows, or would."""
    words, tokens = stranger.words, poll.stage.world.tokens
    invitation = await poll.invitation(number)
    raw = make_ballot(poll.definition, invitation.code, [[1, 0, 0]])
    stranger.learn("ballot that failed", raw.decode(), telling=False)
    stranger.learn("tracker that failed", tracker(raw))
    stranger.learn("code that failed", invitation.code, telling=False)
    json_type = {"Content-Type": "application/json"}
    election = {"draft": {"name": words["election"]}}
    address = {"address": f"{words['body']}@example.org", "name": words["body"]}
    sign_in = {"email": f"{words['form']}@example.org", "password": PASSWORD}
    await asyncio.gather(
        stranger.ask("ballot", "POST", f"/v1/elections/{poll.uuid}/ballots", content=raw, headers=json_type),
        stranger.ask("ballot", "GET", f"/v1/elections/{poll.uuid}/trackers/{tracker(raw)}"),
        stranger.ask("auth", "POST", "/v1/sessions", json=sign_in),
        stranger.ask("election", "POST", "/v1/elections", json=election, headers=_bearer(tokens["election"])),
        stranger.ask(
            "election", "POST", f"/v1/elections/{poll.id}/trustees", json=address, headers=_bearer(tokens["election"])
        ),
        stranger.ask("voter", "POST", f"/v1/elections/{poll.id}/reminders", headers=_bearer(tokens["voter"])),
        stranger.ask("result", "GET", f"/v1/elections/{poll.uuid}/tally"),
    )


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def live_through(stranger: Stranger, stage: Stage, email: str) -> Poll:
    """All of it, but for the end of the database."""
    for audience, token in stage.world.tokens.items():
        stranger.learn(f"token for {audience}", token, telling=False)
        stranger.learn(f"signature of the token for {audience}", token.rpartition(".")[2])
    poll = await stage.opened(4, name=stranger.words["election"], questions=questions(stranger))
    await vote(stranger, poll, 0)
    await vote(stranger, poll, 1)
    await organise(stranger, stage, email)
    await keep_a_roll(stranger, stage)
    await ask_everything(stranger, poll)
    await say_too_much(stranger, poll)
    board = f"/v1/elections/{poll.uuid}?code={stranger.words['query']}"
    await asyncio.gather(*(stranger.ask("ballot", "GET", board) for _ in range(OFTEN)))
    async with refusing_rows(stage.system):
        await try_to_write(stranger, poll, 2)
    async with locking_tables(stage.system):
        await try_to_write(stranger, poll, 3)
    return poll
