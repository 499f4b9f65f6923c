"""Real elections for tests: made over the services' own interfaces, by an organiser, a trustee and voters with mail."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.ballot.client import BallotClient
from services.ballot.contract import Board, Phase
from services.election.contract import Election, LocalTime, NewTrustee, Question, ScheduleChange, State, TrusteeKey
from services.result.client import ResultClient
from services.voting import ballot
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.trustee import generate_private_key, public_key_record
from tests.service.election_world import ALL
from tests.service.harness import System
from tests.service.mailbox import Mailbox
from tests.service.voter_world import VoterWorld, addresses, eventually, make_voter_world

CHAIR = Question(text="Who shall chair the council?", options=["Amina", "Ben", "Chen", "Dagmar", "Élodie"], blank=True)
PROJECTS = Question(
    text="Which projects shall be funded?\nThere is money for two.",
    options=["Bicycle workshop", "Choir", "Food bank", "Robotics club"],
    minimum=0,
    maximum=2,
)


def at(zone: str, **delta: float) -> LocalTime:
    """What a clock in this zone will show then."""
    local = (datetime.now(UTC) + timedelta(**delta)).astimezone(ZoneInfo(zone))
    return LocalTime(local=local.strftime("%Y-%m-%dT%H:%M:%S"), fold=local.fold)


@dataclass(frozen=True)
class Invitation:
    """What a voter has: the mail's link, and its code."""

    address: str
    link: str
    code: str

    @property
    def page(self) -> str:
        """The link without the part of the code that it carries."""
        return self.link.partition("#")[0]

    @property
    def end(self) -> str:
        """The part of the code that is not in the link."""
        return self.code[-3:]


@dataclass(frozen=True)
class Trustee:
    """Somebody who holds a share of the key: what their mail said, and the private key that they made."""

    id: str
    code: str
    private_key: int


@dataclass
class Poll:
    """A sealed election with the mails of its voters."""

    stage: "Stage"
    id: str
    uuid: str
    trustees: list[Trustee]
    addresses: list[str]
    definition: Definition

    async def view(self) -> Election:
        """As its organiser sees it."""
        return await self.stage.world.election.read_election(self.id, bearer=self.stage.token)

    async def board(self) -> Board:
        """The board now."""
        return await self.stage.ballot.read_board(self.uuid)

    async def invitation(self, number: int) -> Invitation:
        """The first mail to a voter."""
        address = self.addresses[number]
        mail = await self.stage.mailbox.wait_for(address)
        return Invitation(address, mail.link, mail.code)

    async def change(self, phase: Phase | None = None, **change: Any) -> None:
        """The organiser moves the schedule; waits until the board is in this phase."""
        order = ScheduleChange(reason="A test.", **change)
        await self.stage.world.election.change_schedule(self.id, order, bearer=self.stage.token)
        if phase is not None:
            await self.reach(phase)

    async def reach(self, phase: Phase) -> None:
        """Waits for the board."""

        async def reached() -> bool:
            return (await self.board()).phase is phase

        await eventually(reached)

    async def become(self, state: State) -> None:
        """Waits for `election`."""

        async def reached() -> bool:
            return (await self.view()).state is state

        await eventually(reached)

    async def close(self) -> None:
        """Ends voting now and waits for the encrypted tally."""
        await self.change(closes="now")
        await self.become(State.CLOSED)

    async def cast(self, number: int, choices: Sequence[Sequence[int]]) -> str:
        """A voter votes without a page; returns the tracker."""
        invitation = await self.invitation(number)
        raw = ballot.make_ballot(self.definition, invitation.code, [list(choice) for choice in choices])
        return (await self.stage.ballot.cast_ballot(self.uuid, raw)).tracker


@dataclass
class Stage:
    """All six services, an organiser and a mailbox. `tokens` are the organiser's, by audience."""

    system: System
    world: VoterWorld
    result: ResultClient

    @property
    def mailbox(self) -> Mailbox:
        """Where all mails arrive."""
        return self.world.mailbox

    @property
    def ballot(self) -> BallotClient:
        """Anybody at `ballot`."""
        return self.world.ballot

    @property
    def token(self) -> str:
        """The organiser's, for `election`."""
        return self.world.tokens["election"]

    @property
    def origin(self) -> str:
        """Where browsers find the pages."""
        return self.system.installation.public_url("frontend")

    async def sealed(self, voters: int = 3, trustees: int = 1, **draft: Any) -> Poll:
        """An election that opens in an hour and closes in two, unless the draft says otherwise; mails are on their way.

        `draft` are fields of `services.election.contract.Draft`.
        """
        label = addresses(voters)
        zone = draft.get("zone", "UTC")
        usual: dict[str, Any] = {
            "questions": [CHAIR, PROJECTS],
            "opens": at(zone, hours=1),
            "closes": at(zone, hours=2),
        }
        election = await self.world.draft(label, **(usual | draft))
        names = ["Tess Trustee", "Tom Trustee"][:trustees]
        appointed = [await self.appoint(election, name) for name in names]
        await self.world.test_mail(election)
        await self.world.election.seal_election(election.id, ALL, bearer=self.token)
        await self.world.reached(election, State.SEALED)
        await self.world.voter.queue_invitations(election.id, bearer=self.world.bearer)
        view = await self.world.read(election)
        definition = Definition.parse(await self.world.election.read_definition(view.uuid))
        return Poll(self, view.id, view.uuid, appointed, label, definition)

    async def opened(self, voters: int = 3, **draft: Any) -> Poll:
        """The same, open now for a day."""
        poll = await self.sealed(voters, **({"closes": at(draft.get("zone", "UTC"), hours=24)} | draft))
        await poll.change(Phase.OPEN, opens="now")
        await poll.become(State.OPEN)
        return poll

    async def appoint(self, election: Election, name: str = "Tess Trustee") -> Trustee:
        """A trustee who reads the mail, makes a key and publishes its public half."""
        address = f"trustee@{secrets.token_hex(4)}.example.org"
        new = NewTrustee(name=name, address=address)
        trustee = await self.world.election.add_trustee(election.id, new, bearer=self.token)
        code = (await self.mailbox.wait_for(address)).code
        private = generate_private_key(BELENIOS_2048)
        record = public_key_record(private, BELENIOS_2048, name)
        key = TrusteeKey(public_key=record["public_key"], **record["pok"])
        await self.world.election.publish_trustee_key(trustee.id, key, code=code)
        return Trustee(trustee.id, code, private)


@asynccontextmanager
async def make_stage(system: System) -> AsyncIterator[Stage]:
    """Starts everything and signs an organiser in."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(make_voter_world(system))
        await system.start("result", "frontend")
        result = ResultClient(system.url("result"))
        stack.push_async_callback(result.close)
        yield Stage(system, world, result)
