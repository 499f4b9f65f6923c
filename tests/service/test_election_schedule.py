"""The two instants of a sealed election are ordered here and kept by the board."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.election.contract import Election, ScheduleChange, ScheduleOrder, State, Step
from services.election.reporting import TOO_LATE
from tests.service.election_world import World, local, make_world, refused
from tests.service.harness import System

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def change(world: World, election: Election, **members: Any) -> Election:
    order = ScheduleChange(reason="as announced", **members)
    return await world.anyone.change_schedule(election.id, order, bearer=world.token)


async def order(world: World, election: Election) -> ScheduleOrder:
    """What the board is told to keep."""
    (work,) = [work for work in await world.ballot.list_work() if work.election_id == election.id]
    return work.schedule


async def test_an_extension_holds_when_the_board_has_applied_it(world: World) -> None:
    election = await world.opened()
    assert election.closes_at is not None
    later = election.closes_at + timedelta(hours=1)
    pending = await change(world, election, closes=local(later))
    assert pending.closes_at == election.closes_at
    told = await order(world, election)
    assert (told.revision, told.opens, told.closes) == (2, election.opens_at, later)
    await world.keep(election, 2, election.opens_at, later)
    assert (await world.election(election.id)).closes_at == later


async def test_an_early_opening_and_an_early_close_happen_by_the_clock_of_the_board(world: World) -> None:
    election = await world.sealed()
    assert election.closes_at is not None
    await change(world, election, opens="now")
    assert (await order(world, election)).opens == "now"
    await world.keep(election, 2, NOW, election.closes_at)
    await world.report(election, Step.OPEN_BOARD)
    assert (await order(world, election)).opens == NOW
    await change(world, election, closes="now")
    assert (await order(world, election)).closes == "now"
    await world.keep(election, 3, NOW, NOW + timedelta(seconds=9))
    closed = await world.election(election.id)
    assert (closed.opens_at, closed.closes_at) == (NOW, NOW + timedelta(seconds=9))


async def test_a_pause_is_taken_back_by_now(world: World) -> None:
    election = await world.opened(opens=local(NOW - timedelta(minutes=1)))
    assert election.closes_at is not None
    await change(world, election, opens="pause")
    assert (await order(world, election)).opens == "pause"
    assert not (await world.election(election.id)).paused
    await world.keep(election, 2, None, election.closes_at)
    paused = await world.election(election.id)
    assert (paused.paused, paused.opens_at, paused.state) == (True, None, State.OPEN)
    assert (await world.anyone.read_public_election(election.uuid)).paused
    await change(world, election, opens="now")
    await world.keep(election, 3, NOW, election.closes_at)
    assert not (await world.election(election.id)).paused


async def test_a_change_that_came_too_late_is_a_problem_and_an_audit_record(world: World) -> None:
    election = await world.opened()
    assert election.closes_at is not None
    await change(world, election, closes=local(election.closes_at + timedelta(hours=1)))
    await world.report(election, Step.CLOSE_BOARD)
    await world.keep(election, 2, election.opens_at, election.closes_at, applied=False)
    late = await world.election(election.id)
    assert (late.problem, late.closes_at) == (TOO_LATE, election.closes_at)
    assert (await order(world, election)).closes == election.closes_at
    page = await world.anyone.read_audit(election.id, bearer=world.token)
    assert (page.records[-1].action, page.records[-1].facts["applied"]) == ("report_schedule", False)
    await world.report(election, Step.DESTROY_SECRETS)
    assert (await world.election(election.id)).problem == TOO_LATE


async def test_a_report_again_or_of_an_older_revision_changes_nothing(world: World) -> None:
    election = await world.opened(opens=local(NOW - timedelta(minutes=1)))
    assert election.closes_at is not None
    await change(world, election, opens="pause")
    for _ in range(2):
        await world.keep(election, 2, None, election.closes_at)
    await world.keep(election, 1, NOW, election.closes_at)
    assert (await world.election(election.id)).paused
    assert (await world.actions(election)).count("report_schedule") == 1


async def test_a_later_change_stands_when_an_older_one_is_reported(world: World) -> None:
    election = await world.opened(opens=local(NOW - timedelta(minutes=1)))
    assert election.closes_at is not None
    await change(world, election, opens="pause")
    await change(world, election, closes="now")
    await world.keep(election, 2, None, election.closes_at)
    told = await order(world, election)
    assert (told.revision, told.opens, told.closes) == (3, "pause", "now")


async def test_reports_of_another_edition_or_an_unknown_revision_are_refused(world: World) -> None:
    election, draft = await world.sealed(), await world.draft()
    assert election.closes_at is not None
    async with refused(409, "unknown-revision"):
        await world.keep(election, 2, None, election.closes_at)
    async with refused(409, "other-edition"):
        await world.keep(election.model_copy(update={"uuid": "1" * 22}), 1, None, election.closes_at)
    async with refused(409, "other-edition"):
        await world.keep(draft, 1, None, election.closes_at)


async def test_the_schedule_of_a_draft_and_of_a_closed_election_is_not_changed(world: World) -> None:
    for election in (await world.draft(), await world.sealing(), await world.closed()):
        async with refused(409, "wrong-state"):
            await change(world, election, opens="now")


@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({}, 422, "nothing-to-change"),
        ({"opens": "now"}, 409, "already-open"),
        ({"closes": local(NOW - timedelta(hours=1))}, 422, "close-passed"),
    ],
)
async def test_an_impossible_change_is_refused_and_not_recorded(
    world: World, members: dict[str, Any], status: int, code: str
) -> None:
    election = await world.opened(opens=local(NOW - timedelta(minutes=1)))
    async with refused(status, code):
        await change(world, election, **members)
    assert "change_schedule" not in await world.actions(election)


async def test_the_reason_of_a_change_is_in_the_log(world: World) -> None:
    election = await world.sealed()
    await change(world, election, opens="now")
    record = (await world.anyone.read_audit(election.id, bearer=world.token)).records[-1]
    assert (record.action, record.facts["reason"], record.facts["opens"]) == ("change_schedule", "as announced", "now")


async def test_unsealing_brings_back_the_instants_of_the_draft(world: World) -> None:
    election = await world.sealed()
    assert election.closes_at is not None
    later = election.closes_at + timedelta(hours=1)
    await change(world, election, closes=local(later))
    await world.keep(election, 2, election.opens_at, later)
    await world.anyone.unseal_election(election.id, bearer=world.token)
    await world.report(election, Step.WITHDRAW_BOARD)
    await world.report(election, Step.WITHDRAW_CODES)
    draft = await world.election(election.id)
    assert (draft.opens_at, draft.closes_at) == (election.opens_at, election.closes_at)
