"""An election day on real services and real servers on which everything happens that a dashboard is to show.

Each change is made, lasts while somebody looks, and is undone where it would hide the next one.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import asyncpg
import httpx

from dashboards.generate.describing import Change
from services.auth.client import AuthClient
from services.auth.contract import Credentials
from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.election.contract import Election, ScheduleChange, State
from services.shared.client import Refused
from services.shared.problems import Unavailable
from services.uvote.stack import Running
from services.voter.client import VoterClient
from services.voter.contract import Voter
from services.voting.ballot import make_ballot
from services.voting.canonical import base64_digest, render_json
from services.voting.credential import private_key
from services.voting.election import Election as Definition
from services.voting.proofs import prove_knowledge
from tests.service.frontend_world import browser_at
from tests.service.harness import PASSWORD, OwnWorkshop, System, free_port
from tests.service.mailbox import Mailbox, listening
from tests.service.voter_world import VoterWorld, addresses
from tests.stack.conftest import Stack, finally_found

VOTERS = 30
SERVICES = ("auth", "election", "ballot", "voter", "result", "frontend")
WRONG_PASSWORDS = 8
HELD_SECONDS = 3
FRESH_SECONDS = 150


@dataclass
class Day:
    """What there is to change."""

    stack: Stack
    servers: dict[str, Running]
    workshop: OwnWorkshop
    system: System
    world: VoterWorld
    mail: AsyncExitStack
    email: str
    election: Election | None = None
    codes: list[str] = field(default_factory=list)
    signed_in: float = field(default_factory=time.monotonic)

    @property
    def uuid(self) -> str:
        """The election that is open."""
        assert self.election is not None
        return self.election.uuid

    async def sign_in(self) -> None:
        """The organiser's tokens last for five minutes, and the day is longer; too many sign-ins are throttled."""
        if time.monotonic() - self.signed_in < FRESH_SECONDS:
            return
        self.signed_in = time.monotonic()
        auth = AuthClient(self.system.url("auth"))
        session = await auth.sign_in(Credentials(email=self.email, password=PASSWORD))
        self.world.tokens.update(session.access)
        await auth.close()

    async def change_schedule(self, **change: Any) -> None:
        """The organiser moves the schedule."""
        assert self.election is not None
        order = ScheduleChange(reason="A test.", **change)
        await self.world.election.change_schedule(self.election.id, order, bearer=self.world.tokens["election"])

    async def cast(self, code: str, election: Election | None = None) -> None:
        """A voter votes, once more."""
        uuid = election.uuid if election else self.uuid
        definition = Definition.parse(await self.world.ballot.read_definition(uuid))
        raw = await asyncio.to_thread(make_ballot, definition, code, [[1, 0]])
        await self.world.ballot.cast_ballot(uuid, raw)

    async def resend(self, voter: Voter) -> None:
        """Mails an invitation once more."""
        assert self.election is not None
        await self.world.voter.resend_invitation(self.election.id, voter.id, bearer=self.world.bearer)

    async def execute(self, statement: str) -> None:
        """As the database's superuser."""
        connection = await asyncpg.connect(self.system.database_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


Made = Callable[[Day], AbstractAsyncContextManager[None]]
CHANGES: dict[Change, Made] = {}


def change(name: Change) -> Callable[[Callable[[Day], AsyncIterator[None]]], Made]:
    """Registers a way to change the world, in the order in which they are made."""

    def keep(make: Callable[[Day], AsyncIterator[None]]) -> Made:
        CHANGES[name] = asynccontextmanager(make)
        return CHANGES[name]

    return keep


@change("an election opens")
async def open_election(day: Day) -> AsyncIterator[None]:
    roll = addresses(VOTERS)
    day.election = await day.world.opened(roll)
    day.codes = [(await day.world.mailbox.wait_for(address)).code for address in roll]
    await finally_found(lambda: day.stack.query(f'uvote_credentials_voted{{election="{day.uuid}"}}'))
    yield


@change("voters vote")
async def vote(day: Day) -> AsyncIterator[None]:
    await asyncio.gather(*(day.cast(code) for code in day.codes[:20]))
    yield


@change("ballots are refused")
async def refuse(day: Day) -> AsyncIterator[None]:
    for _ in range(15):
        with suppress(Refused):
            await day.world.ballot.cast_ballot(day.uuid, b'{"rubbish": true}')
    yield


@change("a proof is forged")
async def forge(day: Day) -> AsyncIterator[None]:
    definition = Definition.parse(await day.world.ballot.read_definition(day.uuid))
    with suppress(Refused):
        await day.world.ballot.cast_ballot(day.uuid, with_false_proof(definition, day.codes[0]))
    yield


def with_false_proof(definition: Definition, code: str) -> bytes:
    """A ballot that is signed, with proofs that do not hold."""
    ballot = json.loads(make_ballot(definition, code, [[1, 0]]))
    ballot["answers"][0]["overall_proof"].reverse()
    ballot["answers"][0]["individual_proofs"].reverse()
    body = {name: member for name, member in ballot.items() if name != "signature"}
    digest, group = base64_digest(render_json(body)), definition.group
    proof = prove_knowledge(group, private_key(code, definition.uuid, group), f"sig|{digest}|")
    return render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}})


