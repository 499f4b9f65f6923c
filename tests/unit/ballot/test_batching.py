"""Requests that come while the database is busy go to it together."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ballot.batching import Batches


class Recorder:
    """Carries out batches when it is told to, and remembers them."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()

    async def carry_out(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        if 13 in items:
            raise ValueError("13")
        return [10 * item for item in items]


async def begin(batches: Batches[int, int], *items: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batches.put(item)) for item in items]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_the_first_goes_at_once_and_the_others_together() -> None:
    recorder = Recorder()
    batches = Batches(recorder.carry_out, largest=10)
    first = await begin(batches, 1)
    others = await begin(batches, 2, 3, 4)
    assert recorder.batches == [[1]]
    recorder.gate.set()
    assert await asyncio.gather(*first, *others) == [10, 20, 30, 40]
    assert recorder.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_bounded() -> None:
    recorder = Recorder()
    recorder.gate.set()
    batches = Batches(recorder.carry_out, largest=2)
    assert await asyncio.gather(*(batches.put(item) for item in range(5))) == [0, 10, 20, 30, 40]
    assert recorder.batches == [[0, 1], [2, 3], [4]]


async def test_a_failure_reaches_all_of_its_batch_and_nobody_else() -> None:
    recorder = Recorder()
    recorder.gate.set()
    batches = Batches(recorder.carry_out, largest=2)
    outcomes = await asyncio.gather(*(batches.put(item) for item in (13, 1, 2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError, int]


async def test_who_gave_up_waiting_is_left_out_and_holds_up_nobody() -> None:
    recorder = Recorder()
    batches = Batches(recorder.carry_out, largest=10)
    (first,) = await begin(batches, 1)
    second, third = await begin(batches, 2, 3)
    second.cancel()
    await asyncio.sleep(0)
    recorder.gate.set()
    assert [await first, await third] == [10, 30]
    assert recorder.batches == [[1], [3]]
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_after_a_quiet_moment_it_begins_again() -> None:
    recorder = Recorder()
    recorder.gate.set()
    batches = Batches(recorder.carry_out, largest=10)
    assert await batches.put(1) == 10
    assert await batches.put(2) == 20
