"""The claim of the wall, played as a game: telemetry adds nothing, and the game would notice if it did."""

import pytest

from services.ballot.publishing import BATCH
from tests.stack.linkage.game import Results, evaluate
from tests.stack.linkage.leaks import LEAKS
from tests.stack.linkage.season import play_season
from tests.stack.linkage.table import render

pytestmark = pytest.mark.timeout(900)

ELECTIONS = 10
NAMED = 0.9
ADVANTAGE = 0.5


@pytest.fixture(scope="module")
async def results() -> Results:
    played = evaluate(*await play_season())
    print(render(played))  # noqa: T201  # what a failure is judged by
    return played


@pytest.mark.parametrize("seen", ["the board after each batch of k voters", "the board at each tick"])
def test_telemetry_adds_nothing_to_the_public_board(results: Results, seen: str) -> None:
    assert results.elections >= ELECTIONS
    assert results.rules_on[seen].bound <= 1 / BATCH


def test_without_the_rules_nearly_every_ballot_is_named(results: Results) -> None:
    assert results.rules_off.named > NAMED


@pytest.mark.parametrize("leak", LEAKS)
def test_a_single_leak_gives_ballots_away(results: Results, leak: str) -> None:
    assert results.leaks[leak].advantage >= ADVANTAGE
