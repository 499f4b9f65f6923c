"""Trustees: invited by mail, identified by a code that is stored nowhere, trusted with a key that they prove."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.election.contract import InvitationFate, NewTrustee, State
from tests.service.election_world import World, make_world, refused
from tests.service.harness import System
from tests.unit.election.keys import a_key

TESS = NewTrustee(name="Tess", address="tess@example.org")


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def test_a_new_trustee_waits_for_an_invitation_with_a_code(world: World) -> None:
    election = await world.draft()
    trustee = await world.anyone.add_trustee(election.id, TESS, bearer=world.token)
    assert (trustee.invitation, trustee.public_key) == ("waiting", None)
    (mail,) = [each for each in await world.voter.list_trustee_invitations() if each.trustee_id == trustee.id]
    assert (mail.name, mail.address, mail.generation) == ("Tess", "tess@example.org", 1)
    assert (mail.election_name, mail.reply_to) == (election.draft.name, "office@example.org")
    page = await world.anyone.read_trustee_page(trustee.id, code=mail.code)
    assert (page.owner, page.state, page.group, page.public_key) == (1, State.DRAFT, "BELENIOS-2048", None)


async def test_a_trustees_place_is_that_of_the_record(world: World) -> None:
    election = await world.draft()
    pages = []
    for _ in range(3):
        trustee, code = await world.trustee(election.id)
        pages.append(await world.anyone.read_trustee_page(trustee.id, code=code))
    assert [page.owner for page in pages] == [1, 2, 3]
    listed = (await world.election(election.id)).trustees
    assert [trustee.id for trustee in listed] == [page.id for page in pages]
    await world.anyone.remove_trustee(election.id, listed[0].id, bearer=world.token)
    assert (await world.anyone.read_trustee_page(trustee.id, code=code)).owner == 2


async def test_a_wrong_code_and_an_unknown_trustee_are_refused_alike(world: World) -> None:
    election = await world.draft()
    trustee, code = await world.trustee(election.id)
    _, other = await world.trustee(election.id)
    for trustee_id, typed in ((trustee.id, other), (trustee.id, "nonsense"), ("1" * 22, code)):
        async with refused(401, "unauthenticated"):
            await world.anyone.read_trustee_page(trustee_id, code=typed)
        async with refused(401, "unauthenticated"):
            await world.anyone.publish_trustee_key(trustee_id, a_key(), code=typed)


async def test_a_second_invitation_kills_the_first_code(world: World) -> None:
    election = await world.draft()
    trustee, first = await world.trustee(election.id)
    await world.voter.report_trustee_invitation(trustee.id, InvitationFate(generation=1, fate="sent"))
    assert (await world.election(election.id)).trustees[0].invitation == "sent"
    await world.anyone.invite_trustee(election.id, trustee.id, bearer=world.token)
    second = await world.code(trustee.id)
    assert second != first
    await world.anyone.read_trustee_page(trustee.id, code=second)
    async with refused(401, "unauthenticated"):
        await world.anyone.read_trustee_page(trustee.id, code=first)


async def test_the_fate_of_a_mail_counts_for_its_own_invitation(world: World) -> None:
    election = await world.draft()
    trustee, _ = await world.trustee(election.id)
    await world.anyone.invite_trustee(election.id, trustee.id, bearer=world.token)
    await world.voter.report_trustee_invitation(trustee.id, InvitationFate(generation=1, fate="refused"))
    assert (await world.election(election.id)).trustees[0].invitation == "waiting"
    for _ in range(2):
        await world.voter.report_trustee_invitation(trustee.id, InvitationFate(generation=2, fate="sent"))
    assert (await world.election(election.id)).trustees[0].invitation == "sent"
    assert (await world.actions(election)).count("report_trustee_invitation") == 1
    async with refused(409, "unknown-generation"):
        await world.voter.report_trustee_invitation(trustee.id, InvitationFate(generation=3, fate="sent"))
    async with refused(404, "not-found"):
        await world.voter.report_trustee_invitation("1" * 22, InvitationFate(generation=1, fate="sent"))


async def test_a_key_is_published_and_may_be_replaced_while_the_election_is_a_draft(world: World) -> None:
    election = await world.draft()
    first, second = a_key(), a_key()
    trustee, code = await world.trustee(election.id, first)
    assert (await world.election(election.id)).trustees[0].public_key == first.public_key
    for _ in range(2):
        page = await world.anyone.publish_trustee_key(trustee.id, second, code=code)
        assert page.public_key == second.public_key
    assert (await world.actions(election)).count("publish_trustee_key") == 2


async def test_a_key_is_refused_without_its_proof(world: World) -> None:
    election = await world.draft()
    trustee, code = await world.trustee(election.id)
    stolen = a_key().model_copy(update={"response": "1"})
    async with refused(422, "key-not-proven"):
        await world.anyone.publish_trustee_key(trustee.id, stolen, code=code)


async def test_two_trustees_cannot_have_one_key(world: World) -> None:
    election = await world.draft()
    key = a_key()
    await world.trustee(election.id, key)
    second, code = await world.trustee(election.id)
    async with refused(409, "key-taken"):
        await world.anyone.publish_trustee_key(second.id, key, code=code)
    elsewhere = await world.draft()
    await world.trustee(elsewhere.id, key)


async def test_trustees_of_a_sealed_election_stay_as_they_are_but_may_be_sent_a_new_code(world: World) -> None:
    election = await world.sealed()
    trustee = election.trustees[0]
    await world.anyone.invite_trustee(election.id, trustee.id, bearer=world.token)
    code = await world.code(trustee.id)
    async with refused(409, "wrong-state"):
        await world.anyone.publish_trustee_key(trustee.id, a_key(), code=code)
    async with refused(409, "wrong-state"):
        await world.anyone.add_trustee(election.id, TESS, bearer=world.token)
    assert (await world.anyone.read_trustee_page(trustee.id, code=code)).state is State.SEALED


async def test_a_trustee_learns_how_many_ballots_are_to_be_decrypted(world: World) -> None:
    election = await world.closed(counted=3)
    await world.anyone.invite_trustee(election.id, election.trustees[0].id, bearer=world.token)
    code = await world.code(election.trustees[0].id)
    page = await world.anyone.read_trustee_page(election.trustees[0].id, code=code)
    assert (page.counted, page.decryption_confirmed) == (3, False)


async def test_a_trustee_of_another_election_is_not_found(world: World) -> None:
    mine, other = await world.draft(), await world.draft()
    trustee, _ = await world.trustee(other.id)
    for act in (world.anyone.remove_trustee, world.anyone.invite_trustee):
        async with refused(404, "not-found"):
            await act(mine.id, trustee.id, bearer=world.token)


async def test_a_removed_trustee_and_one_of_a_deleted_draft_have_no_page(world: World) -> None:
    election = await world.draft()
    removed, code = await world.trustee(election.id)
    for _ in range(2):
        await world.anyone.remove_trustee(election.id, removed.id, bearer=world.token)
    assert (await world.actions(election)).count("remove_trustee") == 1
    async with refused(401, "unauthenticated"):
        await world.anyone.read_trustee_page(removed.id, code=code)
    left, code = await world.trustee(election.id)
    await world.anyone.invite_trustee(election.id, left.id, bearer=world.token)
    code = await world.code(left.id)
    await world.anyone.delete_election(election.id, bearer=world.token)
    assert left.id not in [mail.trustee_id for mail in await world.voter.list_trustee_invitations()]
    async with refused(404, "not-found"):
        await world.anyone.read_trustee_page(left.id, code=code)
    async with refused(404, "not-found"):
        await world.anyone.publish_trustee_key(left.id, a_key(), code=code)


async def test_no_code_is_stored(world: World) -> None:
    election = await world.draft()
    trustee = await world.anyone.add_trustee(election.id, TESS, bearer=world.token)
    code = await world.code(trustee.id)
    connection = await asyncpg.connect(world.system.database_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'election'")
        for (table,) in tables:
            query = "SELECT t::text FROM election." + table + " AS t"  # noqa: S608  # names from the catalogue
            rows = await connection.fetch(query)
            text = " ".join(row["t"] for row in rows)
            assert code not in text
            assert code.replace("-", "") not in text
    finally:
        await connection.close()
    assert code not in world.system.log("election")
