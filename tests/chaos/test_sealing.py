"""Services are killed while an election is sealed and its voters are invited: it opens, and nobody gets two codes.

All runs begin with copies of one database, in which the secret of the codes is drawn and nothing else is done. From
there on everything is determined: the public list, the Setup event and the codes are those of a run in which nobody
was killed.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from services.ballot.client import BallotClient
from services.ballot.contract import FullEvent
from services.election.contract import Election, State
from services.shared.settings import SERVICES
from services.voting.credential import parse_credentials, public_credential
from services.voting.group import BELENIOS_2048
from tests.chaos.killing import PATIENCE_SECONDS, becomes, start, tormented
from tests.service.election_world import soon
from tests.service.harness import System, Workshop
from tests.service.mailbox import Mailbox, listening
from tests.service.voter_world import VoterWorld, addresses, eventually, make_voter_world

VOTERS = 60
CONCERNED = ("election", "ballot", "voter")


@dataclass(frozen=True)
class Beginning:
    """A database in which sealing has begun."""

    system: System
    election: Election
    addresses: list[str]


@dataclass(frozen=True)
class Sealed:
    """What the world got to see."""

    public_list: bytes
    events: list[FullEvent]
    codes: dict[str, str]  # by address


@dataclass(frozen=True)
class Undisturbed:
    """What comes when nobody is killed, and how many seconds it takes."""

    sealed: Sealed
    seconds: float


async def draw_secret(world: VoterWorld, uuid: str) -> None:
    """Lets `voter` begin; as the board is down it can do no more than to compute."""

    async def drawn() -> bool:
        return bool(await world.fetch("SELECT FROM edition WHERE uuid = $1 AND sealed_secret IS NOT NULL", uuid))

    await eventually(drawn)


@pytest.fixture(scope="module")
async def beginning(workshop: Workshop) -> AsyncIterator[Beginning]:
    async with workshop.system() as system:
        async with make_voter_world(system) as world:
            system.kill("ballot")
            everybody = addresses(VOTERS)
            election = await world.sealing(everybody, opens=soon(minutes=-5))
            await draw_secret(world, election.uuid)
        await system.close()
        yield Beginning(system, election, everybody)


@asynccontextmanager
async def continued(workshop: Workshop, beginning: Beginning) -> AsyncIterator[tuple[System, Mailbox]]:
    """A copy, in which nothing runs but the mail server."""
    async with workshop.system(like=beginning.system) as system, listening(system.installation.smtp_port) as mailbox:
        yield system, mailbox
        await system.close()  # before the mail server


async def invited(system: System, mailbox: Mailbox, beginning: Beginning) -> None:
    """Waits until voting is open and everybody has a mail."""
    await becomes(system, beginning.election.id, State.OPEN)

    async def have_mails() -> bool:
        return all(mailbox.to(address) for address in beginning.addresses)

    await eventually(have_mails, PATIENCE_SECONDS)


async def look(system: System, mailbox: Mailbox, beginning: Beginning) -> Sealed:
    """Gathers what came out; fails when somebody was sent two codes."""
    client = BallotClient(system.url("ballot"), caller=system.caller("result"))
    uuid = beginning.election.uuid
    public_list = await client.read_credentials(uuid)
    page = await client.list_full_events(uuid)
    await client.close()
    codes = {}
    for address in beginning.addresses:
        (codes[address],) = {mail.code for mail in mailbox.to(address)}
    return Sealed(public_list, page.events, codes)


@pytest.fixture(scope="module")
async def undisturbed(workshop: Workshop, beginning: Beginning) -> Undisturbed:
    async with continued(workshop, beginning) as (system, mailbox):
        began = time.monotonic()
        await start(system, *CONCERNED)
        await invited(system, mailbox, beginning)
        return Undisturbed(await look(system, mailbox, beginning), time.monotonic() - began)


async def test_everybody_has_a_code_of_their_own_that_is_on_the_list(
    beginning: Beginning, undisturbed: Undisturbed
) -> None:
    sealed, uuid = undisturbed.sealed, beginning.election.uuid
    keys = [public_credential(code, uuid, BELENIOS_2048) for code in sealed.codes.values()]
    assert sorted(keys) == sorted(public.key for public in parse_credentials(sealed.public_list))
    assert len(set(keys)) == VOTERS
    assert len(sealed.events) == 1


@pytest.mark.parametrize("victims", [*((victim,) for victim in CONCERNED), ("ballot/2",), SERVICES], ids="+".join)
async def test_whoever_is_killed_the_same_is_sealed(
    workshop: Workshop, beginning: Beginning, undisturbed: Undisturbed, victims: tuple[str, ...]
) -> None:
    async with continued(workshop, beginning) as (system, mailbox):
        await start(system, *(name for name in CONCERNED if name not in victims))
        async with tormented(system, *victims, seconds=undisturbed.seconds):
            await invited(system, mailbox, beginning)
        assert await look(system, mailbox, beginning) == undisturbed.sealed
