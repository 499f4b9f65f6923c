"""Work that is done again and again begins at fixed times, and goes on whatever happens in a round."""

import asyncio

import pytest

from observability.telemetry.metrics import measuring
from services.shared.polling import polling, until_next
from services.shared.problems import Unavailable


@pytest.mark.parametrize(
    ("passed", "rest"), [(0.0, 0.5), (0.125, 0.375), (0.375, 0.125), (0.625, 0.375), (10.375, 0.125), (0.5, 0.5)]
)
def test_rounds_begin_at_multiples_of_the_time_however_long_they_take(passed: float, rest: float) -> None:
    assert until_next(0.5, passed) == rest


def test_without_a_time_the_next_round_begins_at_once() -> None:
    assert until_next(0, 3.0) == 0


@pytest.mark.parametrize("error", [Unavailable("x"), ValueError("x")])
async def test_a_round_that_fails_is_counted_and_followed_by_the_next(error: Exception) -> None:
    rounds, enough = 0, asyncio.Event()

    async def action() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            enough.set()
            return
        raise error

    with measuring("voter") as metrics:
        async with polling("mails", action, 0.01), asyncio.timeout(20):
            await enough.wait()
        failures = metrics.children["uvote_poll_failures", ("mails",)]
        assert next(iter(failures.collect())).samples[0].value == 2
