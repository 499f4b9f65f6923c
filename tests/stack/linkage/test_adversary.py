"""The adversary is no straw man: made-up days on which it is known what can be found."""

import random
from collections.abc import Callable, Sequence
from statistics import mean

import pytest

from tests.stack.linkage.adversary import Day, Event, Voter
from tests.stack.linkage.game import Game

DAYS, VOTERS, GAP = 8, 30, 10.0

Sources = dict[str, list[Event]]


def made_up(chance: random.Random, sources: Callable[[random.Random, Sequence[Voter]], Sources]) -> Day:
    """A day on which ballots are cast one after the other, some seconds apart on average."""
    moment = chance.uniform(0, 100)
    voters = []
    for position in range(VOTERS):
        moment += 2 + chance.expovariate(1 / GAP)
        voters.append(Voter(float(int(moment - chance.uniform(20, 90))), float(int(moment)), position))
    size = [chance.choice((6119.0, 6120.0, 6121.0, 6122.0)) for _ in voters]
    return Day(voters, sources(chance, voters), {"ballot.records.size": size})


def a_counter(chance: random.Random, voters: Sequence[Voter]) -> Sources:
    """Moves a moment after each cast."""
    return {"told": [Event(voter.cast + chance.uniform(0, 0.9)) for voter in voters]}


def a_trace(chance: random.Random, voters: Sequence[Voter]) -> Sources:
    """Names the page load of each cast, but its own time only roughly."""
    return {
        "told": [Event(voter.cast + chance.uniform(0, 3), 1, voter.page + chance.uniform(0, 0.9)) for voter in voters]
    }


def noise(chance: random.Random, _: Sequence[Voter]) -> Sources:
    """Many things that have nothing to do with ballots."""
    return {
        f"told {number}": [Event(chance.uniform(0, 500), chance.random()) for _ in range(VOTERS)]
        for number in range(20)
    }


def shares(sources: Callable[[random.Random, Sequence[Voter]], Sources]) -> tuple[float, float]:
    """How many ballots are named with the sources, and without."""
    chance = random.Random(7)
    game = Game([made_up(chance, sources) for _ in range(DAYS)])
    heard, deaf = game.play(lambda _: True), game.play(lambda name: not name.startswith("told"))
    return mean(heard.values()), mean(deaf.values())


@pytest.mark.parametrize("sources", [a_counter, a_trace])
def test_it_finds_what_tells_of_ballots(sources: Callable[[random.Random, Sequence[Voter]], Sources]) -> None:
    heard, deaf = shares(sources)
    assert heard > 0.9
    assert deaf < 0.4


def test_it_is_not_led_astray_by_what_tells_nothing() -> None:
    heard, deaf = shares(noise)
    assert abs(heard - deaf) < 0.05
