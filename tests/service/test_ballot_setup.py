"""How a board begins: the public list in pages, the Setup event, and withdrawals."""

import asyncio
import io
import signal
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.ballot.contract import CredentialsPage, Phase
from services.ballot.setup import SettingUp, read_definition
from services.ballot.store import Store
from services.ballot.store_list import ListStore
from services.election.contract import Report, State, Step
from services.voting.archive import ArchiveReader
from services.voting.election import generate_uuid
from tests.service.ballot_world import BallotWorld, eventually, make_ballot_world, make_voter, seal_of, sorted_lines
from tests.service.election_world import refused, soon
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        yield world


async def test_pages_may_be_replaced_until_the_list_is_sealed(world: BallotWorld) -> None:
    uuid = generate_uuid()
    voters = [make_voter(uuid, number, 1) for number in range(4)]
    lines = sorted_lines(voters)
    first, second = CredentialsPage(credentials=lines[:2]), CredentialsPage(credentials=lines[2:])
    await world.voter.put_credentials_page(uuid, 0, second)
    await world.voter.put_credentials_page(uuid, 0, first)
    await world.voter.put_credentials_page(uuid, 1, second)
    await world.voter.seal_credentials(uuid, seal_of(voters, 2))
    for page, lines_of_page in enumerate((first, second)):
        await world.voter.put_credentials_page(uuid, page, lines_of_page)
    await world.voter.seal_credentials(uuid, seal_of(voters, 2))
    async with refused(409, "list-sealed"):
        await world.voter.put_credentials_page(uuid, 0, second)
    async with refused(409, "list-differs"):
        await world.voter.seal_credentials(uuid, seal_of(voters[:3], 2))


@pytest.mark.parametrize(
    "change",
    [{"count": 4}, {"total_weight": 4}, {"hash": "0" * 64}, {"pages": 1}, {"pages": 3}],
)
async def test_a_seal_says_exactly_what_the_pages_are(world: BallotWorld, change: dict[str, Any]) -> None:
    uuid = generate_uuid()
    voters = [make_voter(uuid, number, 1) for number in range(3)]
    lines = sorted_lines(voters)
    for page, part in enumerate((lines[:2], lines[2:])):
        await world.voter.put_credentials_page(uuid, page, CredentialsPage(credentials=part))
    seal = seal_of(voters, 2)
    async with refused(409, "list-differs"):
        await world.voter.seal_credentials(uuid, seal.model_copy(update=change))
    await world.voter.seal_credentials(uuid, seal)


async def test_keys_ascend_over_all_pages(world: BallotWorld) -> None:
    uuid = generate_uuid()
    voters = [make_voter(uuid, number, 1) for number in range(4)]
    lines = sorted_lines(voters)
    for page, part in enumerate((lines[2:], lines[:2])):
        await world.voter.put_credentials_page(uuid, page, CredentialsPage(credentials=part))
    async with refused(409, "list-differs"):
        await world.voter.seal_credentials(uuid, seal_of(voters, 2))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["2"], "not-a-credential"),
        (["07"], "not-a-credential"),
        (["5,1"], "not-a-credential"),
        (["x" * 800], "not-a-credential"),
    ],
)
async def test_a_page_that_cannot_be_part_of_a_list_is_refused(world: BallotWorld, lines: list[str], code: str) -> None:
    async with refused(422, code):
        await world.voter.put_credentials_page(generate_uuid(), 0, CredentialsPage(credentials=lines))


async def test_the_setup_event_holds_what_was_frozen_and_sent(world: BallotWorld) -> None:
    poll = await world.poll(voters=7, weights=[4, 1, 9], pages=3)
    (entry,) = ArchiveReader(io.BytesIO(await poll.archive()))
    board = await poll.board()
    assert (entry.event.type, entry.event.hash) == ("Setup", board.head)
    assert [record.content for record in entry.data[:3]] == [
        await world.elections.anyone.read_definition(poll.uuid),
        await world.elections.anyone.read_trustees(poll.uuid),
        await world.anyone.read_credentials(poll.uuid),
    ]
    assert (board.credentials, board.total_weight) == (7, 18)
    view = await world.elections.election(poll.view.id)
    assert view.state in {State.SEALED, State.OPEN}


async def test_a_page_sent_again_after_the_setup_is_recognised(world: BallotWorld) -> None:
    poll = await world.poll(voters=3)
    lines = sorted_lines(poll.voters)
    await world.voter.put_credentials_page(poll.uuid, 0, CredentialsPage(credentials=lines))
    await world.voter.seal_credentials(poll.uuid, seal_of(poll.voters))
    async with refused(409, "list-sealed"):
        await world.voter.put_credentials_page(poll.uuid, 0, CredentialsPage(credentials=lines[:2]))


