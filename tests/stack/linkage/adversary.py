"""The adversary of the linkage game: one generic program, which knows no name of any series, line, span or table.

It is told days of voting. Of a day it knows

- the final board, in its order, and every number that the tables hold of each ballot (`columns`);
- everything that telemetry said, as sources of events: when something changed, and by how much (`sources`);
- of each voter when the page was loaded and when the ballot was cast, one voter at a time.

Of the days on which it learns it knows besides which ballot is whose. An `Evidence` gives every ballot a number, and
expects a number of each voter; how far the two lie apart for the true ballot is what it learns. It keeps those that
help it on days that it held back, adds up their log-likelihoods, and names the likeliest ballot.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a source; `link` is the time of the earlier event that it names as its cause, if it names one."""

    time: float
    delta: float = 1
    link: float | None = None


@dataclass(frozen=True, slots=True)
class Voter:
    """When the page was loaded and the ballot was cast, to the second; `position` is the ballot's on the board."""

    page: float
    cast: float
    position: int


@dataclass(frozen=True)
class Day:
    """An election. Times count from its opening; `second` is what the game takes for a second."""

    voters: Sequence[Voter]
    sources: Mapping[str, Sequence[Event]]
    columns: Mapping[str, Sequence[float]]
    second: float = 1.0

    @property
    def size(self) -> int:
        """Ballots on the board."""
        return len(self.voters)

    @cached_property
    def series(self) -> dict[str, "Series"]:
        """The sources, ready to be asked."""
        return {name: Series(events) for name, events in self.sources.items() if events}


class Series:
    """One source's events with what they add up to."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = sorted(events, key=lambda event: event.time)
        self.times = [event.time for event in self.events]
        self.sums = [0.0]
        for event in self.events:
            self.sums.append(self.sums[-1] + abs(event.delta))

    def nearest(self, time: float, within: float) -> int | None:
        """The number of the event nearest to a time, None when there is none so near."""
        after = bisect_left(self.times, time)
        near = [number for number in (after - 1, after) if 0 <= number < len(self.times)]
        best = min(near, key=lambda number: abs(self.times[number] - time))
        return best if abs(self.times[best] - time) <= within else None

    def linked(self, page: float, cast: float, within: float) -> int | None:
        """The number of the event that is near to one time and was caused near to the other."""
        first, last = bisect_left(self.times, cast - within), bisect_right(self.times, cast + within)
        near = [
            (abs(event.time - cast) + abs(event.link - page), number)
            for number, event in enumerate(self.events[first:last], first)
            if event.link is not None and abs(event.link - page) <= within
        ]
        return min(near)[1] if near else None

    def line(self, time: float) -> float:
        """What the events add up to at a time, as if it had come in evenly between them."""
        after = bisect_left(self.times, time)
        if after in {0, len(self.times)}:
            return self.sums[after]
        before = self.times[after - 1]
        part = (time - before) / max(self.times[after] - before, 1e-9)
        return self.sums[after] + part * (self.sums[after + 1] - self.sums[after])


Expect = Callable[[Day, Voter], float | None]
Numbers = Callable[[Day], Sequence[float]]
REACHES = (0, 2, 5)
ALIKE = 1 / 8


@dataclass(frozen=True)
class Evidence:
    """A number of each ballot, and the number that is expected of a voter. Numbers of one `step` are taken for equal.

    `needs` names the sources and columns that one must hear and read for it.
    """

    name: str
    needs: frozenset[str]
    numbers: Numbers
    expect: Expect
    step: Callable[[Day], float] = lambda _: 1.0

    def distance(self, day: Day, voter: Voter, numbers: Sequence[float]) -> int | None:
        """How far the true ballot lies from what is expected of the voter, in steps; None: nothing is expected."""
        distances = self.distances(day, voter, [numbers[voter.position]])
        return None if distances is None else distances[0]

    def distances(self, day: Day, voter: Voter, numbers: Iterable[float]) -> list[int] | None:
        """The same of each of these numbers."""
        expected = self.expect(day, voter)
        if expected is None:
            return None
        step = self.step(day)
        return [round((number - expected) / step) for number in numbers]


def heights(day: Day) -> Sequence[float]:
    """The board's order."""
    return range(day.size)


def ranks(column: str) -> Callable[[Day], Sequence[float]]:
    """The order of the ballots by a column."""

    def order(day: Day) -> Sequence[float]:
        values = day.columns[column]
        before = sorted(values)
        return [float(bisect_left(before, value)) for value in values]

    return order


