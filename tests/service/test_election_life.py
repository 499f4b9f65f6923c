"""An election from draft to archive, as its organiser and the reporting services see it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.election import lifecycle
from services.election.contract import Confirmations, Report, RollSummary, ScheduleChange, State, Step
from services.voting.election import Election as Definition
from services.voting.trustee import parse_trustees
from tests.service.election_world import ALL, LIST, ROLL, World, local, make_world, refused
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def test_an_election_lives_from_draft_to_archive(world: World) -> None:
    election = await world.decrypted()
    await world.anyone.publish_result(election.id, bearer=world.token)
    assert await world.owed(election) == {}
    archiving = await world.anyone.archive_election(election.id, bearer=world.token)
    assert archiving.state is State.PUBLISHED
    assert await world.owed(election) == {"voter": [Step.APPLY_RETENTION]}
    await world.report(election, Step.APPLY_RETENTION)
    assert await world.state(election) is State.ARCHIVED
    assert await world.owed(election) == {}


async def test_sealing_asks_voter_and_ballot_and_is_done_when_both_have_reported(world: World) -> None:
    election = await world.sealing()
    owed = {"voter": [Step.FREEZE_ROLL], "ballot": [Step.SET_UP_BOARD], "result": []}
    assert (election.state, await world.owed(election)) == (State.SEALING, owed)
    await world.report(election, Step.SET_UP_BOARD, event="e" * 64, credentials=LIST)
    assert await world.state(election) is State.SEALING
    await world.report(election, Step.FREEZE_ROLL, voters=12, total_weight=12, credentials=LIST)
    assert await world.state(election) is State.SEALED


async def test_work_carries_what_the_services_need_of_the_election(world: World) -> None:
    election = await world.sealing(revote_allowed=False, election_class="test")
    (work,) = [work for work in await world.ballot.list_work() if work.election_id == election.id]
    assert (work.uuid, work.schedule.revision) == (election.uuid, 1)
    assert (work.schedule.opens, work.schedule.closes) == (election.opens_at, election.closes_at)
    assert (work.revote_allowed, work.election_class) == (False, "test")


async def test_what_is_frozen_is_served_to_anyone_and_defines_the_election(world: World) -> None:
    election = await world.sealing()
    definition = Definition.parse(await world.anyone.read_definition(election.uuid))
    trustees = parse_trustees(await world.anyone.read_trustees(election.uuid), definition.group)
    assert (definition.uuid, definition.name) == (election.uuid, election.draft.name)
    assert definition.fingerprint == election.fingerprint
    assert trustees.public_key == definition.public_key


async def test_the_public_page_shows_what_anyone_may_know(world: World) -> None:
    election = await world.sealed()
    public = await world.anyone.read_public_election(election.uuid)
    assert (public.state, public.voters, public.trustees) == (State.SEALED, 12, ["Tess"])
    assert (public.fingerprint, public.contact) == (election.fingerprint, election.draft.mail.contact)


async def test_nothing_of_a_draft_is_public(world: World) -> None:
    election = await world.ready()
    for read in (world.anyone.read_definition, world.anyone.read_trustees, world.anyone.read_public_election):
        async with refused(404, "not-found"):
            await read(election.uuid)


async def test_an_incomplete_draft_is_not_sealed(world: World) -> None:
    election = await world.draft(reply_to=None)
    checklist = await world.anyone.read_checklist(election.id, bearer=world.token)
    missing = [item.code for item in checklist.items if item.kind == "required" and not item.done]
    assert missing == ["reply_to", "roll", "test_mail", "trustees", "trustee_keys"]
    async with refused(409, "not-ready"):
        await world.anyone.seal_election(election.id, ALL, bearer=world.token)
    assert await world.state(election) is State.DRAFT


async def test_small_numbers_are_sealed_only_when_confirmed_and_the_log_says_so(world: World) -> None:
    roll = ROLL.model_copy(update={"voters": 3, "total_weight": 4, "rare_weights": 1})
    election = await world.ready(roll)
    async with refused(409, "not-confirmed"):
        await world.anyone.seal_election(election.id, Confirmations(confirmed=["few_voters"]), bearer=world.token)
    await world.anyone.seal_election(election.id, ALL, bearer=world.token)
    page = await world.anyone.read_audit(election.id, bearer=world.token)
    assert page.records[-1].facts["confirmed"] == ["few_voters", "rare_weights"]


async def test_lists_that_differ_end_in_a_draft_with_a_problem_and_a_new_uuid(world: World) -> None:
    election = await world.sealing()
    await world.report(election, Step.FREEZE_ROLL, voters=12, total_weight=12, credentials=LIST)
    await world.report(election, Step.SET_UP_BOARD, event="e" * 64, credentials="d" * 64)
    assert await world.state(election) is State.UNSEALING
    await world.report(election, Step.WITHDRAW_BOARD)
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    assert (draft.state, draft.problem) == (State.DRAFT, lifecycle.LISTS_DIFFER)
    assert draft.uuid != election.uuid
    again = await world.anyone.seal_election(election.id, ALL, bearer=world.token)
    assert again.problem is None


async def test_a_sealing_that_a_service_cannot_do_ends_in_a_draft_with_its_reason(world: World) -> None:
    election = await world.sealing()
    report = Report(uuid=election.uuid, done=False, problem="The roll is empty.")
    await world.voter.report_step(election.id, Step.FREEZE_ROLL, report)
    await world.report(election, Step.WITHDRAW_BOARD)
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    assert (draft.state, draft.problem) == (State.DRAFT, "The roll is empty.")


async def test_a_sealed_election_is_unsealed_before_its_opening_and_its_uuid_is_dead(world: World) -> None:
    election = await world.sealed()
    await world.keep(election, 1, election.opens_at, election.closes_at or datetime.now(UTC))
    await world.anyone.unseal_election(election.id, bearer=world.token)
    assert (await world.owed(election))["ballot"] == [Step.WITHDRAW_BOARD]
    await world.report(election, Step.WITHDRAW_BOARD)
    assert (await world.owed(election))["voter"] == [Step.WITHDRAW_CODES]
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    assert (draft.state, draft.fingerprint, draft.problem) == (State.DRAFT, None, None)
    assert (draft.roll, draft.opens_at, draft.trustees) == (ROLL, election.opens_at, election.trustees)
    for read in (world.anyone.read_definition, world.anyone.read_trustees, world.anyone.read_public_election):
        async with refused(410, "withdrawn"):
            await read(election.uuid)
        async with refused(404, "not-found"):
            await read(draft.uuid)


async def test_an_unsealed_draft_is_edited_and_sealed_again(world: World) -> None:
    election = await world.sealed()
    await world.anyone.unseal_election(election.id, bearer=world.token)
    await world.report(election, Step.WITHDRAW_BOARD)
    await world.report(election, Step.WITHDRAW_CODES)
    again = await world.anyone.seal_election(election.id, ALL, bearer=world.token)
    await world.report(again, Step.FREEZE_ROLL, voters=12, total_weight=12, credentials=LIST)
    await world.report(again, Step.SET_UP_BOARD, event="e" * 64, credentials=LIST)
    assert await world.state(again) is State.SEALED
    assert (await world.anyone.read_public_election(again.uuid)).uuid != election.uuid


async def test_a_board_on_which_voting_has_begun_stays_sealed_with_the_boards_reason(world: World) -> None:
    election = await world.sealed()
    await world.anyone.unseal_election(election.id, bearer=world.token)
    report = Report(uuid=election.uuid, done=False, problem="Voting has begun.")
    await world.ballot.report_step(election.id, Step.WITHDRAW_BOARD, report)
    still = await world.election(election.id)
    assert (still.state, still.problem, still.uuid) == (State.SEALED, "Voting has begun.", election.uuid)
    assert (await world.owed(election))["ballot"] == [Step.OPEN_BOARD]


async def test_an_election_is_not_unsealed_once_its_opening_is_reached_or_ordered(world: World) -> None:
    late = await world.sealed(opens=local(datetime.now(UTC) - timedelta(seconds=1)))
    ordered = await world.sealed()
    await world.anyone.change_schedule(ordered.id, ScheduleChange(opens="now", reason="go"), bearer=world.token)
    for election in (late, ordered):
        async with refused(409, "wrong-state"):
            await world.anyone.unseal_election(election.id, bearer=world.token)


async def test_few_ballots_are_decrypted_only_when_their_organiser_confirms_it(world: World) -> None:
    election = await world.closed(counted=4)
    assert (election.counted, election.turnout, election.decryption_confirmed) == (4, 4, False)
    assert (await world.owed(election))["result"] == []
    async with refused(409, "step-not-owed"):
        await world.report(election, Step.POST_RESULT, event="e" * 64)
    for _ in range(2):
        confirmed = await world.anyone.confirm_decryption(election.id, bearer=world.token)
        assert confirmed.decryption_confirmed
    assert (await world.actions(election)).count("confirm_decryption") == 1
    assert (await world.owed(election))["result"] == [Step.POST_RESULT]


async def test_five_ballots_confirm_themselves(world: World) -> None:
    election = await world.closed(counted=5)
    assert election.decryption_confirmed
    await world.anyone.confirm_decryption(election.id, bearer=world.token)
    assert "confirm_decryption" not in await world.actions(election)


async def test_a_roll_that_changed_while_sealing_is_not_sealed(world: World) -> None:
    election = await world.sealing()
    await world.report(election, Step.SET_UP_BOARD, event="e" * 64, credentials=LIST)
    await world.report(election, Step.FREEZE_ROLL, voters=13, total_weight=13, credentials=LIST)
    stopped = await world.election(election.id)
    assert (stopped.state, stopped.problem) == (State.UNSEALING, lifecycle.ROLL_CHANGED)


async def test_the_frozen_bytes_and_the_dead_uuids_cannot_be_changed_by_the_service(world: World) -> None:
    election = await world.sealed()
    url = world.system.installation.environment("election")["UVOTE_DATABASE_URL"]
    connection = await asyncpg.connect(url)
    try:
        for statement in (
            "UPDATE election.frozen SET definition = ''",
            "DELETE FROM election.frozen",
            "DELETE FROM election.withdrawn",
            "UPDATE election.audit SET actor = ''",
            "DELETE FROM election.audit",
            "TRUNCATE election.audit",
            "DELETE FROM election.notices",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute("DELETE FROM election.elections WHERE id = $1", election.id)
    finally:
        await connection.close()


async def test_a_deleted_draft_is_gone_at_once_and_its_last_rows_when_the_roll_is(world: World) -> None:
    election = await world.ready()
    for _ in range(2):
        await world.anyone.delete_election(election.id, bearer=world.token)
    async with refused(404, "not-found"):
        await world.election(election.id)
    async with refused(404, "not-found"):
        await world.voter.read_rights(election.id, world.organiser)
    assert election.id not in [each.id for each in await world.anyone.list_elections(bearer=world.token)]
    assert await world.owed(election) == {"voter": [Step.APPLY_RETENTION]}
    await world.report(election, Step.APPLY_RETENTION)
    assert await world.owed(election) == {}
    connection = await asyncpg.connect(world.system.database_url)
    try:
        for table in ("trustees", "reports", "frozen", "notices", "audit"):
            query = "SELECT count(*) FROM election." + table + " WHERE election_id = $1"  # noqa: S608  # names from above
            assert await connection.fetchval(query, election.id) == 0
    finally:
        await connection.close()


async def test_a_link_of_an_unsealed_edition_still_says_withdrawn_when_the_draft_is_deleted(world: World) -> None:
    election = await world.sealed()
    await world.anyone.unseal_election(election.id, bearer=world.token)
    await world.report(election, Step.WITHDRAW_BOARD)
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    await world.anyone.delete_election(election.id, bearer=world.token)
    await world.report(draft, Step.APPLY_RETENTION)
    async with refused(410, "withdrawn"):
        await world.anyone.read_public_election(election.uuid)


@pytest.mark.parametrize("act", ["unseal_election", "confirm_decryption", "publish_result", "archive_election"])
async def test_a_draft_has_none_of_the_later_acts(world: World, act: str) -> None:
    election = await world.draft()
    async with refused(409, "wrong-state"):
        await getattr(world.anyone, act)(election.id, bearer=world.token)


async def test_what_is_sealed_is_neither_edited_sealed_again_nor_deleted(world: World) -> None:
    election = await world.sealed()
    for act in (
        world.anyone.seal_election(election.id, ALL, bearer=world.token),
        world.anyone.delete_election(election.id, bearer=world.token),
        world.anyone.remove_trustee(election.id, election.trustees[0].id, bearer=world.token),
        world.voter.report_roll(election.id, RollSummary(voters=1, total_weight=1, rare_weights=0)),
    ):
        async with refused(409, "wrong-state"):
            await act
    await world.voter.report_roll(election.id, ROLL)


async def test_a_roll_that_voter_lets_go_of_while_unsealing_is_taken(world: World) -> None:
    """`voter` reports the roll as it is when the codes are dead, and that may come before its report of the step."""
    election = await world.sealing()
    await world.report(election, Step.SET_UP_BOARD, event="e" * 64, credentials=LIST)
    await world.report(election, Step.FREEZE_ROLL, voters=13, total_weight=13, credentials=LIST)
    await world.report(election, Step.WITHDRAW_BOARD)
    now = ROLL.model_copy(update={"voters": 13, "total_weight": 13})
    await world.voter.report_roll(election.id, now)
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    assert (draft.state, draft.roll) == (State.DRAFT, now)
