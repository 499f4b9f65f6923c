"""How a board ends: the close, EndBallots, orders that come in time or too late, and the events of the conclusion."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from services.ballot.closing import Closing
from services.ballot.contract import EventType, Head, NewEvent, NewEvents, Phase
from services.ballot.store import Store
from services.election.contract import State, Step
from services.shared.client import Refused
from services.voting.archive import record_hash, render_owned
from services.voting.ballot import parse_ballot
from services.voting.election import generate_uuid
from services.voting.tally import EncryptedTally, combine, partial_decryption, render_result, render_sized
from services.voting.trustee import parse_trustees
from tests.service.ballot_world import PRIVATE_KEY, BallotWorld, Poll, eventually, make_ballot_world
from tests.service.election_world import refused, soon
from tests.service.harness import System

Tool = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        yield world


async def test_the_board_ends_after_the_close_and_the_grace_time(world: BallotWorld) -> None:
    poll = await world.poll(closes=soon(seconds=4))
    await poll.cast()
    await poll.reach(Phase.CLOSED)
    closed = await poll.board()
    assert not closed.ended

    async def ended() -> bool:
        return (await poll.board()).ended

    await eventually(ended, "the board does not end")
    board = await poll.board()
    assert (board.now - board.closes_at).total_seconds() >= 1  # the grace time of the tests
    last = (await world.anyone.list_events(poll.uuid, after=1)).events
    assert [(event.type, event.height, event.payload) for event in last] == [(EventType.END_BALLOTS, 2, None)]
    async with refused(409, "closed"):
        await poll.cast(1)

    async def election_knows() -> bool:
        return Step.END_BALLOTS not in (await world.elections.owed(poll.view)).get("ballot", [])

    await eventually(election_knows, "the end is not reported")
    assert await world.elections.state(poll.view) is State.CLOSING


async def test_a_board_ends_without_election(fresh_system: System) -> None:
    """The clock alone ends it: `election` may be down."""
    async with make_ballot_world(fresh_system) as world:
        poll = await world.poll(closes=soon(seconds=5))
        fresh_system.kill("election", signal.SIGKILL)

        async def ended() -> bool:
            return (await poll.board()).ended

        await eventually(ended, "the board does not end")


async def test_a_replica_that_is_late_does_not_end_a_board_that_was_extended(world: BallotWorld) -> None:
    """It has read that the board is to end, and is overtaken by the extension."""
    poll = await world.poll()
    async with world.database() as database:
        await Closing(Store(database), grace_seconds=0).end_ballots(poll.uuid)
    assert not (await poll.board()).ended
    await poll.cast()


async def test_an_extension_in_time_moves_the_close(world: BallotWorld) -> None:
    poll = await world.poll(closes=soon(seconds=20))
    before = (await poll.board()).closes_at
    await poll.change(closes=soon(hours=3))

    async def extended() -> bool:
        return (await poll.board()).closes_at > before

    await eventually(extended, "the close is not moved")
    await poll.cast()


async def test_an_extension_that_comes_after_the_close_changes_nothing(world: BallotWorld) -> None:
    """`election` takes it while it does not know yet that the board has closed; then the board's word is final."""
    poll = await world.poll(closes=soon(hours=1))
    await poll.change(closes=soon(seconds=2))
    await poll.reach(Phase.CLOSED)
    closed = (await poll.board()).closes_at
    with suppress(Refused):
        await poll.change(closes=soon(hours=3))

    async def election_agrees() -> bool:
        return (await world.elections.election(poll.view.id)).closes_at == closed

    await eventually(election_agrees, "election has another close than the board")
    assert (await poll.board()).closes_at == closed


def tally_of(poll: Poll, ballots: list[bytes]) -> bytes:
    """The encrypted tally of ballots of different voters with weight 1."""
    tally = EncryptedTally.empty(poll.election)
    for ballot in ballots:
        tally.add(parse_ballot(ballot), 1)
    return tally.render()


def tally_event(tally: bytes, counted: int, weight: int) -> NewEvent:
    sized = render_sized(counted, weight, record_hash(tally))
    return NewEvent(type=EventType.ENCRYPTED_TALLY, data=[tally.decode(), sized.decode()])


def final_events(poll: Poll, trustees: bytes, tally: bytes, weight: int) -> list[NewEvent]:
    partial = partial_decryption(tally, poll.election, PRIVATE_KEY)
    keys = parse_trustees(trustees, poll.election.group)
    result = render_result(combine(poll.election, keys, tally, weight, {1: partial}))
    owned = render_owned(1, record_hash(partial))
    return [
        NewEvent(type=EventType.PARTIAL_DECRYPTION, data=[partial.decode(), owned.decode()]),
        NewEvent(type=EventType.RESULT, data=[result.decode()]),
    ]


