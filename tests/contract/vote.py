"""One small election with all services, from the roll to the archive, by every method of three clients."""

import hashlib
import json
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass

from services.ballot.client import BallotClient
from services.ballot.contract import (
    BrowserFailure,
    BrowserReason,
    BrowserStep,
    CredentialsPage,
    CredentialsSeal,
    EventType,
    NewEvent,
    NewEvents,
)
from services.election.contract import Election, NewTrustee, State, TrusteeKey
from services.result.client import ResultClient
from services.result.contract import PartialDecryption
from services.shared.client import Refused
from services.voter.client import VoterClient
from services.voter.contract import AddressCorrection, MailStatus
from services.voting.archive import Event
from services.voting.ballot import make_ballot, tracker
from services.voting.credential import public_credential
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.tally import partial_decryption
from services.voting.trustee import generate_private_key, public_key_record
from tests.contract.recording import Answered, recording
from tests.service.election_world import ALL, World
from tests.service.mailbox import listening
from tests.service.voter_world import QUICK, VoterWorld, addresses, eventually, roll_of


@dataclass
class Vote:
    """The clients: `ballot` is called by `voter`, `concluding` by `result`."""

    world: World
    voters: VoterWorld
    ballot: BallotClient
    concluding: BallotClient
    result: ResultClient
    private_key: int

    async def draft(self, people: list[str]) -> Election:
        """A draft with a roll and a trustee, after some trouble with the roll."""
        voters, bearer = self.voters, self.voters.bearer
        election = await voters.draft(people)
        await voters.voter.delete_roll(election.id, bearer=bearer)
        assert (await voters.import_roll(election, roll_of([*people, "too@many.example.org"]))).added == len(people) + 1
        one = await voters.only_voter(election, "too@many")
        await voters.voter.remove_voter(election.id, one.id, bearer=bearer)
        assert (await voters.voter.read_roll(election.id, bearer=bearer)).voters == len(people)
        assert people[0].encode() in await voters.voter.export_roll(election.id, bearer=bearer)
        assert (await voters.test_mail(election)).status is MailStatus.ACCEPTED
        await self.appoint(election)
        return election

    async def appoint(self, election: Election) -> None:
        """A trustee whose key we hold."""
        new = NewTrustee(name="Tess", address=f"tess@{secrets.token_hex(4)}.example.org")
        trustee = await self.world.anyone.add_trustee(election.id, new, bearer=self.world.token)
        code = (await self.voters.mailbox.wait_for(new.address)).code
        record = public_key_record(self.private_key, BELENIOS_2048)
        key = TrusteeKey(public_key=record["public_key"], **record["pok"])
        await self.world.anyone.publish_trustee_key(trustee.id, key, code=code)

    async def open(self, election: Election, people: list[str]) -> Election:
        """Sealed, with the invitations on their way; then open, with reminders."""
        voter, bearer = self.voters.voter, self.voters.bearer
        await self.world.anyone.seal_election(election.id, ALL, bearer=self.world.token)
        election = await self.voters.reached(election, State.SEALED)
        assert (await voter.queue_invitations(election.id, bearer=bearer)).queued == len(people)
        one = await self.voters.only_voter(election, people[-1])
        correction = AddressCorrection(address=f"new-{people[-1]}", reason="A typing error.")
        await voter.correct_address(election.id, one.id, correction, bearer=bearer)
        assert (await voter.resend_invitation(election.id, one.id, bearer=bearer)).queued == 1
        assert (await voter.read_voter(election.id, one.id, bearer=bearer)).address == correction.address
        election = await self.voters.open(election)
        assert (await voter.queue_reminders(election.id, bearer=bearer)).queued == len(people)
        assert (await voter.read_mail_totals(election.id, bearer=bearer)).totals
        return election

    async def cast(self, uuid: str, person: str) -> None:
        """One voter votes, and looks whether the ballot is there."""
        code = (await self.voters.mailbox.wait_for(person)).code
        definition = Definition.parse(await self.ballot.read_definition(uuid))
        raw = make_ballot(definition, code, [[1, 0]])
        receipt = await self.ballot.cast_ballot(uuid, raw)
        assert (await self.ballot.look_up_tracker(uuid, receipt.tracker)).ballot.encode() == raw
        assert receipt.tracker == tracker(raw)
        credential = public_credential(code, uuid, BELENIOS_2048)
        digest = hashlib.sha256(credential.encode()).hexdigest()
        assert (await self.ballot.read_credential(uuid, digest)).ballots == 1
        assert (await self.ballot.list_used(uuid)).credentials == [credential]
        failure = BrowserFailure(step=BrowserStep.SEND, reason=BrowserReason.OFFLINE)
        await self.ballot.report_failure(uuid, failure)
        assert (await self.ballot.list_events(uuid)).events[-1].tracker == receipt.tracker

    async def repeat_list(self, uuid: str) -> None:
        """What `voter` has sent may be sent again."""
        record = await self.ballot.read_credentials(uuid)
        board = await self.ballot.read_board(uuid)
        assert hashlib.sha256(record).hexdigest() == board.credentials_hash
        await self.ballot.put_credentials_page(uuid, 0, CredentialsPage(credentials=json.loads(record)))
        seal = CredentialsSeal(
            pages=1, count=board.credentials, total_weight=board.total_weight, hash=board.credentials_hash
        )
        await self.ballot.seal_credentials(uuid, seal)
        assert json.loads(await self.ballot.read_trustees(uuid))

    async def decrypt(self, election: Election) -> None:
        """From the close to the result."""
        await self.voters.closing(election)
        await self.voters.reached(election, State.CLOSED)
        await self.world.anyone.confirm_decryption(election.id, bearer=self.world.token)
        definition = Definition.parse(await self.ballot.read_definition(election.uuid))
        tally = await self.result.read_tally(election.uuid)
        assert tally.encrypted_tally is not None
        share = partial_decryption(tally.encrypted_tally.encode(), definition, self.private_key).decode()
        await self.post(election.uuid, PartialDecryption(owner=1, partial_decryption=share))
        assert (await self.result.read_result(election.uuid)).voted == 1
        assert "Ann" in await self.result.export_result(election.uuid)

    async def post(self, uuid: str, share: PartialDecryption) -> None:
        """Once `result` has heard that the organiser has confirmed."""

        async def is_taken() -> bool:
            try:
                await self.result.post_partial_decryption(uuid, share)
            except Refused as refusal:
                if refusal.type != "decryption-unconfirmed":
                    raise
                return False
            return True

        await eventually(is_taken)

    async def conclude(self, uuid: str) -> None:
        """What `result` has appended may be appended again; both archives end alike."""
        page = await self.concluding.list_full_events(uuid)
        parsed = [Event.parse(each.event.encode()) for each in page.events]
        (place,) = [place for place, event in enumerate(parsed) if event.type == EventType.ENCRYPTED_TALLY]
        tally = NewEvent(type=EventType.ENCRYPTED_TALLY, data=page.events[place].data)
        again = NewEvents(parent=parsed[place - 1].hash, events=[tally])
        assert (await self.concluding.append_events(uuid, again)).hash == parsed[place].hash
        async with self.ballot.download_archive(uuid) as ours, self.result.download_archive(uuid) as theirs:
            assert await ours.aread() == await theirs.aread()


async def hold_vote(world: World, answered: Answered) -> None:
    """The whole of it."""
    system = world.system
    async with AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(listening(system.installation.smtp_port))
        await system.start("ballot", "result")
        await system.start("voter", **QUICK)
        stack.callback(lambda: system.kill("voter"))  # it must not look for a mailbox that is gone
        ballot = BallotClient(system.url("ballot"), caller=system.caller("voter"))
        concluding = BallotClient(system.url("ballot"), caller=system.caller("result"))
        voter, result = VoterClient(system.url("voter")), ResultClient(system.url("result"))
        for client in (voter, ballot, concluding, result):
            stack.push_async_callback(recording(client, answered).close)
        voters = VoterWorld(system, mailbox, dict(world.tokens), voter, world.anyone, ballot)
        vote = Vote(world, voters, ballot, concluding, result, generate_private_key(BELENIOS_2048))
        people = addresses(3)
        election = await vote.open(await vote.draft(people), people)
        await vote.cast(election.uuid, people[0])
        await vote.repeat_list(election.uuid)
        await vote.decrypt(election)
        await vote.conclude(election.uuid)
