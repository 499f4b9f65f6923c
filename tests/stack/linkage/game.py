"""The game: who hears what, how often the right ballot is named, and what telemetry adds to that.

The adversary learns on every other election, whose pairs it knows, and names the ballots of the rest; then the halves
change places, so that every voter is a target once. What telemetry adds is measured on the same voters.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from tests.stack.linkage.adversary import Day, Heard, Learned, Voter
from tests.stack.linkage.day import LOOKS_EVERY_BATCH, LOOKS_EVERY_TICK
from tests.stack.linkage.leaks import LEAKS

CONFIDENCE = 0.99


def is_leak(name: str) -> bool:
    """Whether a source or column is there because a leak was put back."""
    return "leak_" in name


def is_look(name: str) -> bool:
    """Whether it is a look at the public board, which is no telemetry."""
    return name in {LOOKS_EVERY_BATCH, LOOKS_EVERY_TICK}


def hears_nothing(name: str) -> bool:
    """The final board and the tables."""
    return _is_column(name) and not is_leak(name)


def looks(look: str) -> Heard:
    """That, and the public board as it grew."""
    return lambda name: hears_nothing(name) or name == look


def _is_column(name: str) -> bool:
    return name.startswith(("ballot.", "result."))


def telemetry(before: Heard, *leaks: str) -> Heard:
    """All of telemetry with some leaks, besides what is known anyway."""

    def heard(name: str) -> bool:
        if is_leak(name):
            return any(f"leak_{leak}" in name for leak in leaks)
        return before(name) or not is_look(name)

    return heard


Target = tuple[int, int]  # the day and the voter
Named = dict[Target, bool]


class Game:
    """Some elections, and what was learned of either half of them."""

    def __init__(self, days: Sequence[Day]) -> None:
        self.days = days
        self.learned = [Learned(days[half::2]) for half in (0, 1)]

    def play(self, heard: Heard) -> Named:
        """Which targets' ballots are named rightly."""
        named: Named = {}
        for half, learned in enumerate(self.learned):
            adversary = learned.adversary(heard)
            for number in range(1 - half, len(self.days), 2):
                day = self.days[number]
                for which, (voter, position) in enumerate(zip(day.voters, adversary.name(day), strict=True)):
                    named[number, which] = position == voter.position
        return named


@dataclass(frozen=True)
class Score:
    """Shares of the targets: named with, named without, and what a t-test over the elections says of the difference."""

    targets: int
    named: float
    baseline: float
    advantage: float
    bound: float


Concerned = Callable[[Day, Voter], bool]


def everybody(_: Day, __: Voter) -> bool:
    """All voters."""
    return True


def first(_: Day, voter: Voter) -> bool:
    """The one who cast the first ballot."""
    return voter.position == 0


def compare(days: Sequence[Day], named: Named, baseline: Named, concerned: Concerned = everybody) -> Score:
    """What the one adversary is better than the other; elections are independent, voters of one election are not."""
    targets = [target for target in named if concerned(days[target[0]], days[target[0]].voters[target[1]])]
    differences = [
        mean(named[target] - baseline[target] for target in targets if target[0] == day)
        for day in sorted({day for day, _ in targets})
    ]
    advantage = mean(differences)
    spread = stdev(differences) / math.sqrt(len(differences))
    return Score(
        len(targets),
        mean(named[target] for target in targets),
        mean(baseline[target] for target in targets),
        advantage,
        advantage + student(len(differences) - 1) * spread,
    )


def student(freedom: int) -> float:
    """The quantile of Student's distribution at CONFIDENCE, one-sided, by integrating its density."""
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    step, point, mass = 1e-3, 0.0, 0.5
    while mass < CONFIDENCE:
        mass += step * scale * (1 + (point + step / 2) ** 2 / freedom) ** (-(freedom + 1) / 2)
        point += step
    return point


CONCERNED: dict[str, Concerned] = {leak: first if leak == "created" else everybody for leak in LEAKS}
# What the adversary without telemetry has seen of the public board, besides its end, the tables and the outside times.
SEEN: dict[str, Heard] = {
    "the final board": hears_nothing,
    "the board after each batch of k voters": looks(LOOKS_EVERY_BATCH),
    "the board at each tick": looks(LOOKS_EVERY_TICK),
}


@dataclass(frozen=True)
class Results:
    """What came out, on days with all rules on and on days with every leak put back."""

    elections: int
    voters: int
    rules_on: dict[str, Score]  # by what was seen of the board
    rules_off: Score
    leaks: dict[str, Score]  # by the leak that is heard alone, against the final board


def evaluate(kept: Sequence[Day], leaking: Sequence[Day]) -> Results:
    """Plays every game on these days."""
    wall, holes = Game(kept), Game(leaking)
    final = holes.play(hears_nothing)
    return Results(
        elections=len(kept),
        voters=kept[0].size,
        rules_on={
            seen: compare(kept, wall.play(telemetry(before)), wall.play(before)) for seen, before in SEEN.items()
        },
        rules_off=compare(leaking, holes.play(telemetry(hears_nothing, *LEAKS)), final),
        leaks={
            leak: compare(leaking, holes.play(telemetry(hears_nothing, leak)), final, CONCERNED[leak]) for leak in LEAKS
        },
    )
