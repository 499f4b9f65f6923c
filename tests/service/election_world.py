"""What tests of `election` say again and again: an organiser with a draft, and the services that report to it."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.election.client import ElectionClient
from services.election.contract import (
    Confirmations,
    Draft,
    Election,
    LocalTime,
    NewElection,
    NewTrustee,
    Question,
    Report,
    RollSummary,
    ScheduleReport,
    State,
    Step,
    TrusteeKey,
    TrusteeView,
)
from services.shared.client import Refused
from tests.service.harness import System
from tests.unit.election.keys import a_key

LIST = "c" * 64
ROLL = RollSummary(voters=12, total_weight=12, rare_weights=0, test_mail_accepted_at=datetime(2026, 11, 1, tzinfo=UTC))
ALL = Confirmations(confirmed=["few_voters", "rare_weights"])


def local(instant: datetime) -> LocalTime:
    return LocalTime(local=instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))


def soon(**delta: float) -> LocalTime:
    return local(datetime.now(UTC) + timedelta(**delta))


def a_draft(**changes: Any) -> Draft:
    """A draft that could be sealed: opens in an hour, closes in two."""
    members: dict[str, Any] = {
        "name": "Board of the society",
        "questions": [Question(text="Who?", options=["Ann", "Ben"])],
        "opens": soon(hours=1),
        "closes": soon(hours=2),
        "reply_to": "office@example.org",
    }
    return Draft(**(members | changes))


@asynccontextmanager
async def refused(status: int, problem: str) -> AsyncIterator[None]:
    """The call in the block must be refused so."""
    with pytest.raises(Refused) as caught:
        yield
    assert (caught.value.status, caught.value.type) == (status, problem)


@dataclass
class World:
    """`election` with an organiser, and one client per calling service."""

    system: System
    organiser: str
    tokens: Mapping[str, str]  # by audience
    anyone: ElectionClient
    voter: ElectionClient
    ballot: ElectionClient
    result: ElectionClient

    @property
    def token(self) -> str:
        """The organiser's token for `election`."""
        return self.tokens["election"]

    async def election(self, election_id: str) -> Election:
        return await self.anyone.read_election(election_id, bearer=self.token)

    async def draft(self, **changes: Any) -> Election:
        """A draft as it was created."""
        return await self.anyone.create_election(NewElection(draft=a_draft(**changes)), bearer=self.token)

    async def code(self, trustee_id: str) -> str:
        """What the trustee's waiting invitation says."""
        (code,) = [each.code for each in await self.voter.list_trustee_invitations() if each.trustee_id == trustee_id]
        return code

    async def trustee(self, election_id: str, key: TrusteeKey | None = None) -> tuple[TrusteeView, str]:
        """A trustee who has published a key, with the code."""
        new = NewTrustee(name="Tess", address="tess@example.org")
        trustee = await self.anyone.add_trustee(election_id, new, bearer=self.token)
        code = await self.code(trustee.id)
        await self.anyone.publish_trustee_key(trustee.id, key or a_key(), code=code)
        return trustee, code

    async def ready(self, roll: RollSummary = ROLL, **changes: Any) -> Election:
        """A draft that can be sealed."""
        election = await self.draft(**changes)
        await self.trustee(election.id)
        await self.voter.report_roll(election.id, roll)
        return election

    async def sealing(self, roll: RollSummary = ROLL, **changes: Any) -> Election:
        election = await self.ready(roll, **changes)
        return await self.anyone.seal_election(election.id, ALL, bearer=self.token)

    async def report(self, election: Election, step: Step, **facts: str | int) -> None:
        """The service that owes the step reports it done."""
        client = {"voter": self.voter, "ballot": self.ballot, "result": self.result}[OWING[step]]
        await client.report_step(election.id, step, Report(uuid=election.uuid, facts=facts))

    async def sealed(self, roll: RollSummary = ROLL, **changes: Any) -> Election:
        election = await self.sealing(roll, **changes)
        await self.report(
            election, Step.FREEZE_ROLL, voters=roll.voters, total_weight=roll.total_weight, credentials=LIST
        )
        await self.report(election, Step.SET_UP_BOARD, event="e" * 64, credentials=LIST)
        return await self.election(election.id)

    async def opened(self, **changes: Any) -> Election:
        election = await self.sealed(**changes)
        await self.report(election, Step.OPEN_BOARD)
        return await self.election(election.id)

    async def closed(self, counted: int = 7, **changes: Any) -> Election:
        election = await self.opened(**changes)
        await self.report(election, Step.CLOSE_BOARD)
        await self.report(election, Step.END_BALLOTS, event="e" * 64, height=9)
        await self.report(election, Step.DESTROY_SECRETS)
        await self.report(election, Step.POST_TALLY, event="e" * 64, counted=counted, turnout=counted)
        return await self.election(election.id)

    async def decrypted(self) -> Election:
        election = await self.closed()
        await self.report(election, Step.POST_RESULT, event="e" * 64)
        return await self.election(election.id)

    async def keep(
        self, election: Election, revision: int, opens_at: datetime | None, closes_at: datetime, *, applied: bool = True
    ) -> None:
        """The board reports the instants that it keeps."""
        report = ScheduleReport(
            uuid=election.uuid, revision=revision, applied=applied, opens_at=opens_at, closes_at=closes_at
        )
        await self.ballot.report_schedule(election.id, report)

    async def state(self, election: Election) -> State:
        return (await self.election(election.id)).state

    async def owed(self, election: Election) -> dict[str, list[Step]]:
        """Who owes which step of the election now; services that are not told of it are left out."""
        clients = {"voter": self.voter, "ballot": self.ballot, "result": self.result}
        return {
            name: work.steps
            for name, client in clients.items()
            for work in await client.list_work()
            if work.election_id == election.id
        }

    async def actions(self, election: Election) -> list[str]:
        """What the audit log says was done."""
        page = await self.anyone.read_audit(election.id, bearer=self.token)
        return [record.action for record in page.records]


OWING: dict[Step, str] = {
    Step.FREEZE_ROLL: "voter",
    Step.SET_UP_BOARD: "ballot",
    Step.WITHDRAW_CODES: "voter",
    Step.WITHDRAW_BOARD: "ballot",
    Step.OPEN_BOARD: "ballot",
    Step.CLOSE_BOARD: "ballot",
    Step.END_BALLOTS: "ballot",
    Step.DESTROY_SECRETS: "voter",
    Step.POST_TALLY: "result",
    Step.POST_RESULT: "result",
    Step.APPLY_RETENTION: "voter",
}


@asynccontextmanager
async def make_world(system: System) -> AsyncIterator[World]:
    """Starts `election` and signs an organiser in."""
    await system.start("election")
    organiser, tokens = await system.organiser(f"Ada{secrets.token_hex(3)}")
    async with AsyncExitStack() as stack:

        def client(name: str | None) -> ElectionClient:
            caller = system.caller(name) if name else None
            made = ElectionClient(system.url("election"), caller=caller)
            stack.push_async_callback(made.close)
            return made

        yield World(
            system,
            organiser.id,
            tokens,
            client(None),
            client("voter"),
            client("ballot"),
            client("result"),
        )
