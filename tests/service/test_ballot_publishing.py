"""What `ballot` publishes of a board while ballots arrive, seen as Prometheus sees it."""

import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.ballot.contract import Phase
from services.ballot.publishing import BATCH
from services.shared.client import Refused
from tests.service.ballot_world import BallotWorld, Poll, eventually, make_ballot_world
from tests.service.harness import System, free_port

Series = dict[str, float]
REPLICAS = ("ballot", "ballot/2")


@pytest.fixture(scope="module")
async def ports(system: System) -> dict[str, int]:
    return {name: free_port() for name in REPLICAS}


@pytest.fixture(scope="module")
async def world(system: System, ports: dict[str, int]) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        system.kill("ballot", signal.SIGTERM)
        await system.ended("ballot")
        for name in REPLICAS:
            await system.start(name, metrics_port=ports[name], publish_seconds=0.1)
        yield world


async def series(port: int, labels: dict[str, str], name: str | None = None) -> Series:
    """The series that have these labels, by name."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        sample.name: sample.value
        for sample in samples
        if labels.items() <= sample.labels.items() and name in {None, sample.name}
    }


async def spoken(ports: dict[str, int], poll: Poll) -> list[Series]:
    """What each replica says of the board; those that are silent are left out."""
    found = [await series(port, {"election": poll.uuid}) for port in ports.values()]
    return [each for each in found if each]


async def test_numbers_move_in_whole_batches_and_one_replica_speaks(
    world: BallotWorld, ports: dict[str, int], system: System
) -> None:
    poll = await world.poll(BATCH + 2)
    await poll.reach(Phase.OPEN)
    for voter in range(BATCH - 1):
        await poll.cast(voter)
    await poll.cast(0)

    async def one_speaks() -> bool:
        return len(await spoken(ports, poll)) == 1

    await eventually(one_speaks, "nobody, or everybody, speaks")
    (before,) = await spoken(ports, poll)
    assert (before["uvote_ballots_accepted"], before["uvote_telemetry_withheld"]) == (0, 1)
    assert 0 < before["uvote_board_opens_time_seconds"] < before["uvote_board_closes_time_seconds"]
    await poll.cast(BATCH - 1)

    async def moved() -> bool:
        return [each["uvote_credentials_voted"] for each in await spoken(ports, poll)] == [BATCH]

    await eventually(moved, "a full batch is not published")
    await poll.cast(BATCH)
    (after,) = await spoken(ports, poll)
    assert after["uvote_ballots_accepted"] == BATCH + 1
    assert after["uvote_telemetry_withheld"] == 0
    # The one that spoke ends; the other says the same.
    for name in REPLICAS:
        if await series(ports[name], {"election": poll.uuid}):
            speaker = name
    silent = {name: port for name, port in ports.items() if name != speaker}
    system.kill(speaker)
    await system.ended(speaker)

    async def taken_over() -> bool:
        return await spoken(silent, poll) == [after]

    await eventually(taken_over, "the other replica does not speak on")
    await system.start(speaker)


async def test_a_single_ballot_moves_no_series_and_makes_no_line(
    world: BallotWorld, ports: dict[str, int], system: System
) -> None:
    poll = await world.poll(3)
    await poll.reach(Phase.OPEN)

    async def known() -> bool:
        return bool(await spoken(ports, poll))

    await eventually(known, "nobody speaks")
    # These move with the time and with what else this machine does.
    moving = ("uvote_poll_age", "uvote_numbers_age", "uvote_cpu", "uvote_memory", "uvote_event_loop", "uvote_http")

    async def state() -> list[list[str]]:
        found: list[list[str]] = []
        for port in ports.values():
            async with httpx.AsyncClient() as client:
                text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            found += [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith(("#", *moving))]
        return found

    before, log = await state(), system.log("ballot")
    tracker = await poll.cast(0)
    await world.anyone.look_up_tracker(poll.uuid, tracker)
    assert await state() == before
    assert system.log("ballot") == log


async def test_refusals_are_counted_by_reason(world: BallotWorld, ports: dict[str, int]) -> None:
    poll = await world.poll(3)
    await poll.reach(Phase.OPEN)
    await poll.close()
    with pytest.raises(Refused):
        await poll.cast(0)

    async def counted() -> bool:
        labels = {"reason": "closed", "election_class": "real"}
        found = [await series(port, labels) for port in ports.values()]
        return sum(each["uvote_casts_refused_total"] for each in found) == 1

    await eventually(counted, "the refusal is not counted")