# How a source is read at a time: its sum then, the sum drawn as a line, and the sum at the event nearest to it.
def _at(source: str, delay: float, *, cast: bool, whole: bool) -> Expect:
    def expect(day: Day, voter: Voter) -> float | None:
        series = day.series.get(source)
        if series is None:
            return None
        time = (voter.cast if cast else voter.page) + delay * day.second
        return _scaled(day, series, series.sums[bisect_right(series.times, time)], whole=whole)

    return expect


def _line(source: str, delay: float, *, whole: bool) -> Expect:
    def expect(day: Day, voter: Voter) -> float | None:
        series = day.series.get(source)
        if series is None:
            return None
        return _scaled(day, series, series.line(voter.cast + delay * day.second), whole=whole)

    return expect


def _near(source: str, within: float, *, cast: bool, whole: bool) -> Expect:
    def expect(day: Day, voter: Voter) -> float | None:
        series = day.series.get(source)
        time = voter.cast if cast else voter.page
        number = None if series is None else series.nearest(time, within * day.second)
        return None if series is None or number is None else _scaled(day, series, series.sums[number], whole=whole)

    return expect


def _linked(source: str, within: float) -> Expect:
    def expect(day: Day, voter: Voter) -> float | None:
        series = day.series.get(source)
        number = None if series is None else series.linked(voter.page, voter.cast, within * day.second)
        return None if series is None or number is None else _scaled(day, series, series.sums[number], whole=True)

    return expect


def _amount(source: str, within: float) -> Expect:
    def expect(day: Day, voter: Voter) -> float | None:
        series = day.series.get(source)
        number = None if series is None else series.nearest(voter.cast, within * day.second)
        return None if series is None or number is None else series.events[number].delta

    return expect


def _scaled(day: Day, series: Series, value: float, *, whole: bool) -> float:
    return value if whole else value / (series.sums[-1] or 1) * day.size


def second(day: Day) -> float:
    """The step of what is compared as time."""
    return day.second


def evidences(days: Sequence[Day]) -> Iterator[Evidence]:
    """Everything that may tell something, of all sources and columns of these days."""
    sources = sorted({name for day in days for name in day.series})
    columns = sorted({name for day in days for name in day.columns if all(name in each.columns for each in days)})
    orders = ["", *(column for column in columns if _reorders(days, column))]
    for column in columns:
        needs = frozenset({column})
        yield Evidence(f"{column} - cast", needs, _column(column), lambda _, voter: voter.cast, second)
        yield Evidence(f"{column} - page", needs, _column(column), lambda _, voter: voter.page, second)
    for source in sources:
        for order in orders:
            yield from _of_source(source, order)
        for column in columns:
            needs = frozenset({source, column})
            yield Evidence(f"{column} - amount of {source}", needs, _column(column), _amount(source, 3))


def _column(name: str) -> Numbers:
    return lambda day: day.columns[name]


def _reorders(days: Sequence[Day], column: str) -> bool:
    """Whether the column orders the ballots much as the board does, yet not quite, as an order of arrival would."""
    distances: list[float] = []
    for day in days:
        values = day.columns[column]
        order = sorted(range(day.size), key=values.__getitem__)
        distances += [abs(rank - height) / day.size for rank, height in enumerate(order)]
    return 0 < sum(distances) / len(distances) < ALIKE


def _of_source(source: str, order: str) -> Iterator[Evidence]:
    needs = frozenset({source, order} - {""})
    numbers = ranks(order) if order else heights

    def evidence(name: str, expect: Expect) -> Evidence:
        return Evidence(f"{order or 'height'} - {source} {name}", needs, numbers, expect)

    for whole in (True, False):
        part = "" if whole else " in part"
        for delay in (0, 3, 30):
            yield evidence(f"at cast + {delay}{part}", _at(source, delay, cast=True, whole=whole))
            yield evidence(f"drawn at cast + {delay}{part}", _line(source, delay, whole=whole))
        yield evidence(f"at page{part}", _at(source, 0, cast=False, whole=whole))
        for within in (1, 3, 30):
            yield evidence(f"within {within} of cast{part}", _near(source, within, cast=True, whole=whole))
            yield evidence(f"within {within} of page{part}", _near(source, within, cast=False, whole=whole))
    yield evidence("near both", _linked(source, 5))


