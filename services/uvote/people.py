"""The people of the demo: an organiser, trustees and voters, who do over real HTTP what people do in pages.

They know what a person would know: the organiser a password, everybody else what the mails say.
"""

import asyncio
import hashlib
import random
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.auth.client import AuthClient
from services.auth.contract import Credentials, NewOrganiser, Session
from services.ballot.client import BallotClient
from services.election.client import ElectionClient
from services.election.contract import (
    Confirmations,
    Draft,
    Election,
    LocalTime,
    NewElection,
    NewTrustee,
    Question,
    Replacement,
    ScheduleChange,
    State,
    TrusteeKey,
)
from services.result.client import ResultClient
from services.result.contract import PartialDecryption, Result, Tally
from services.shared.fields import BASE58
from services.uvote.installation import Installation
from services.uvote.mailbox import Mail, Mailbox
from services.voter.client import VoterClient
from services.voter.contract import TestMail
from services.voting.ballot import make_ballot, tracker
from services.voting.credential import public_credential
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.tally import partial_decryption
from services.voting.trustee import generate_private_key, public_key_record

CODE = re.compile(rf"\b[{BASE58}]{{3}}(?:-[{BASE58}]{{3}}){{4}}\b")
TRUSTEE_LINK = re.compile(rf"/trustee/([{BASE58}]+)")
AT_THE_SAME_TIME = 20  # voters
PATIENCE_SECONDS = 60
WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class Everyone:
    """How the services are reached."""

    auth: AuthClient
    election: ElectionClient
    voter: VoterClient
    ballot: BallotClient
    result: ResultClient

    @classmethod
    def at(cls, installation: Installation) -> "Everyone":
        """The clients of an installation; only the first organiser's account needs the operator's key."""
        return cls(
            AuthClient(installation.url("auth"), caller=installation.caller("operator")),
            ElectionClient(installation.url("election")),
            VoterClient(installation.url("voter")),
            BallotClient(installation.url("ballot")),
            ResultClient(installation.url("result")),
        )

    async def close(self) -> None:
        """Ends the connections."""
        for client in (self.auth, self.election, self.voter, self.ballot, self.result):
            await client.close()


@dataclass(frozen=True)
class Trustee:
    """A trustee: where mails go, and the key that is made in the beginning and used at the end."""

    name: str
    address: str
    key: int


def code_in(mail: Mail) -> str:
    """The code that a mail shows."""
    found = CODE.search(mail.text)
    assert found is not None
    return found.group()


def roll(voters: Sequence[str]) -> bytes:
    """A roll as an organiser's spreadsheet saves it."""
    return "\n".join(["email;name", *(f"{name}@example.org;{name.title()}" for name in voters)]).encode()


class Organiser:
    """Writes elections and takes them through their life."""

    def __init__(self, everyone: Everyone, mailbox: Mailbox, session: Session) -> None:
        self.everyone = everyone
        self.mailbox = mailbox
        self.session = session

    @classmethod
    async def sign_in(cls, everyone: Everyone, mailbox: Mailbox, email: str, password: str) -> "Organiser":
        """Makes the account and signs in."""
        await everyone.auth.add_organiser(NewOrganiser(email=email, name="Olga Organiser", password=password))
        session = await everyone.auth.sign_in(Credentials(email=email, password=password))
        return cls(everyone, mailbox, session)

    def _token(self, audience: str) -> str:
        return self.session.access[audience]

    async def write(self, name: str, questions: list[Question], *, hours: float) -> Election:
        """A draft that opens at once when it is sealed, and closes after so many hours."""
        now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
        draft = Draft(
            name=name,
            description="An election of the demo.",
            questions=questions,
            opens=LocalTime(local=(now + timedelta(seconds=1)).isoformat()),
            closes=LocalTime(local=(now + timedelta(hours=hours)).isoformat()),
            reply_to="organiser@example.org",
        )
        election = await self.everyone.election.create_election(
            NewElection(draft=draft), bearer=self._token("election")
        )
        return await self.everyone.election.replace_draft(
            election.id, Replacement(revision=election.revision, draft=draft), bearer=self._token("election")
        )

    async def import_roll(self, election: Election, voters: Sequence[str]) -> int:
        """Puts the voters on the roll and has the test mail sent; returns how many were added."""
        report = await self.everyone.voter.import_roll(election.id, roll(voters), bearer=self._token("voter"))
        await self.everyone.voter.send_test_mail(
            election.id, TestMail(address="organiser@example.org"), bearer=self._token("voter")
        )
        return report.added

    async def invite(self, election: Election, names: Sequence[str]) -> list[Trustee]:
        """Invites the trustees, who make their keys and publish the public halves."""
        trustees = [
            Trustee(name, f"{name.lower()}@trustees.example", generate_private_key(BELENIOS_2048)) for name in names
        ]
        for trustee in trustees:
            invited = NewTrustee(name=trustee.name, address=trustee.address)
            await self.everyone.election.add_trustee(election.id, invited, bearer=self._token("election"))
        await asyncio.gather(*(self._publish_key(election, trustee) for trustee in trustees))
        return trustees

    async def _publish_key(self, election: Election, trustee: Trustee) -> None:
        mail = await self.mailbox.wait_for(trustee.address, election.draft.name)
        link = TRUSTEE_LINK.search(mail.text)
        assert link is not None
        record = public_key_record(trustee.key, BELENIOS_2048)
        key = TrusteeKey(public_key=record["public_key"], **record["pok"])
        await self.everyone.election.publish_trustee_key(link.group(1), key, code=code_in(mail))

    async def seal(self, election: Election) -> Election:
        """Confirms what must be confirmed, seals, and waits until ballots are taken."""
        checklist = await self.everyone.election.read_checklist(election.id, bearer=self._token("election"))
        confirmed = [item.code for item in checklist.items if item.kind == "confirm"]
        await self.everyone.election.seal_election(
            election.id, Confirmations(confirmed=confirmed), bearer=self._token("election")
        )
        return await self.wait_for(election, State.OPEN)

    async def close(self, election: Election) -> Election:
        """Closes early, and waits until the encrypted tally is on the board."""
        change = ScheduleChange(closes="now", reason="Everybody has voted.")
        await self.everyone.election.change_schedule(election.id, change, bearer=self._token("election"))
        closed = await self.wait_for(election, State.CLOSED)
        if not closed.decryption_confirmed:
            await self.everyone.election.confirm_decryption(election.id, bearer=self._token("election"))
        return closed

    async def publish(self, election: Election) -> None:
        """Announces the result."""
        await self.wait_for(election, State.DECRYPTED)
        await self.everyone.election.publish_result(election.id, bearer=self._token("election"))

    async def wait_for(self, election: Election, state: State) -> Election:
        """The election, once it is in this state."""
        for _ in range(int(PATIENCE_SECONDS / WAIT_SECONDS)):
            now = await self.everyone.election.read_election(election.id, bearer=self._token("election"))
            if now.state == state:
                return now
            if now.problem:
                raise RuntimeError(f"The election cannot go on: {now.problem}")
            await asyncio.sleep(WAIT_SECONDS)
        raise TimeoutError(f"The election did not become {state} within {PATIENCE_SECONDS} s.")