async def test_without_the_whole_list_there_is_no_board(world: BallotWorld) -> None:
    view, voters = await world.list_made(3)
    await world.voter.put_credentials_page(view.uuid, 0, CredentialsPage(credentials=sorted_lines(voters)))

    async def others_go_on() -> bool:
        await world.poll()
        return True

    await eventually(others_go_on, "another election is held up")
    async with refused(404, "not-found"):
        await world.anyone.read_board(view.uuid)


async def test_killed_at_any_moment_of_sealing_the_board_is_the_same(workshop: Any) -> None:
    async with workshop.system() as system, make_ballot_world(system) as world:
        view, voters = await world.list_made(40, opens=soon(hours=1))
        await world.send_list(view, voters, pages=4)
        for pause in (0.05, 0.15, 0.3):
            system.kill("ballot", signal.SIGKILL)
            await system.start("ballot")
            await asyncio.sleep(pause)

        async def is_set_up() -> bool:
            return Step.SET_UP_BOARD not in (await world.elections.owed(view)).get("ballot", [])

        await eventually(is_set_up, "the board is not set up")
        connection = await asyncpg.connect(system.database_url)
        events = await connection.fetchval("SELECT count(*) FROM ballot.events")
        credentials = await connection.fetchval("SELECT count(*) FROM ballot.credentials")
        await connection.close()
        assert (events, credentials) == (1, 40)


async def test_an_unsealed_election_is_withdrawn_for_good(world: BallotWorld) -> None:
    poll = await world.poll(opens=soon(hours=1), phase=Phase.NOT_YET)
    await world.elections.anyone.unseal_election(poll.view.id, bearer=world.elections.token)
    await poll.reach(Phase.WITHDRAWN)
    async with refused(410, "withdrawn"):
        await poll.cast()

    async def codes_may_die() -> bool:
        return Step.WITHDRAW_CODES in (await world.elections.owed(poll.view)).get("voter", [])

    await eventually(codes_may_die, "the withdrawal is not reported")
    await world.elections.report(poll.view, Step.WITHDRAW_CODES)
    draft = await world.elections.election(poll.view.id)
    assert draft.state is State.DRAFT
    assert draft.uuid != poll.uuid


async def test_an_election_that_is_withdrawn_while_it_is_sealed_gets_no_board(world: BallotWorld) -> None:
    view, voters = await world.list_made(3)
    report = Report(uuid=view.uuid, done=False, problem="The roll is broken.")
    await world.elections.voter.report_step(view.id, Step.FREEZE_ROLL, report)

    async def codes_may_die() -> bool:
        return Step.WITHDRAW_CODES in (await world.elections.owed(view)).get("voter", [])

    await eventually(codes_may_die, "the withdrawal is not reported")
    await world.send_list(view, voters)
    async with refused(404, "not-found"):
        await world.anyone.read_board(view.uuid)


async def test_a_replica_that_is_late_sets_up_no_board_of_a_withdrawn_election(world: BallotWorld) -> None:
    """It has read that the board is to be set up, and is overtaken by the withdrawal."""
    view, voters = await world.list_made(3)
    await world.voter.put_credentials_page(view.uuid, 0, CredentialsPage(credentials=sorted_lines(voters)))
    (work,) = [work for work in await world.elections.ballot.list_work() if work.uuid == view.uuid]
    definition = await world.elections.anyone.read_definition(view.uuid)
    trustees = await world.elections.anyone.read_trustees(view.uuid)
    report = Report(uuid=view.uuid, done=False, problem="The roll is broken.")
    await world.elections.voter.report_step(view.id, Step.FREEZE_ROLL, report)

    async def codes_may_die() -> bool:
        return Step.WITHDRAW_CODES in (await world.elections.owed(view)).get("voter", [])

    await eventually(codes_may_die, "the withdrawal is not reported")
    await world.voter.seal_credentials(view.uuid, seal_of(voters))
    async with world.database() as database:
        late = SettingUp(Store(database), ListStore(database))
        assert await late.set_up_board(work, read_definition(view.uuid, definition, trustees)) is None


async def test_an_opening_that_is_set_is_kept_by_the_clock_of_the_board(world: BallotWorld) -> None:
    poll = await world.poll(opens=soon(seconds=3), phase=Phase.NOT_YET)
    assert (await world.elections.election(poll.view.id)).state is State.SEALED
    await poll.reach(Phase.OPEN)

    async def is_open() -> bool:
        return await world.elections.state(poll.view) is State.OPEN

    await eventually(is_open, "the opening is not reported")