def curve(days: Sequence[Day]) -> Expect:
    """How far the board has grown by a time of the day, as it was on the days that the adversary learns from."""
    points = sorted((voter.cast, voter.position / day.size) for day in days for voter in day.voters)
    width = max(3, len(points) // 50)

    def expect(day: Day, voter: Voter) -> float:
        at = min(max(bisect_left(points, (voter.cast, 0.0)), width), len(points) - width)
        near = points[at - width : at + width]
        return sum(share for _, share in near) / len(near) * day.size

    return expect


PARTS = 4
DOUBT = 0.02
BORROWED = 4.0
UNKNOWN = math.log(100)  # nats that are missing where nothing at all is said


class Law:
    """The distribution of the distances of true ballots, in several parts of the day."""

    def __init__(self, known: Iterable[tuple[float, int]], ends: Sequence[float], reach: int) -> None:
        """From pairs of cast time and distance."""
        self.ends = ends
        self.reach = reach
        self.counts = [Counter[int]() for _ in range(PARTS)]
        self.whole = Counter[int]()
        for cast, distance in known:
            self.counts[bisect_right(ends, cast)][distance] += 1
            self.whole[distance] += 1
        self.logs: dict[tuple[int, int, int], float] = {}

    def log(self, cast: float, distance: int, size: int) -> float:
        """The log-likelihood of a distance, against one that is as likely as any of so many ballots."""
        key = bisect_right(self.ends, cast), distance, size
        if key not in self.logs:
            overall = self._share(self.whole, distance, 1 / size)
            self.logs[key] = math.log(self._share(self.counts[key[0]], distance, overall) * size)
        return self.logs[key]

    def _share(self, counts: Counter[int], distance: int, otherwise: float) -> float:
        """The share of a distance, spread over its neighbours, with some belief in `otherwise`."""
        reach = self.reach
        spread = range(-reach, reach + 1)
        seen = sum(counts[distance + offset] * (reach + 1 - abs(offset)) for offset in spread) / (reach + 1) ** 2
        share = (seen + BORROWED * otherwise) / (counts.total() + BORROWED)
        return (1 - DOUBT) * share + DOUBT * otherwise


def parts_of(days: Sequence[Day]) -> list[float]:
    """The times that part the day into PARTS with as many casts each."""
    casts = sorted(voter.cast for day in days for voter in day.voters)
    return [casts[len(casts) * part // PARTS] for part in range(1, PARTS)]


OF_A_SOURCE = 3
MOST, SHARPEST = 20, 8
WEIGHTS = (0.0, 0.5, 1.0)
WORTH = 3.0  # what something must gain, in nats over all voters that it learns from, to be more than chance

Split = Sequence[tuple[Sequence[Day], Sequence[Day]]]
Told = list[tuple[int, list[float] | None]]  # of each voter the true position, and what is said of each ballot
Heard = Callable[[str], bool]


@dataclass(frozen=True, eq=False)
class Hint:
    """An evidence as it is used: `make` makes it from the days that are known."""

    name: str
    needs: frozenset[str]
    make: Callable[[Sequence[Day]], Evidence]
    reach: int
    gain: float  # nats on days that were held back
    voters: int  # of whom it says something there

    def law(self, days: Sequence[Day]) -> tuple[Evidence, Law]:
        """What the days teach of it."""
        evidence = self.make(days)
        return evidence, Law(_true_distances(evidence, days), parts_of(days), self.reach)

    def told(self, split: Split) -> Told:
        """What it says of voters that were held back."""
        told: Told = []
        for learned, tested in split:
            evidence, law = self.law(learned)
            for day in tested:
                numbers = evidence.numbers(day)
                told += [(voter.position, _logs(evidence, law, day, voter, numbers)) for voter in day.voters]
        return told


def _true_distances(evidence: Evidence, days: Sequence[Day]) -> list[tuple[float, int]]:
    return [
        (voter.cast, distance)
        for day in days
        for numbers in (evidence.numbers(day),)
        for voter in day.voters
        if (distance := evidence.distance(day, voter, numbers)) is not None
    ]


def _logs(evidence: Evidence, law: Law, day: Day, voter: Voter, numbers: Sequence[float]) -> list[float] | None:
    distances = evidence.distances(day, voter, numbers)
    return None if distances is None else [law.log(voter.cast, distance, day.size) for distance in distances]


class Learned:
    """What an adversary can learn from some days. How it hears less is decided afterwards: `adversary`."""

    def __init__(self, days: Sequence[Day]) -> None:
        self.days = days
        halves = (days[::2], days[1::2])
        self.split: Split = (halves, halves[::-1])
        curves = [Hint("height - curve", frozenset(), _curve_evidence, reach, 0, 0) for reach in REACHES]
        self.hints = [*curves, *self._hints()]
        self.told: dict[Hint, Told] = {}

    def adversary(self, heard: Heard) -> "Adversary":
        """The best that one can do who hears only this."""
        hints = self._shortlist([hint for hint in self.hints if all(map(heard, hint.needs))])
        for hint in hints:
            if hint not in self.told:
                self.told[hint] = hint.told(self.split)
        weights = ascend([self.told[hint] for hint in hints])
        return Adversary(self.days, [(hint, weight) for hint, weight in zip(hints, weights, strict=True) if weight])

    def _shortlist(self, hints: Sequence[Hint]) -> list[Hint]:
        """The curve; what says most by itself of all voters; and what says most of the few that it speaks of."""
        told = [hint for hint in hints if hint.needs]
        most = _first_of_each_source(sorted(told, key=lambda hint: -hint.gain))
        sharpest = _first_of_each_source(sorted(told, key=lambda hint: -hint.gain / hint.voters))
        best = dict.fromkeys([*most[:MOST], *sharpest[:SHARPEST]])
        return [*(hint for hint in hints if not hint.needs), *best]

    def _hints(self) -> Iterator[Hint]:
        """The evidences that say something of true ballots on days that were held back."""
        for evidence in evidences(self.days):
            distances = {id(half): _true_distances(evidence, half) for half, _ in self.split}
            voters = sum(map(len, distances.values()))
            for reach in REACHES:
                gain = 0.0
                for learned, tested in self.split:
                    law = Law(distances[id(learned)], parts_of(learned), reach)
                    gain += sum(law.log(*known, tested[0].size) for known in distances[id(tested)])
                    gain -= sum(_shared(evidence, law, day) for day in tested)
                if gain > WORTH:
                    yield Hint(evidence.name, evidence.needs, partial(_same, evidence), reach, gain, voters)


def _first_of_each_source(hints: Iterable[Hint]) -> list[Hint]:
    taken: Counter[frozenset[str]] = Counter()
    first: list[Hint] = []
    for hint in hints:
        taken[hint.needs] += 1
        if taken[hint.needs] <= OF_A_SOURCE:
            first.append(hint)
    return first


def _curve_evidence(days: Sequence[Day]) -> Evidence:
    return Evidence("height - curve", frozenset(), heights, curve(days))


def _same(evidence: Evidence, _: Sequence[Day]) -> Evidence:
    return evidence


def _shared(evidence: Evidence, law: Law, day: Day) -> float:
    """What of that is said of all ballots alike, because many have the same number."""
    numbers = Counter(evidence.numbers(day))
    if len(numbers) > day.size / 2:
        return 0.0
    shared = 0.0
    for voter in day.voters:
        if (distances := evidence.distances(day, voter, numbers)) is not None:
            logs = (law.log(voter.cast, distance, day.size) for distance in distances)
            shared += math.log(sum(math.exp(log) * n for log, n in zip(logs, numbers.values(), strict=True)) / day.size)
    return shared


class Adversary:
    """Names ballots by hints, each with a weight."""

    def __init__(self, days: Sequence[Day], hints: Sequence[tuple[Hint, float]]) -> None:
        self.hints = hints
        self.laws = [(*hint.law(days), weight) for hint, weight in hints]

    def name(self, day: Day) -> list[int]:
        """Of each voter the position of the ballot that is most likely theirs."""
        ready = [(evidence, law, weight, evidence.numbers(day)) for evidence, law, weight in self.laws]
        named = []
        for voter in day.voters:
            scores = [0.0] * day.size
            for evidence, law, weight, numbers in ready:
                logs = _logs(evidence, law, day, voter, numbers)
                if logs is not None:
                    scores = [score + weight * log for score, log in zip(scores, logs, strict=True)]
            named.append(max(range(day.size), key=scores.__getitem__))
        return named


def ascend(columns: Sequence[Told]) -> list[float]:
    """The weights under which the true ballots are likeliest, found by the best single change again and again."""
    weights = [0.0] * len(columns)
    scores: list[list[float] | None] = [None] * len(columns[0])
    likelihood = -math.inf
    while True:
        changes = [
            (_likelihood(scores, column, weight - weights[number]), number, weight)
            for number, column in enumerate(columns)
            for weight in WEIGHTS
            if weight != weights[number]
        ]
        reached, number, weight = max(changes)
        if reached <= likelihood + WORTH:
            return weights
        likelihood = reached
        scores = [
            _added(score, logs, weight - weights[number])
            for score, (_, logs) in zip(scores, columns[number], strict=True)
        ]
        weights[number] = weight


def _added(score: list[float] | None, logs: list[float] | None, weight: float) -> list[float] | None:
    if logs is None:
        return score
    if score is None:
        return [weight * log for log in logs]
    return [have + weight * log for have, log in zip(score, logs, strict=True)]


def _likelihood(scores: Sequence[list[float] | None], column: Told, weight: float) -> float:
    total = 0.0
    for score, (position, logs) in zip(scores, column, strict=True):
        added = _added(score, logs, weight)
        if added is None:
            total -= UNKNOWN
        else:
            most = max(added)
            total += added[position] - most - math.log(sum(math.exp(each - most) for each in added))
    return total
