"""What happens to mails when the service is killed, or when there are two of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.voter.contract import MailKind, MailStatus
from tests.service.harness import System
from tests.service.voter_world import QUICK, VoterWorld, addresses, eventually, make_voter_world


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[VoterWorld]:
    async with make_voter_world(system) as world:
        yield world


async def test_a_mail_in_flight_when_the_service_is_killed_is_repeated_with_the_same_message_id(
    world: VoterWorld,
) -> None:
    everybody = addresses(30)
    world.mailbox.released.clear()
    for address in everybody[10:20]:
        world.mailbox.data_answers[address] = ["keep"]
    election = await world.opened(everybody)
    for _ in range(3):
        await asyncio.wait_for(world.mailbox.stalled.wait(), 30)
        world.mailbox.stalled.clear()
        world.system.kill("voter")
        await world.system.ended("voter")
        await world.system.start("voter")
    for address in everybody:
        world.mailbox.data_answers.pop(address, None)
    world.mailbox.released.set()
    for address in everybody:
        await world.mailbox.wait_for(address)

    async def all_accepted() -> bool:
        totals = await world.voter.read_mail_totals(election.id, bearer=world.bearer)
        return totals.totals == {MailKind.INVITATION: {MailStatus.ACCEPTED: 30}}

    await eventually(all_accepted)
    repeated = [address for address in everybody if len(world.mailbox.to(address)) > 1]
    assert repeated
    for address in repeated:
        first, *others = world.mailbox.to(address)
        assert all((other.id, other.code) == (first.id, first.code) for other in others)
    assert sum(len(world.mailbox.to(address)) - 1 for address in everybody) <= 4  # 3 kills, and one let go at the end


async def test_a_service_that_is_told_to_end_finishes_the_mail_in_flight(world: VoterWorld) -> None:
    everybody = addresses(3)
    world.mailbox.released.clear()
    world.mailbox.stalled.clear()
    for address in everybody:
        world.mailbox.data_answers[address] = ["250 kept, slowly"]
        world.mailbox.answers[address] = ["stall"]
    await world.opened(everybody)
    await asyncio.wait_for(world.mailbox.stalled.wait(), 30)
    world.mailbox.answers.clear()
    world.mailbox.data_answers.clear()
    world.system.kill("voter", 15)
    world.mailbox.released.set()
    assert await world.system.ended("voter") == 0
    await world.system.start("voter")
    for address in everybody:
        await world.mailbox.wait_for(address)
    assert [len(world.mailbox.to(address)) for address in everybody] == [1, 1, 1]


async def test_two_replicas_send_each_mail_once_and_one_goes_on_while_the_other_waits(world: VoterWorld) -> None:
    await world.system.start("voter/2", **QUICK)
    everybody = addresses(40)
    stalled = everybody[7]
    world.mailbox.released.clear()
    world.mailbox.stalled.clear()
    world.mailbox.answers[stalled] = ["stall"]
    election = await world.opened(everybody)
    for address in everybody:
        if address != stalled:
            await world.mailbox.wait_for(address)
    assert not world.mailbox.to(stalled)
    world.mailbox.released.set()
    await world.mailbox.wait_for(stalled)

    async def all_accepted() -> bool:
        totals = await world.voter.read_mail_totals(election.id, bearer=world.bearer)
        return totals.totals == {MailKind.INVITATION: {MailStatus.ACCEPTED: 40}}

    await eventually(all_accepted)
    assert [len(world.mailbox.to(address)) for address in everybody] == [1] * 40
    world.system.kill("voter/2")
    await world.system.ended("voter/2")
