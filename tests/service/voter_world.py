"""What tests of `voter` say again and again: an organiser, elections with rolls, and a mailbox."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.election.contract import Election, NewElection, NewTrustee, ScheduleChange, State
from services.voter import contract
from services.voter.client import VoterClient
from services.voter.contract import ImportReport, Voter
from services.voting.credential import public_credential
from services.voting.group import BELENIOS_2048
from tests.service.election_world import ALL, a_draft, soon
from tests.service.harness import System
from tests.service.mailbox import WAIT_SECONDS, Mailbox, listening
from tests.unit.election.keys import a_key

QUICK: dict[str, Any] = {"mails_per_minute": 100_000, "mail_retry_seconds": 0.2, "smtp_seconds": 60}


def addresses(number: int) -> list[str]:
    """Addresses that no other test has."""
    label = secrets.token_hex(4)
    return [f"voter{place}@{label}.example.org" for place in range(number)]


def roll_of(addresses: Sequence[str], weight: int = 1) -> bytes:
    return "\n".join(["address,name,weight", *(f"{each},Name of {each[:6]},{weight}" for each in addresses)]).encode()


@dataclass
class VoterWorld:
    """`voter`, `election` and `ballot` with an organiser."""

    system: System
    mailbox: Mailbox
    tokens: dict[str, str]
    voter: VoterClient
    election: ElectionClient
    ballot: BallotClient

    @property
    def bearer(self) -> str:
        """For `voter`."""
        return self.tokens["voter"]

    async def draft(self, addresses: Sequence[str] = (), *, weight: int = 1, **changes: Any) -> Election:
        """A draft with this roll."""
        draft = a_draft(**({"closes": soon(hours=2)} | changes))
        election = await self.election.create_election(NewElection(draft=draft), bearer=self.tokens["election"])
        if addresses:
            await self.import_roll(election, roll_of(addresses, weight))
        return election

    async def import_roll(self, election: Election, raw: bytes, *, all_or_nothing: bool = False) -> ImportReport:
        return await self.voter.import_roll(election.id, raw, bearer=self.bearer, all_or_nothing=all_or_nothing)

    async def sealing(self, addresses: Sequence[str], **changes: Any) -> Election:
        """Sealing has been asked for; the trustee has read the mail and made a key."""
        election = await self.draft(addresses, **changes)
        await self.trustee(election)
        await self.test_mail(election)
        return await self.election.seal_election(election.id, ALL, bearer=self.tokens["election"])

    async def sealed(self, addresses: Sequence[str], **changes: Any) -> Election:
        return await self.reached(await self.sealing(addresses, **changes), State.SEALED)

    async def opened(self, addresses: Sequence[str], **changes: Any) -> Election:
        return await self.open(await self.sealed(addresses, **changes))

    async def open(self, election: Election) -> Election:
        await self.election.change_schedule(
            election.id, ScheduleChange(opens="now", reason="test"), bearer=self.tokens["election"]
        )
        return await self.reached(election, State.OPEN)

    async def closing(self, election: Election) -> None:
        await self.election.change_schedule(
            election.id, ScheduleChange(closes="now", reason="test"), bearer=self.tokens["election"]
        )

    async def trustee(self, election: Election) -> None:
        address = f"tess@{secrets.token_hex(4)}.example.org"
        new = NewTrustee(name="Tess", address=address)
        trustee = await self.election.add_trustee(election.id, new, bearer=self.tokens["election"])
        code = (await self.mailbox.wait_for(address)).code
        await self.election.publish_trustee_key(trustee.id, a_key(), code=code)

    async def test_mail(self, election: Election, address: str | None = None) -> contract.TestMailFate:
        test_mail = contract.TestMail(address=address or addresses(1)[0])
        return await self.voter.send_test_mail(election.id, test_mail, bearer=self.bearer)

    async def read(self, election: Election) -> Election:
        return await self.election.read_election(election.id, bearer=self.tokens["election"])

    async def reached(self, election: Election, state: State) -> Election:
        """The election as it is once it is in this state."""
        found = election

        async def there() -> bool:
            nonlocal found
            found = await self.read(election)
            return found.state is state

        await eventually(there)
        return found

    async def only_voter(self, election: Election, query: str) -> Voter:
        """The one voter that this search finds."""
        page = await self.voter.list_voters(election.id, bearer=self.bearer, query=query)
        (voter,) = page.voters
        return voter

    async def is_on_the_list(self, uuid: str, code: str) -> bool:
        """Whether the board knows this code's public credential."""
        digest = hashlib.sha256(public_credential(code, uuid, BELENIOS_2048).encode()).hexdigest()
        return (await self.ballot.read_credential(uuid, digest)).listed

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Looks into the database of `voter`."""
        connection = await asyncpg.connect(self.system.database_url, server_settings={"search_path": "voter"})
        try:
            return await connection.fetch(statement, *values)
        finally:
            await connection.close()


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = WAIT_SECONDS) -> None:
    """Waits until the condition holds; for no longer than so many seconds."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it does not come to that"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def make_voter_world(system: System, **settings: Any) -> AsyncIterator[VoterWorld]:
    """Starts what is needed and signs an organiser in."""
    _, tokens = await system.organiser(f"Ada{secrets.token_hex(3)}")
    async with AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(listening(system.installation.smtp_port))
        await system.start("election", "ballot")
        await system.start("voter", **(QUICK | settings))
        stack.callback(_end, system)
        clients = (
            VoterClient(system.url("voter")),
            ElectionClient(system.url("election")),
            BallotClient(system.url("ballot")),
        )
        for client in clients:
            stack.push_async_callback(client.close)
        yield VoterWorld(system, mailbox, tokens, *clients)


def _end(system: System) -> None:
    """Nobody is to send mails to a mailbox that is gone."""
    for name in list(system.processes):
        if name.startswith("voter"):
            system.kill(name)
