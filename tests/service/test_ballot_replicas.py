"""Two replicas append to one board: the chain stays linear, whatever happens to one of them."""

import asyncio
import hashlib
import io
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.ballot.appending import Appending, CheckedBallot
from services.ballot.client import BallotClient
from services.ballot.schedule import Arrival
from services.ballot.store import Store
from services.shared.client import DependencyDown
from services.voting.archive import ArchiveReader
from services.voting.ballot import tracker
from tests.service.ballot_world import BallotWorld, Poll, eventually, make_ballot_world
from tests.service.harness import System

GOES_ON_SECONDS = 5
VOTERS = 12


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        await system.start("ballot/2")
        yield world


@pytest.fixture(scope="module")
async def other(world: BallotWorld) -> AsyncIterator[BallotClient]:
    """The second replica."""
    client = BallotClient(world.system.url("ballot/2"))
    yield client
    await client.close()


@pytest.fixture
async def poll(world: BallotWorld) -> Poll:
    return await world.poll(voters=VOTERS)


async def trackers_on_board(poll: Poll) -> Counter[str]:
    """Of the archive, whose chain is checked while it is read."""
    entries = ArchiveReader(io.BytesIO(await poll.archive()))
    ballots = [entry.data[0] for entry in entries if entry.event.type == "Ballot"]
    return Counter(tracker(ballot.content or b"") for ballot in ballots)


async def send_until_answered(client: BallotClient, poll: Poll, ballot: bytes) -> str:
    """What a page does: the same bytes again, until there is a tracker."""
    while True:
        try:
            return (await client.cast_ballot(poll.uuid, ballot)).tracker
        except DependencyDown:
            await asyncio.sleep(0.2)


async def test_both_append_and_the_chain_is_one(world: BallotWorld, other: BallotClient, poll: Poll) -> None:
    casts = []
    for voter in range(VOTERS):
        own, ballot = (world.anyone, other) if voter % 2 else (other, world.anyone), poll.ballot(voter)
        casts += [send_until_answered(client, poll, ballot) for client in own]
    answered = await asyncio.gather(*casts)
    board = await trackers_on_board(poll)
    assert set(board) == set(answered)
    assert set(board.values()) == {1}
    assert (await poll.board()).ballots == VOTERS


async def batches_held_up(connection: "asyncpg.Connection[Any]") -> int:
    """Sessions that hold a board's lock and wait for a table."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_locks held JOIN pg_locks wanted USING (pid) JOIN pg_stat_activity a USING (pid)"
        " WHERE a.datname = current_database() AND held.locktype = 'advisory' AND held.granted"
        " AND wanted.locktype = 'relation' AND NOT wanted.granted"
    )
    return count


@pytest.mark.parametrize("has_cast", [False, True])
async def test_a_replica_stopped_in_mid_batch_holds_up_the_other_for_a_moment_only(
    world: BallotWorld, poll: Poll, *, has_cast: bool
) -> None:
    """It is stopped while its transaction holds the board's lock, before it can commit.

    In its first batch it has sent half of a statement, which the server waits for longer than for a whole one.
    """
    replica = f"ballot/{3 + has_cast}"
    await world.system.start(replica)
    other = BallotClient(world.system.url(replica))
    if has_cast:
        await send_until_answered(other, poll, poll.ballot(2))
    before = (await poll.board()).ballots
    connection = await asyncpg.connect(world.system.database_url)
    held_up = connection.transaction()
    await held_up.start()
    await connection.execute("LOCK TABLE ballot.events IN EXCLUSIVE MODE")
    stuck = poll.ballot(0)
    casting = asyncio.create_task(send_until_answered(other, poll, stuck))

    async def is_in_mid_batch() -> bool:
        return await batches_held_up(connection) == 1

    await eventually(is_in_mid_batch, "no batch is under way")
    world.system.kill(replica, signal.SIGSTOP)
    await held_up.rollback()
    stopped = time.monotonic()
    await send_until_answered(world.anyone, poll, poll.ballot(1))
    assert time.monotonic() - stopped < GOES_ON_SECONDS
    assert (await poll.board()).ballots == before + 1
    world.system.kill(replica, signal.SIGCONT)
    assert await casting == tracker(stuck)
    board = await trackers_on_board(poll)
    assert board[tracker(stuck)] == 1
    assert (await poll.board()).ballots == len(board) == before + 2
    await connection.close()
    await other.close()


async def test_a_replica_stopped_at_any_moment_leaves_the_chain_linear(
    world: BallotWorld, other: BallotClient, poll: Poll
) -> None:
    """Both are busy when one stops; after it goes on, every tracker that anybody got is on the board once."""
    ballots = await asyncio.to_thread(lambda: [poll.ballot(voter) for voter in range(VOTERS) for _ in range(4)])
    waiting = {client: ballots[start::2] for start, client in enumerate((world.anyone, other))}

    async def voter(client: BallotClient) -> list[str]:
        answered = []
        while waiting[client]:
            answered.append(await send_until_answered(client, poll, waiting[client].pop()))
        return answered

    crowd = [asyncio.create_task(voter(client)) for client in waiting for _ in range(4)]
    for _ in range(3):
        reached = (await poll.board()).ballots

        async def goes_on(reached: int = reached) -> bool:
            return (await poll.board()).ballots > reached or all(task.done() for task in crowd)

        world.system.kill("ballot/2", signal.SIGSTOP)
        await eventually(goes_on, "the other replica does not go on")
        world.system.kill("ballot/2", signal.SIGCONT)
    answered = [cast for answers in await asyncio.gather(*crowd) for cast in answers]
    board = await trackers_on_board(poll)
    assert set(board) == set(answered)
    assert set(board.values()) == {1}


def checked(poll: Poll, voter: int, position: int) -> CheckedBallot:
    """A ballot as it is when its proofs have been checked."""
    raw, now = poll.ballot(voter), datetime.now(UTC)
    return CheckedBallot(raw, hashlib.sha256(raw).digest(), position, 1, Arrival(now, now))


async def test_a_ballot_that_the_database_does_not_take_leaves_the_others_of_its_batch(
    world: BallotWorld, poll: Poll
) -> None:
    """The position is one that no column can hold: whatever it is that the database refuses, only its ballot fails."""
    good = [checked(poll, voter, voter) for voter in range(3)]
    poisoned = checked(poll, 3, 2**31)
    async with world.database() as database:
        appending = Appending(Store(database), grace_seconds=1)
        casts = [appending.append(poll.uuid, ballot) for ballot in (good[0], poisoned, good[1], good[2])]
        outcomes = await asyncio.gather(*casts, return_exceptions=True)
    assert [outcome is None for outcome in outcomes] == [True, False, True, True]
    board = await trackers_on_board(poll)
    assert set(board) == {tracker(ballot.raw) for ballot in good}
    assert (await poll.board()).voted == 3
