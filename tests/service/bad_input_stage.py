"""All six services with an election in every state, at rest: nothing changes in any database unless a request does it.

The elections whose state a board or a roll knows come there by themselves. Then the services that work by themselves
are started again in such a way that they do not learn of any work, and the tests report what they would, to bring
elections into the states that last for a moment only.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from signal import SIGTERM
from urllib.parse import urlencode

import asyncpg
import httpx

from services.ballot.client import BallotClient
from services.election.contract import Election, NewTrustee, State, Step
from services.voter.client import VoterClient
from tests.service.election_world import ALL, World, make_world
from tests.service.harness import System
from tests.service.mailbox import listening
from tests.service.right_requests import REAL, UNREAL, Things
from tests.service.routes_under_test import Route
from tests.service.voter_world import QUICK, VoterWorld, addresses, eventually
from tests.unit.election.keys import a_key

# `voter` asks `election` in its routes too; it makes one round and no second one.
IDLE: dict[str, dict[str, object]] = {
    "voter": {"poll_seconds": 10.0**6},
    "ballot": {"election_url": "http://127.0.0.1:9"},
    "result": {"election_url": "http://127.0.0.1:9"},
}
CSRF = "c" * 43
# What services note of failed requests on purpose. `attempts` counts wrong passwords, to slow down guessing.
BOOKKEEPING = {"auth.attempts"}
NOBODY = "1" * 22
HASH_OF_ROWS = """
    SELECT '{0}' AS name, md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) AS hash FROM {0} t"""


@dataclass
class Stage:
    """Who asks, and what there is to ask about."""

    system: System
    client: httpx.AsyncClient
    database: asyncpg.Connection
    tokens: Mapping[str, str]
    stranger: Mapping[str, str]
    things: dict[str, Things] = field(default_factory=dict)

    def authorization(self, route: Route, things: Things, *, stranger: bool = False) -> dict[str, str]:
        """The headers by which a route lets its caller in; with `stranger`, somebody who has nothing here."""
        tokens = self.stranger if stranger else self.tokens
        if route.service == "frontend":
            cookies = {"csrf": CSRF, "access": urlencode(tokens)}
            headers = {"Cookie": "; ".join(f"__Host-{name}={value}" for name, value in cookies.items())}
            headers["Sec-Fetch-Site"] = "same-origin"
        else:
            headers = {}
        if route.kind == "organiser":
            headers["Authorization"] = f"Bearer {tokens[route.service]}"
        elif route.kind == "caller":
            caller = self.system.caller("voter" if "voter" in route.callers else route.callers[0])
            headers["Authorization"] = f"Bearer {caller.token(route.service)}"
        elif route.kind == "trustee":
            headers["Authorization"] = f"Trustee {things.code}"
        return headers

    async def digest(self) -> dict[str, str]:
        """A hash of every row of every table of every service, by table."""
        rows = await self.database.fetch(
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = ANY($1)",
            ["auth", "voter", "election", "ballot", "result"],
        )
        tables = sorted({row["name"] for row in rows} - BOOKKEEPING)
        parts = [HASH_OF_ROWS.format(table) for table in tables]
        return {row["name"]: row["hash"] for row in await self.database.fetch(" UNION ALL ".join(parts))}


async def real(world: World, voters: VoterWorld, state: str) -> Things:
    """An election with a roll, a trustee and, once it is sealed, a board."""
    election = await voters.draft(addresses(3))
    new = NewTrustee(name="Tess", address=f"tess@{secrets.token_hex(4)}.example.org")
    trustee = await world.anyone.add_trustee(election.id, new, bearer=world.token)
    code = (await voters.mailbox.wait_for(new.address)).code
    await world.anyone.publish_trustee_key(trustee.id, a_key(), code=code)
    page = await voters.voter.list_voters(election.id, bearer=voters.bearer)
    if state != "draft":
        await voters.test_mail(election)
        await world.anyone.seal_election(election.id, ALL, bearer=world.token)
        await voters.reached(election, State.SEALED)
    if state in {"open", "closed"}:
        await voters.open(election)
    if state == "closed":
        await voters.closing(election)
        await voters.reached(election, State.CLOSED)
        await world.anyone.confirm_decryption(election.id, bearer=world.token)
    election = await world.election(election.id)
    return Things(state, election.id, election.uuid, trustee.id, code, page.voters[0].id, world.organiser)


async def bring(world: World, state: str) -> Election:
    """An election in a state that lasts for a moment only, or that no board needs to know."""
    if state == "sealing":
        return await world.sealing()
    if state == "unsealing":
        sealed = await world.sealed()
        return await world.anyone.unseal_election(sealed.id, bearer=world.token)
    if state == "closing":
        opened = await world.opened()
        await world.report(opened, Step.CLOSE_BOARD)
        return opened
    election = await world.decrypted()
    if state in {"published", "archived"}:
        await world.anyone.publish_result(election.id, bearer=world.token)
    if state == "archived":
        await world.anyone.archive_election(election.id, bearer=world.token)
        await world.report(election, Step.APPLY_RETENTION)
    return election


async def unreal(world: World, state: str) -> Things:
    """The same, with its trustee; there is no voter."""
    election = await world.election((await bring(world, state)).id)
    assert election.state == state
    (trustee,) = election.trustees
    code = await world.code(trustee.id)
    return Things(state, election.id, election.uuid, trustee.id, code, NOBODY, world.organiser)


async def rest(stage: Stage) -> None:
    """Waits until nobody has anything left to do, and lets nobody learn of anything new."""

    async def has_rested() -> bool:
        mails = await stage.database.fetchval("SELECT count(*) FROM voter.mail WHERE status <> 'accepted'")
        confirmed = await stage.database.fetchval("SELECT count(*) FROM result.tallies WHERE decryption_confirmed")
        untold = await stage.database.fetchval("SELECT count(*) FROM voter.roll WHERE revision <> reported_revision")
        return (mails, confirmed, untold) == (0, 1, 0)

    await eventually(has_rested)
    for name in IDLE:
        stage.system.kill(name, SIGTERM)
    for name, settings in IDLE.items():
        await stage.system.start(name, **settings)


async def is_still(stage: Stage) -> None:
    """Waits until the first and only round of each service is over."""
    last: list[dict[str, str]] = []

    async def nothing_changes() -> bool:
        last.append(await stage.digest())
        return len(last) > 5 and all(digest == last[-1] for digest in last[-5:])

    await eventually(nothing_changes)


@asynccontextmanager
async def make_stage(system: System) -> AsyncIterator[Stage]:
    """All of it."""
    async with AsyncExitStack() as stack:
        await system.start("auth", sign_up_enabled=True)
        world = await stack.enter_async_context(make_world(system))
        mailbox = await stack.enter_async_context(listening(system.installation.smtp_port))
        await system.start("ballot", "result", "frontend", sign_up_enabled=True)
        await system.start("voter", **QUICK)
        clients = VoterClient(system.url("voter")), world.anyone, BallotClient(system.url("ballot"))
        for each in (clients[0], clients[2]):
            stack.push_async_callback(each.close)
        voters = VoterWorld(system, mailbox, dict(world.tokens), *clients)
        client = await stack.enter_async_context(httpx.AsyncClient(timeout=60))
        database = await asyncpg.connect(system.database_url)
        stack.push_async_callback(database.close)
        _, stranger = await system.organiser("Bob")
        stage = Stage(system, client, database, world.tokens, stranger)
        made = await asyncio.gather(*(real(world, voters, state) for state in REAL))
        await rest(stage)
        made += [await unreal(world, state) for state in UNREAL]
        stage.things = {things.state: things for things in made}
        await is_still(stage)
        yield stage
