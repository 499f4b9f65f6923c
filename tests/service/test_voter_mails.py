"""The mails of an election: invitations, reminders, corrections, withdrawals, and a mail server that is difficult."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.election.contract import Election, NewTrustee, ScheduleChange, State
from services.voter.contract import AddressCorrection, MailKind, MailStatus, MailView
from services.voting.ballot import make_ballot
from services.voting.election import Election as Definition
from tests.service.election_world import ALL as ALL_CONFIRMED
from tests.service.election_world import refused, soon
from tests.service.harness import System
from tests.service.voter_world import VoterWorld, addresses, eventually, make_voter_world


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[VoterWorld]:
    async with make_voter_world(system) as world:
        yield world


async def fates(world: VoterWorld, election: Election, address: str) -> list[MailView]:
    return (await world.only_voter(election, address)).mails


async def settled(world: VoterWorld, election: Election) -> None:
    """Waits until no mail of the election is waiting."""

    async def nothing_waits() -> bool:
        return (await world.voter.read_mail_totals(election.id, bearer=world.bearer)).oldest_unsent_seconds is None

    await eventually(nothing_waits)


async def test_everybody_is_invited_once_when_the_election_opens(world: VoterWorld) -> None:
    everybody = addresses(5)
    election = await world.sealed(everybody)
    assert not [delivery for delivery in world.mailbox.deliveries if delivery.to in everybody]
    await world.open(election)
    for address in everybody:
        delivery = await world.mailbox.wait_for(address)
        assert await world.is_on_the_list(election.uuid, delivery.code)
        assert delivery.link.endswith(f"/vote/{election.uuid}#{delivery.code[:-4]}")
        assert delivery.message["Reply-To"] == "office@example.org"
    await settled(world, election)
    totals = await world.voter.read_mail_totals(election.id, bearer=world.bearer)
    assert totals.totals == {MailKind.INVITATION: {MailStatus.ACCEPTED: 5}}
    assert len({world.mailbox.to(address)[0].code for address in everybody}) == 5
    assert [len(world.mailbox.to(address)) for address in everybody] == [1] * 5


async def test_invitations_may_be_queued_while_sealed_and_are_not_sent_again_at_the_opening(world: VoterWorld) -> None:
    everybody = addresses(3)
    election = await world.sealed(everybody)
    assert (await world.voter.queue_invitations(election.id, bearer=world.bearer)).queued == 3
    assert (await world.voter.queue_invitations(election.id, bearer=world.bearer)).queued == 0
    await settled(world, election)
    await world.open(election)
    (address, *_) = everybody
    voter = await world.only_voter(election, address)
    await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)
    again = await world.mailbox.wait_for(address, 2)
    await settled(world, election)
    assert [len(world.mailbox.to(each)) for each in everybody] == [2, 1, 1]
    first = world.mailbox.to(address)[0]
    assert (again.code, again.subject) == (first.code, first.subject)
    assert again.id != first.id
    assert [mail.kind for mail in await fates(world, election, address)] == [MailKind.INVITATION, MailKind.RESENT]
    async with refused(409, "wrong-state"):
        await world.voter.queue_invitations(election.id, bearer=world.bearer)


async def test_a_mail_that_is_refused_for_good_is_kept_with_the_servers_words(world: VoterWorld) -> None:
    unknown, spam, fine = addresses(3)
    world.mailbox.answers[unknown] = ["550 No such user"] * 3
    world.mailbox.data_answers[spam] = ["554 Looks like spam"] * 3
    election = await world.opened([unknown, spam, fine])
    await settled(world, election)
    assert (await world.mailbox.wait_for(fine)).to == fine
    for address, words in ((unknown, "550 No such user"), (spam, "554 Looks like spam")):
        (mail,) = await fates(world, election, address)
        assert (mail.status, mail.reply, mail.next_try_at) == (MailStatus.REFUSED, words, None)
    assert len(world.mailbox.answers[unknown]) == 2


@pytest.mark.parametrize("trouble", ["450 Try later", "421 Shutting down", "drop"])
async def test_a_mail_that_cannot_be_handed_over_now_is_tried_again(world: VoterWorld, trouble: str) -> None:
    first, second = addresses(2)
    world.mailbox.answers[first] = [trouble] * 2
    world.mailbox.data_answers[second] = [trouble]
    election = await world.opened([first, second])
    for address in (first, second):
        await world.mailbox.wait_for(address)
    await settled(world, election)
    for address in (first, second):
        (mail,) = await fates(world, election, address)
        assert mail.status == MailStatus.ACCEPTED
        assert len(world.mailbox.to(address)) == 1


async def test_a_deferred_mail_shows_why_and_when_it_is_tried_next(world: VoterWorld) -> None:
    (address,) = addresses(1)
    world.mailbox.answers[address] = ["450 Greylisted"] * 4
    election = await world.opened([address])
    seen: list[MailView] = []

    async def deferred() -> bool:
        seen[:] = await fates(world, election, address)
        return bool(seen) and seen[0].status == MailStatus.DEFERRED

    await eventually(deferred)
    assert seen[0].reply == "450 Greylisted"
    assert seen[0].next_try_at is not None
    assert seen[0].next_try_at > seen[0].queued_at
    voter = await world.only_voter(election, address)
    assert (await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)).queued == 1
    await world.mailbox.wait_for(address)
    await settled(world, election)
    assert [mail.kind for mail in await fates(world, election, address)] == [MailKind.INVITATION]


async def test_a_mail_server_that_says_nothing_delays_mails_and_nothing_else(world: VoterWorld) -> None:
    (stalled,) = addresses(1)
    world.mailbox.answers[stalled] = ["stall"]
    world.mailbox.released.clear()
    world.mailbox.stalled.clear()
    election = await world.opened([stalled])
    await asyncio.wait_for(world.mailbox.stalled.wait(), 30)
    other = await world.draft(addresses(20))
    assert (await world.voter.read_roll(other.id, bearer=world.bearer)).voters == 20
    assert (await world.only_voter(election, stalled)).mails[0].status == MailStatus.QUEUED
    voter = await world.only_voter(election, stalled)
    assert (await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)).queued == 1
    world.mailbox.released.set()
    await world.mailbox.wait_for(stalled)
    await settled(world, election)


async def test_a_corrected_address_is_announced_to_both_and_counted_in_public(world: VoterWorld) -> None:
    former, other = addresses(2)
    new = addresses(1)[0]
    election = await world.opened([former, other])
    code = (await world.mailbox.wait_for(former)).code
    voter = await world.only_voter(election, former)
    correction = AddressCorrection(address=new, reason="moved house")
    for _ in range(2):
        corrected = await world.voter.correct_address(election.id, voter.id, correction, bearer=world.bearer)
        assert (corrected.id, corrected.address) == (voter.id, new)
    told = [await world.mailbox.wait_for(former, 2), await world.mailbox.wait_for(new)]
    await settled(world, election)
    assert all("was changed" in delivery.subject for delivery in told)
    assert all(address not in delivery.text for delivery in told for address in (former, new, code))
    assert (len(world.mailbox.to(former)), len(world.mailbox.to(new))) == (2, 1)
    assert (await world.voter.read_roll(election.id, bearer=world.bearer)).address_corrections == 1

    async def counted() -> bool:
        return (await world.election.read_public_election(election.uuid)).address_corrections == 1

    await eventually(counted)
    await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)
    assert (await world.mailbox.wait_for(new, 2)).code == code


async def test_corrections_are_chained_and_the_service_cannot_rewrite_them(world: VoterWorld) -> None:
    first, second = addresses(2)
    election = await world.sealed([first, second])
    for address in (first, second):
        voter = await world.only_voter(election, address)
        correction = AddressCorrection(address=f"x.{address}", reason="typing error")
        await world.voter.correct_address(election.id, voter.id, correction, bearer=world.bearer)
    rows = await world.fetch(
        "SELECT number, previous, hash FROM correction WHERE election_id = $1 ORDER BY number", election.id
    )
    assert [row["number"] for row in rows] == [1, 2]
    assert [row["previous"] for row in rows] == [None, rows[0]["hash"]]
    (allowed,) = await world.fetch(
        "SELECT has_table_privilege('voter_runtime', 'correction', 'UPDATE, DELETE, TRUNCATE') AS allowed"
    )
    assert not allowed["allowed"]


async def test_reminders_go_to_those_who_have_not_voted_and_leave_no_trace_of_whom(world: VoterWorld) -> None:
    everybody = addresses(4)
    election = await world.opened(everybody)
    codes = {address: (await world.mailbox.wait_for(address)).code for address in everybody}
    definition = Definition.parse(await world.ballot.read_definition(election.uuid))
    voted = everybody[:1]
    for address in voted:
        await world.ballot.cast_ballot(election.uuid, make_ballot(definition, codes[address], [[1, 0]]))
    await settled(world, election)
    assert (await world.voter.queue_reminders(election.id, bearer=world.bearer)).queued == 3
    for address in everybody[1:]:
        reminder = await world.mailbox.wait_for(address, 2)
        assert reminder.subject.startswith("Reminder: ")
        assert reminder.code == codes[address]

    async def reminded() -> bool:
        totals = await world.voter.read_mail_totals(election.id, bearer=world.bearer)
        return totals.totals.get(MailKind.REMINDER) == {MailStatus.ACCEPTED: 3}

    await eventually(reminded)
    assert len(world.mailbox.to(voted[0])) == 1
    assert not await world.fetch("SELECT FROM mail WHERE kind = 'reminder' AND uuid = $1", election.uuid)
    for address in everybody:
        assert [mail.kind for mail in await fates(world, election, address)] == [MailKind.INVITATION]


async def test_reminders_are_not_queued_while_others_are_on_their_way(world: VoterWorld) -> None:
    everybody = addresses(2)
    election = await world.opened(everybody)
    await settled(world, election)
    world.mailbox.answers[everybody[0]] = ["450 Greylisted"] * 3
    await world.voter.queue_reminders(election.id, bearer=world.bearer)
    async with refused(409, "reminders-under-way"):
        await world.voter.queue_reminders(election.id, bearer=world.bearer)
    await world.mailbox.wait_for(everybody[0], 2)


async def test_a_test_mail_is_the_invitation_with_a_code_that_opens_nothing(world: VoterWorld) -> None:
    election = await world.draft(addresses(1))
    (mine,) = addresses(1)
    fate = await world.test_mail(election, mine)
    assert (fate.status, fate.reply) == (MailStatus.ACCEPTED, "kept")
    delivery = await world.mailbox.wait_for(mine)
    assert delivery.subject == f"[Test] {election.draft.mail.subject}"
    assert election.draft.name in delivery.text
    assert (await world.read(election)).roll.test_mail_accepted_at is not None
    sealed = await world.sealed(addresses(2))
    (theirs,) = addresses(1)
    draft = await world.draft(addresses(1))
    await world.test_mail(draft, theirs)
    assert not await world.is_on_the_list(sealed.uuid, (await world.mailbox.wait_for(theirs)).code)
    async with refused(409, "wrong-state"):
        await world.test_mail(sealed, mine)


async def test_a_test_mail_that_fails_says_why_and_does_not_count(world: VoterWorld) -> None:
    election = await world.draft(addresses(1))
    unknown, busy = addresses(2)
    world.mailbox.answers[unknown] = ["550 No such user"]
    world.mailbox.answers[busy] = ["450 Try later"]
    refusal = await world.test_mail(election, unknown)
    assert (refusal.status, refusal.reply) == (MailStatus.REFUSED, "550 No such user")
    assert (await world.test_mail(election, busy)).status == MailStatus.DEFERRED
    async with refused(422, "invalid-address"):
        await world.test_mail(election, "nobody")
    assert (await world.read(election)).roll.test_mail_accepted_at is None


async def test_trustees_are_invited_and_invited_anew(world: VoterWorld) -> None:
    election = await world.draft()
    token = world.tokens["election"]
    fine, unknown = addresses(2)
    world.mailbox.answers[unknown] = ["550 No such user"]
    trustee = await world.election.add_trustee(election.id, NewTrustee(name="Tess", address=fine), bearer=token)
    await world.election.add_trustee(election.id, NewTrustee(name="Tom", address=unknown), bearer=token)
    first = await world.mailbox.wait_for(fine)
    assert first.link.endswith(f"/trustee/{trustee.id}#{first.code[:-4]}")
    assert (await world.election.read_trustee_page(trustee.id, code=first.code)).name == "Tess"

    async def told() -> bool:
        return [each.invitation for each in (await world.read(election)).trustees] == ["sent", "refused"]

    await eventually(told)
    await world.election.invite_trustee(election.id, trustee.id, bearer=token)
    second = await world.mailbox.wait_for(fine, 2)
    assert second.code != first.code
    await eventually(told)
    assert len(world.mailbox.to(fine)) == 2


async def test_whoever_was_invited_is_told_that_an_unsealed_election_has_killed_the_code(world: VoterWorld) -> None:
    everybody = addresses(3)
    late = addresses(1)[0]
    world.mailbox.answers[late] = ["550 No such user"]
    election = await world.sealed([*everybody, late])
    await world.voter.queue_invitations(election.id, bearer=world.bearer)
    await settled(world, election)
    codes = [(await world.mailbox.wait_for(address)).code for address in everybody]
    world.mailbox.answers[everybody[0]] = ["450 Greylisted"] * 3
    await world.election.unseal_election(election.id, bearer=world.tokens["election"])
    draft = await world.reached(election, State.DRAFT)
    assert draft.uuid != election.uuid
    assert not (await world.voter.read_roll(election.id, bearer=world.bearer)).frozen
    voter = await world.only_voter(election, everybody[0])
    async with refused(409, "mails-waiting"):
        await world.voter.remove_voter(election.id, voter.id, bearer=world.bearer)
    async with refused(409, "mails-waiting"):
        await world.voter.delete_roll(election.id, bearer=world.bearer)
    for address in everybody:
        assert "no longer valid" in (await world.mailbox.wait_for(address, 2)).subject
    await settled(world, election)
    assert not world.mailbox.to(late)
    await world.election.seal_election(election.id, ALL_CONFIRMED, bearer=world.tokens["election"])
    again = await world.reached(election, State.SEALED)
    await world.voter.queue_invitations(election.id, bearer=world.bearer)
    for address, dead in zip(everybody, codes, strict=True):
        code = (await world.mailbox.wait_for(address, 3)).code
        assert code != dead
        assert await world.is_on_the_list(again.uuid, code)
        assert not await world.is_on_the_list(again.uuid, dead)


async def test_what_was_not_sent_before_the_close_is_not_sent_at_all_and_the_secret_is_gone(
    world: VoterWorld,
) -> None:
    fine, busy = addresses(2)
    world.mailbox.answers[busy] = ["450 Greylisted"] * 1000
    election = await world.opened([fine, busy])
    await world.mailbox.wait_for(fine)
    assert await world.fetch("SELECT FROM edition WHERE uuid = $1 AND sealed_secret IS NOT NULL", election.uuid)
    await world.closing(election)

    async def destroyed() -> bool:
        return not await world.fetch(
            "SELECT FROM edition WHERE uuid = $1 AND (sealed_secret IS NOT NULL OR sealed_key IS NOT NULL)",
            election.uuid,
        )

    await eventually(destroyed)
    (mail,) = await fates(world, election, busy)
    assert mail.status == MailStatus.REFUSED
    assert mail.reply is not None
    assert "closed before" in mail.reply
    async with refused(409, "wrong-state"):
        await world.voter.resend_invitation(
            election.id, (await world.only_voter(election, fine)).id, bearer=world.bearer
        )


async def test_neither_closing_nor_unsealing_waits_for_a_mail_that_is_on_its_way(world: VoterWorld) -> None:
    """The one whose mail is on its way while the code dies is told, too."""
    (first,), (second,) = addresses(1), addresses(1)
    opened, sealed = await world.opened([first]), await world.sealed([second])
    first_voter = await world.only_voter(opened, "")
    await settled(world, opened)
    world.mailbox.released.clear()
    world.mailbox.stalled.clear()
    world.mailbox.data_answers[second] = ["keep"]
    await world.voter.queue_invitations(sealed.id, bearer=world.bearer)
    await asyncio.wait_for(world.mailbox.stalled.wait(), 30)
    await world.voter.resend_invitation(opened.id, first_voter.id, bearer=world.bearer)
    await world.election.unseal_election(sealed.id, bearer=world.tokens["election"])
    await world.closing(opened)
    await world.reached(sealed, State.DRAFT)

    async def destroyed() -> bool:
        return not await world.fetch("SELECT FROM edition WHERE uuid = $1 AND destroyed_at IS NULL", opened.uuid)

    await eventually(destroyed)
    world.mailbox.released.set()
    assert "no longer valid" in (await world.mailbox.wait_for(second, 2)).subject
    await settled(world, opened)
    assert len(world.mailbox.to(first)) == 1


async def test_a_new_subject_is_that_of_the_mails_that_are_still_to_come(world: VoterWorld) -> None:
    """The mails say what `election` says: here, that a schedule was changed after the sealing."""
    everybody = addresses(1)
    election = await world.sealed(everybody)
    await world.election.change_schedule(
        election.id,
        ScheduleChange(opens="now", closes=soon(hours=30), reason="more time"),
        bearer=world.tokens["election"],
    )
    delivery = await world.mailbox.wait_for(everybody[0])
    changed = await world.reached(election, State.OPEN)
    assert changed.closes_at is not None
    voter = await world.only_voter(election, "")
    await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)
    again = await world.mailbox.wait_for(everybody[0], 2)
    assert f"{changed.closes_at:%Y-%m-%d, %H:%M}" in again.text
    assert delivery.code == again.code