@change("browsers fail")
async def fail_in_browsers(day: Day) -> AsyncIterator[None]:
    """Two: three would say that voting does not work."""
    async with httpx.AsyncClient() as client:
        (await client.get(f"{day.system.url('frontend')}/no-script/real")).raise_for_status()
        failures = f"{day.system.url('ballot')}/v1/elections/{day.uuid}/failures"
        (await client.post(failures, json={"step": "encrypt", "reason": "unsupported"})).raise_for_status()
    yield


@change("sign-ins fail")
async def fail_to_sign_in(day: Day) -> AsyncIterator[None]:
    async with browser_at(day.system) as browser:
        for address in addresses(WRONG_PASSWORDS):  # one address would be throttled, and the organiser with it
            await browser.sign_in(address, "not the password")
    yield


@change("tokens are forged")
async def forge_tokens(day: Day) -> AsyncIterator[None]:
    for _ in range(10):
        with suppress(Refused):
            await day.world.election.list_elections(bearer="a.forged.token")
    yield


@change("an organiser works")
async def work(day: Day) -> AsyncIterator[None]:
    async with browser_at(day.system) as browser:
        await browser.sign_in(day.email)
        for _ in range(3):
            await browser.client.get("/organise", headers=browser._cookie())
    for _ in range(5):
        await day.world.draft(addresses(2))
    yield


@change("a crowd comes")
async def crowd(day: Day) -> AsyncIterator[None]:
    """Everybody at once, first while nobody, then while somebody holds the tables; strangers go on trying passwords."""
    strangers = asyncio.create_task(try_passwords(day))
    await asyncio.gather(*map(day.cast, day.codes), return_exceptions=True)
    held = asyncio.create_task(hold_tables(day))
    await asyncio.sleep(0.3)  # until they are held
    token = day.world.tokens["election"]
    lists = [day.world.election.list_elections(bearer=token) for _ in range(20)]
    async with browser_at(day.system) as browser:
        await asyncio.gather(
            held, *map(day.cast, day.codes), *lists, browser.sign_in(day.email), return_exceptions=True
        )
    yield
    strangers.cancel()
    await asyncio.gather(strangers, return_exceptions=True)


async def try_passwords(day: Day) -> None:
    """Without end, a few at a time from ever new addresses, as one of them would be throttled."""
    for number in itertools.count():
        source = httpx.AsyncHTTPTransport(local_address=f"127.1.{number // 250}.{number % 250 + 1}")
        async with httpx.AsyncClient(base_url=day.system.url("auth"), timeout=60, transport=source) as client:
            guesses = [{"email": address, "password": PASSWORD} for address in addresses(6)]
            await asyncio.gather(*(client.post("/v1/sessions", json=guess) for guess in guesses))


async def hold_tables(day: Day) -> None:
    connection = await asyncpg.connect(day.system.database_url)
    async with connection.transaction():
        await connection.execute(
            "LOCK TABLE ballot.events, auth.organisers, election.elections IN ACCESS EXCLUSIVE MODE"
        )
        await asyncio.sleep(HELD_SECONDS)
    await connection.close()


@change("voting is paused")
async def pause(day: Day) -> AsyncIterator[None]:
    await day.change_schedule(opens="pause")
    yield
    await day.change_schedule(opens="now")


@change("a mail is refused")
async def refuse_mail(day: Day) -> AsyncIterator[None]:
    (voter,) = await some_voters(day, 1)
    day.world.mailbox.answers[voter.address] = ["550 No such person"]
    await day.resend(voter)
    yield


async def some_voters(day: Day, number: int) -> list[Voter]:
    """The first of the roll."""
    assert day.election is not None
    page = await day.world.voter.list_voters(day.election.id, bearer=day.world.bearer)
    return page.voters[:number]


@change("the mail server is gone")
async def lose_mail(day: Day) -> AsyncIterator[None]:
    await day.mail.aclose()
    for voter in await some_voters(day, 3):
        await day.resend(voter)
    yield
    day.world.mailbox = await day.mail.enter_async_context(listening(day.system.installation.smtp_port))


STRANGE = b"""# TYPE uvote_clock_offset_seconds gauge
uvote_clock_offset_seconds 5
# TYPE uvote_ballots_by_address gauge
uvote_ballots_by_address{address="203.0.113.7"} 1
"""


class Stranger(BaseHTTPRequestHandler):
    """Speaks as `ballot` does, slowly, and says something that nobody has registered."""

    def do_GET(self) -> None:  # the library's name
        time.sleep(0.5)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(STRANGE)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@change("a stranger is scraped")