class Voters:
    """Vote with the codes in their mails."""

    def __init__(self, everyone: Everyone, mailbox: Mailbox, election: Election) -> None:
        self.everyone = everyone
        self.mailbox = mailbox
        self.election = election

    async def vote(self, voters: Sequence[str], said: Callable[[int], None]) -> list[str]:
        """Everybody votes; returns the trackers. `said` hears how many have voted."""
        definition = Definition.parse(await self.everyone.ballot.read_definition(self.election.uuid))
        doors = asyncio.Semaphore(AT_THE_SAME_TIME)
        trackers: list[str] = []

        async def one(voter: str) -> None:
            async with doors:
                trackers.append(await self._vote_once(definition, voter))
                said(len(trackers))

        await asyncio.gather(*(one(voter) for voter in voters))
        return trackers

    async def _vote_once(self, definition: Definition, voter: str) -> str:
        # The mail names the election by its uuid, in the link.
        code = code_in(await self.mailbox.wait_for(f"{voter}@example.org", self.election.uuid))
        credential = public_credential(code, self.election.uuid, BELENIOS_2048)
        digest = hashlib.sha256(credential.encode()).hexdigest()
        assert (await self.everyone.ballot.read_credential(self.election.uuid, digest)).listed
        choices = [_choose(question) for question in self.election.draft.questions]
        raw = await asyncio.to_thread(make_ballot, definition, code, choices)
        receipt = await self.everyone.ballot.cast_ballot(self.election.uuid, raw)
        assert receipt.tracker == tracker(raw)
        return receipt.tracker


def _choose(question: Question) -> list[int]:
    """A choice that the question allows, by chance."""
    pick = random.Random(secrets.randbits(64))  # noqa: S311  # a simulated opinion is no secret
    number = pick.randint(question.minimum, question.maximum)
    chosen = set(pick.sample(range(len(question.options)), number))
    if question.blank and pick.random() < 0.1:
        return [1] + [0] * len(question.options)
    bits = [int(option in chosen) for option in range(len(question.options))]
    return [0, *bits] if question.blank else bits


async def decrypt(everyone: Everyone, election: Election, trustees: Sequence[Trustee]) -> Tally:
    """The trustees decrypt, one after the other."""
    definition = Definition.parse(await everyone.ballot.read_definition(election.uuid))
    tally = await everyone.result.read_tally(election.uuid)
    assert tally.encrypted_tally is not None
    for owner, trustee in enumerate(trustees, start=1):
        share = partial_decryption(tally.encrypted_tally.encode(), definition, trustee.key).decode()
        posted = PartialDecryption(owner=owner, partial_decryption=share)
        tally = await everyone.result.post_partial_decryption(election.uuid, posted)
    return tally


async def read_result(everyone: Everyone, uuid: str) -> Result:
    """The published result."""
    return await everyone.result.read_result(uuid)