async def append(world: BallotWorld, poll: Poll, parent: str, events: list[NewEvent]) -> Head:
    return await world.result.append_events(poll.uuid, NewEvents(parent=parent, events=events))


async def test_a_board_is_concluded_and_belenios_accepts_all_of_it(
    world: BallotWorld, belenios_tool: Tool, tmp_path: Path
) -> None:
    poll = await world.poll(voters=4)
    ballots = [poll.ballot(voter, choice=voter % 2) for voter in range(3)]
    for ballot in ballots:
        await world.anyone.cast_ballot(poll.uuid, ballot)
    await poll.close()
    tally = tally_of(poll, ballots)
    first = await append(world, poll, (await poll.board()).head, [tally_event(tally, 3, 3)])
    events = final_events(poll, await world.anyone.read_trustees(poll.uuid), tally, 3)
    last = await append(world, poll, first.hash, events)
    board = await poll.board()
    assert (last.height, last.hash) == (board.height, board.head) == (7, board.head)
    (tmp_path / "election.bel").write_bytes(await poll.archive())
    verdict = await asyncio.to_thread(belenios_tool, "election", "verify", "--dir", tmp_path)
    assert "all checks passed" in verdict.stderr + verdict.stdout
    assert json.loads(events[-1].data[0]) == {"result": [[2, 1]]}


async def test_appending_again_finds_the_events_there(world: BallotWorld) -> None:
    poll = await world.poll()
    ballot = poll.ballot()
    await world.anyone.cast_ballot(poll.uuid, ballot)
    await poll.close()
    tally, parent = tally_of(poll, [ballot]), (await poll.board()).head
    heads = await asyncio.gather(
        *(append(world, poll, parent, [tally_event(tally, 1, 1)]) for _ in range(5)),
    )
    assert len({head.hash for head in heads}) == 1
    events = final_events(poll, await world.anyone.read_trustees(poll.uuid), tally, 1)
    last = await append(world, poll, heads[0].hash, events)
    assert await append(world, poll, heads[0].hash, events) == last
    assert await append(world, poll, parent, [tally_event(tally, 1, 1)]) == heads[0]
    assert (await poll.board()).height == 5


async def test_what_does_not_conclude_this_board_is_refused(world: BallotWorld) -> None:
    poll = await world.poll()
    ballot = poll.ballot()
    await world.anyone.cast_ballot(poll.uuid, ballot)
    tally = tally_of(poll, [ballot])
    good = tally_event(tally, 1, 1)
    open_head = (await poll.board()).head
    async with refused(409, "wrong-order"):
        await append(world, poll, open_head, [good])
    await poll.close()
    head = (await poll.board()).head
    events = final_events(poll, await world.anyone.read_trustees(poll.uuid), tally, 1)
    for parent, new, status, code in (
        (open_head, [good], 409, "other-head"),
        ("0" * 64, [good], 409, "other-head"),
        (head, events, 409, "wrong-order"),
        (head, [good, good], 409, "wrong-order"),
        (head, [tally_event(tally, 2, 1)], 422, "invalid-event"),
        (head, [tally_event(tally, 1, 2)], 422, "invalid-event"),
        (head, [tally_event(b"[]", 1, 1)], 422, "invalid-event"),
        (head, [tally_event(tally + b" ", 1, 1)], 422, "invalid-event"),
        (head, [NewEvent(type=EventType.ENCRYPTED_TALLY, data=good.data[:1])], 422, "invalid-event"),
        (head, [NewEvent(type=EventType.RESULT, data=["{}"])], 422, "invalid-event"),
        (head, [NewEvent(type=EventType.RESULT, data=['{"result":[[9,9]]}'])], 422, "invalid-event"),
        (head, [events[0], events[0]], 422, "invalid-event"),
        (head, [wrong_owner(events[0], 2)], 422, "invalid-event"),
    ):
        async with refused(status, code):
            await append(world, poll, parent, new)
        assert (await poll.board()).head == head
    async with refused(404, "not-found"):
        await world.result.append_events(generate_uuid(), NewEvents(parent=head, events=[good]))


def wrong_owner(event: NewEvent, owner: int) -> NewEvent:
    owned: dict[str, Any] = json.loads(event.data[1])
    return NewEvent(type=event.type, data=[event.data[0], render_owned(owner, owned["payload"]).decode()])