async def stranger(day: Day) -> AsyncIterator[None]:
    port = free_port()
    with serving(port):
        path = day.stack.data / "configuration/prometheus/targets/uvote.yaml"
        before = path.read_text()
        added = {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"job": "ballot", "__scrape_interval__": "1s", "__scrape_timeout__": "1s"},
        }
        rewrite(path, json.dumps([*json.loads(before), added]))
        yield
        rewrite(path, before)


@contextlib.contextmanager
def serving(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Stranger)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def rewrite(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text)
    unfinished.rename(path)


@change("a service stops")
async def stop_service(day: Day) -> AsyncIterator[None]:
    day.system.kill("election", signal.SIGTERM)
    await day.system.ended("election")
    async with asking(day):
        yield
    await day.system.start("election")


@asynccontextmanager
async def asking(day: Day) -> AsyncIterator[None]:
    """Organisers and the public go on to ask meanwhile."""
    task = asyncio.create_task(ask(day))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def ask(day: Day) -> None:
    assert day.election is not None
    election = day.election.id
    while True:
        async with httpx.AsyncClient(timeout=10) as client:
            headers = {"Authorization": f"Bearer {day.world.bearer}"}
            with suppress(httpx.TransportError):
                await client.get(f"{day.system.url('frontend')}/election/{day.uuid}")
                await client.get(f"{day.system.url('voter')}/v1/elections/{election}/mail", headers=headers)
        with suppress(Refused, Unavailable):
            await day.world.election.list_elections(bearer=day.world.tokens["election"])
        await asyncio.sleep(0.2)


@change("a service starts otherwise")
async def start_otherwise(day: Day) -> AsyncIterator[None]:
    day.system.kill("result", signal.SIGTERM)
    await day.system.ended("result")
    await day.system.start("result", log_level="debug")
    yield


@change("the database stops")
async def stop_database(day: Day) -> AsyncIterator[None]:
    await day.workshop.kill_postgres()
    async with asking(day):
        yield
    await day.workshop.start_postgres()


@change("a board is falsified")
async def falsify(day: Day) -> AsyncIterator[None]:
    """One that nobody looks at otherwise: its next event follows none, and its counter is too high."""
    (address, _) = roll = addresses(2)
    election = await day.world.opened(roll)
    code = (await day.world.mailbox.wait_for(address)).code
    await day.execute(
        "UPDATE ballot.boards SET ballots = ballots + 1, head = decode(repeat('00', 32), 'hex') "  # noqa: S608  # our own words
        f"WHERE uuid = '{election.uuid}'"
    )
    await day.cast(code, election)
    yield


@change("the election closes")
async def close(day: Day) -> AsyncIterator[None]:
    """While nobody counts."""
    day.system.kill("result", signal.SIGTERM)
    await day.system.ended("result")
    await day.change_schedule(closes="now")
    yield


@change("the counting goes on")
async def count(day: Day) -> AsyncIterator[None]:
    assert day.election is not None
    await day.system.start("result")
    await day.world.reached(day.election, State.CLOSED)
    yield


@change("Loki refuses a line")
async def send_old_line(day: Day) -> AsyncIterator[None]:
    record = {"timeUnixNano": str(int((time.time() - 30 * 86400) * 1e9)), "body": {"stringValue": "request_served"}}
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "auth"}}]}
    document = {"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": [record]}]}]}
    async with httpx.AsyncClient() as client:
        (await client.post(f"{day.stack.ports.url('otlp_identity')}/v1/logs", json=document)).raise_for_status()
    yield


@change("Loki is gone")
async def lose_loki(day: Day) -> AsyncIterator[None]:
    await asyncio.to_thread(end, day.servers["loki"])
    async with asking(day):
        yield


@change("the collector is gone")
async def lose_collector(day: Day) -> AsyncIterator[None]:
    await asyncio.to_thread(end, day.servers["otelcol"])
    async with asking(day):
        yield


def end(server: Running) -> None:
    server.ask_to_end()
    server.wait()


@asynccontextmanager
async def day_begun(
    stack: Stack, running: Sequence[Running], workshop: OwnWorkshop, system: System
) -> AsyncIterator[Day]:
    """All six services run and are scraped; an organiser has an account."""
    async with AsyncExitStack() as closing:
        mail = await closing.enter_async_context(AsyncExitStack())
        mailbox: Mailbox = await mail.enter_async_context(listening(system.installation.smtp_port))
        organiser, tokens = await system.organiser(f"Ada{secrets.token_hex(3)}")
        await system.start("election")
        await system.start("ballot", publish_seconds=1, proof_queue=40)
        await system.start("voter", mails_per_minute=100_000, mail_retry_seconds=2, smtp_seconds=5)
        await system.start("result", "frontend")
        clients = (
            VoterClient(system.url("voter")),
            ElectionClient(system.url("election")),
            BallotClient(system.url("ballot")),
        )
        for client in clients:
            closing.push_async_callback(client.close)
        world = VoterWorld(system, mailbox, tokens, *clients)
        servers = {each.server.name: each for each in running}
        yield Day(stack, servers, workshop, system, world, mail, organiser.email)
