"""The audit log of a real election: one record for each act, chained, exported whole."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.election.audit import BrokenChain, verify_chain
from services.election.contract import Election, Notice, Replacement, Step
from services.election.publishing import AUDIT_PAGE
from tests.service.election_world import ALL, LIST, World, make_world
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def export(world: World, election: Election) -> list[str]:
    text = await world.anyone.export_audit(election.id, bearer=world.token)
    return text.split("\n")[:-1]


def a_notice(election: Election, number: int, action: str = "voter_address_corrected") -> Notice:
    key = hashlib.sha256(str(number).encode()).hexdigest()
    return Notice.model_validate({"uuid": election.uuid, "action": action, "key": key, "facts": {"voters": 1}})


async def test_every_act_of_a_life_is_recorded_once_and_chained(world: World) -> None:
    election = await world.decrypted()
    await world.anyone.publish_result(election.id, bearer=world.token)
    await world.anyone.archive_election(election.id, bearer=world.token)
    await world.report(election, Step.APPLY_RETENTION)
    assert await world.actions(election) == [
        *("create_election", "add_trustee", "publish_trustee_key", "seal_election"),
        *("freeze_roll", "set_up_board", "open_board", "close_board"),
        *("end_ballots", "destroy_secrets", "post_tally", "post_result"),
        *("publish_result", "archive_election", "apply_retention"),
    ]
    lines = await export(world, election)
    assert verify_chain(lines) == json.loads(lines[-1])["hash"]
    states = [json.loads(line)["facts"].get("state") for line in lines[4:12]]
    assert states == ["sealing", "sealed", "open", "closing", "closing", "closing", "closed", "decrypted"]
    assert json.loads(lines[0])["actor"] == f"organiser:{world.organiser}"
    assert json.loads(lines[2])["actor"] == f"trustee:{election.trustees[0].id}"
    assert json.loads(lines[4])["actor"] == "service:voter"


async def test_the_log_holds_no_name_and_no_address(world: World) -> None:
    election = await world.decrypted()
    text = await world.anyone.export_audit(election.id, bearer=world.token)
    assert "Tess" not in text
    assert "@" not in text


async def test_acts_at_the_same_time_stand_in_one_line(world: World) -> None:
    election = await world.draft()

    async def edit(number: int) -> None:
        await world.voter.add_notice(election.id, a_notice(election, number, "roll_imported"))

    await asyncio.gather(*(edit(number) for number in range(30)))
    lines = await export(world, election)
    verify_chain(lines)
    assert len(lines) == 31


async def test_a_record_that_somebody_changed_in_the_database_is_found(world: World) -> None:
    election = await world.decrypted()
    lines = await export(world, election)
    connection = await asyncpg.connect(world.system.database_url)
    try:
        await connection.execute(
            "UPDATE election.audit SET facts = '{}' WHERE election_id = $1 AND number = 5", election.id
        )
    finally:
        await connection.close()
    changed = await export(world, election)
    assert changed != lines
    with pytest.raises(BrokenChain) as caught:
        verify_chain(changed)
    assert caught.value.number == 5


async def test_pages_lead_through_the_whole_log(world: World) -> None:
    election = await world.draft()
    for number in range(AUDIT_PAGE + 5):
        await world.voter.add_notice(election.id, a_notice(election, number, "roll_imported"))
    first = await world.anyone.read_audit(election.id, bearer=world.token)
    assert (len(first.records), first.next) == (AUDIT_PAGE, AUDIT_PAGE)
    second = await world.anyone.read_audit(election.id, after=first.next or 0, bearer=world.token)
    assert second.next is None
    numbers = [record.number for page in (first, second) for record in page.records]
    assert numbers == list(range(1, AUDIT_PAGE + 7))


async def test_an_edit_is_recorded_with_its_revision_and_the_hash_of_what_was_written(world: World) -> None:
    election = await world.draft()
    draft = election.draft.model_copy(update={"name": "Another"})
    await world.anyone.replace_draft(election.id, Replacement(revision=1, draft=draft), bearer=world.token)
    record = (await world.anyone.read_audit(election.id, bearer=world.token)).records[-1]
    expected = hashlib.sha256(draft.model_dump_json().encode()).hexdigest()
    assert record.facts == {"revision": 2, "draft": expected}


async def test_the_seal_is_recorded_with_what_was_sealed(world: World) -> None:
    election = await world.sealing()
    record = (await world.anyone.read_audit(election.id, bearer=world.token)).records[-1]
    definition = await world.anyone.read_definition(election.uuid)
    assert record.facts["definition"] == hashlib.sha256(definition).hexdigest()
    assert record.facts["fingerprint"] == election.fingerprint
    assert (record.facts["voters"], record.facts["uuid"]) == (12, election.uuid)


async def test_a_notice_is_recorded_once_and_corrections_since_the_sealing_are_counted_in_public(world: World) -> None:
    election = await world.ready()
    await world.voter.add_notice(election.id, a_notice(election, 0))
    sealed = await world.sealed()
    for number in (1, 2, 2):
        await world.voter.add_notice(sealed.id, a_notice(sealed, number))
    await world.voter.add_notice(sealed.id, a_notice(sealed, 3, "reminders_queued"))
    assert (await world.anyone.read_public_election(sealed.uuid)).address_corrections == 2
    assert (await world.actions(sealed)).count("voter_address_corrected") == 2
    assert (await world.actions(election)).count("voter_address_corrected") == 1


async def test_corrections_in_the_draft_are_not_counted_in_public(world: World) -> None:
    election = await world.ready()
    await world.voter.add_notice(election.id, a_notice(election, 0))
    sealing = await world.anyone.seal_election(election.id, ALL, bearer=world.token)
    await world.report(sealing, Step.FREEZE_ROLL, voters=12, total_weight=12, credentials=LIST)
    assert (await world.anyone.read_public_election(election.uuid)).address_corrections == 0


async def test_a_notice_about_an_edition_that_is_dead_by_now_is_recorded_but_not_counted(world: World) -> None:
    election = await world.sealed()
    await world.voter.add_notice(election.id, a_notice(election.model_copy(update={"uuid": "1" * 22}), 1))
    record = (await world.anyone.read_audit(election.id, bearer=world.token)).records[-1]
    assert (record.action, record.facts["uuid"]) == ("voter_address_corrected", "1" * 22)
    assert (await world.anyone.read_public_election(election.uuid)).address_corrections == 0
