"""What tests of `ballot` say again and again: an election whose board is set up, and voters with codes and ballots.

`election` and `ballot` are real; the test holds the keys of `voter` and `result` and does what they would do.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.ballot.client import BallotClient
from services.ballot.contract import Board, CredentialsPage, CredentialsSeal, Phase
from services.election.contract import Election as ElectionView
from services.election.contract import Report, RollSummary, ScheduleChange, Step, TrusteeKey
from services.shared.database import Database
from services.voting.ballot import make_ballot
from services.voting.credential import PublicCredential, derive_code, public_credential, render_credentials
from services.voting.election import Election
from services.voting.group import BELENIOS_2048
from services.voting.trustee import generate_private_key, public_key_record
from tests.service.election_world import ALL, World, make_world, soon
from tests.service.harness import System

DEADLINE_SECONDS = 30
PRIVATE_KEY = generate_private_key(BELENIOS_2048)


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Polls until the condition holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def trustee_key(private: int = PRIVATE_KEY) -> TrusteeKey:
    """What a trustee publishes."""
    record = public_key_record(private, BELENIOS_2048)
    return TrusteeKey(public_key=record["public_key"], **record["pok"])


@dataclass(frozen=True)
class Voter:
    """Somebody with a code."""

    code: str
    credential: str
    weight: int

    @property
    def digest(self) -> str:
        """By which the public list is asked."""
        return hashlib.sha256(self.credential.encode()).hexdigest()


@dataclass
class Poll:
    """An election with its board and its voters, who choose one of two."""

    world: "BallotWorld"
    view: ElectionView
    election: Election
    voters: list[Voter]

    @property
    def uuid(self) -> str:
        """Names the board."""
        return self.election.uuid

    def ballot(self, voter: int = 0, choice: int = 0) -> bytes:
        """A new ballot of a voter; no two are equal."""
        bits = [[int(choice == option) for option in range(2)]]
        return make_ballot(self.election, self.voters[voter].code, bits)

    async def cast(self, voter: int = 0, choice: int = 0) -> str:
        """Casts a new ballot and returns its tracker."""
        return (await self.world.anyone.cast_ballot(self.uuid, self.ballot(voter, choice))).tracker

    async def board(self) -> Board:
        """The board now."""
        return await self.world.anyone.read_board(self.uuid)

    async def change(self, **change: Any) -> None:
        """The organiser moves the schedule."""
        world = self.world.elections
        order = ScheduleChange(reason="A test.", **change)
        await world.anyone.change_schedule(self.view.id, order, bearer=world.token)

    async def reach(self, phase: Phase) -> None:
        """Waits until the board's clock says so."""

        async def reached() -> bool:
            return (await self.board()).phase is phase

        await eventually(reached, f"the board is not {phase.value}")

    async def close(self) -> None:
        """Closes the board and waits for EndBallots."""
        await self.change(closes="now")

        async def ended() -> bool:
            return (await self.board()).ended

        await eventually(ended, "the board does not end")

    async def archive(self) -> bytes:
        """The whole archive."""
        async with self.world.anyone.download_archive(self.uuid) as response:
            return await response.aread()


@dataclass
class BallotWorld:
    """`election` and `ballot`, and one client for each who calls."""

    system: System
    elections: World
    anyone: BallotClient
    voter: BallotClient
    result: BallotClient

    async def list_made(
        self, voters: int, weights: Sequence[int] = (), **draft: Any
    ) -> tuple[ElectionView, list[Voter]]:
        """An election that is being sealed, with its voters; nothing was sent to the board yet."""
        weights = [*weights, *[1] * (voters - len(weights))]
        roll = RollSummary(
            voters=voters, total_weight=sum(weights), rare_weights=0, test_mail_accepted_at=datetime.now(UTC)
        )
        world = self.elections
        draft = {"opens": soon(minutes=-5), **draft}
        created = await world.draft(**draft)
        await world.trustee(created.id, trustee_key())
        await world.voter.report_roll(created.id, roll)
        view = await world.anyone.seal_election(created.id, ALL, bearer=world.token)
        return view, [make_voter(view.uuid, number, weight) for number, weight in enumerate(weights)]

    async def send_list(self, view: ElectionView, voters: Sequence[Voter], pages: int = 1) -> str:
        """Sends the public list as `voter` does; returns its hash."""
        lines = sorted_lines(voters)
        size = -(-len(lines) // pages)
        for page in range(pages):
            part = CredentialsPage(credentials=lines[page * size : (page + 1) * size])
            await self.voter.put_credentials_page(view.uuid, page, part)
        seal = seal_of(voters, pages)
        await self.voter.seal_credentials(view.uuid, seal)
        return seal.hash

    async def poll(
        self,
        voters: int = 3,
        *,
        weights: Sequence[int] = (),
        pages: int = 1,
        phase: Phase | None = Phase.OPEN,
        **draft: Any,
    ) -> Poll:
        """An election whose board is set up; it is open, unless the draft says otherwise."""
        view, list_of_voters = await self.list_made(voters, weights, **draft)
        hash_of_list = await self.send_list(view, list_of_voters, pages)
        world = self.elections
        total = sum(voter.weight for voter in list_of_voters)
        facts: dict[str, str | int] = {"voters": voters, "total_weight": total, "credentials": hash_of_list}
        await world.voter.report_step(view.id, Step.FREEZE_ROLL, Report(uuid=view.uuid, facts=facts))
        definition = await world.anyone.read_definition(view.uuid)
        poll = Poll(self, view, Election.parse(definition), list_of_voters)

        async def is_sealed() -> bool:
            return (await world.election(view.id)).state.value not in {"sealing", "draft"}

        await eventually(is_sealed, "the election is not sealed")
        if phase is not None:
            await poll.reach(phase)
        return poll

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """The board's tables, with the rights that the service has."""
        url = self.system.installation.environment("ballot")["UVOTE_DATABASE_URL"]
        database = await Database.open(url, schema="ballot")
        yield database
        await database.close()


def make_voter(uuid: str, number: int, weight: int) -> Voter:
    """A voter, with the code that `voter` would have made."""
    code = derive_code(b"a secret of tests" + uuid.encode(), f"voter {number}")
    return Voter(code, public_credential(code, uuid, BELENIOS_2048), weight)


def public_credentials(voters: Sequence[Voter]) -> list[PublicCredential]:
    """The voters as the public list names them."""
    return [PublicCredential(voter.credential, voter.weight) for voter in voters]


def sorted_lines(voters: Sequence[Voter]) -> list[str]:
    """The lines of the public list."""
    return [credential.render() for credential in sorted(public_credentials(voters), key=lambda each: int(each.key))]


def seal_of(voters: Sequence[Voter], pages: int = 1) -> CredentialsSeal:
    """What all pages together must be."""
    record = render_credentials(public_credentials(voters))
    weight = sum(voter.weight for voter in voters)
    digest = hashlib.sha256(record).hexdigest()
    return CredentialsSeal(pages=pages, count=len(voters), total_weight=weight, hash=digest)


@asynccontextmanager
async def make_ballot_world(system: System) -> AsyncIterator[BallotWorld]:
    """Starts `election` and `ballot`."""
    async with make_world(system) as elections, AsyncExitStack() as stack:
        await system.start("ballot")

        def client(name: str | None) -> BallotClient:
            made = BallotClient(system.url("ballot"), caller=system.caller(name) if name else None)
            stack.push_async_callback(made.close)
            return made

        yield BallotWorld(system, elections, client(None), client("voter"), client("result"))
