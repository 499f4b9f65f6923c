"""What a dashboard consists of, in the words of those who look at it; `rendering` makes Grafana's JSON of it.

Promises, which tests keep:

- A panel says in its description what it shows, what it cannot show, and what each colour asks one to do.
- A panel declares a fact: a change in the world, and how its value moves then. Tests make the change.
- From every panel a link leads on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Kind = Literal["stat", "timeseries", "bargauge", "state-timeline", "table", "logs", "traces"]
# What the tests do to a real system, in the order in which they do it.
Change = Literal[
    "an election opens",
    "voters vote",
    "ballots are refused",
    "a proof is forged",
    "browsers fail",
    "sign-ins fail",
    "tokens are forged",
    "an organiser works",
    "a crowd comes",
    "voting is paused",
    "a mail is refused",
    "the mail server is gone",
    "a stranger is scraped",
    "a service stops",
    "a service starts otherwise",
    "the database stops",
    "a board is falsified",
    "the election closes",
    "the counting goes on",
    "Loki refuses a line",
    "Loki is gone",
    "the collector is gone",
]
WIDTH = 24  # of Grafana's grid


class Source(Enum):
    """A data source as the dashboards' variables name it: its type, the variable, its uid where it is provisioned."""

    METRICS = ("prometheus", "metrics", "prometheus")
    IDENTITY_LINES = ("loki", "identity_lines", "loki_identity")
    BALLOT_LINES = ("loki", "ballot_lines", "loki_ballot")
    IDENTITY_TRACES = ("tempo", "identity_traces", "tempo_identity")
    BALLOT_TRACES = ("tempo", "ballot_traces", "tempo_ballot")

    @property
    def type(self) -> str:
        """What kind of server it is."""
        return self.value[0]

    @property
    def variable(self) -> str:
        """The variable that chooses it."""
        return self.value[1]

    @property
    def uid(self) -> str:
        """The one that is chosen at first."""
        return self.value[2]


@dataclass(frozen=True)
class Query:
    """One question to a source. `legend` names its series; exemplars lead from a point to its trace."""

    text: str
    legend: str = ""
    source: Source = Source.METRICS
    exemplars: bool = False


@dataclass(frozen=True)
class Step:
    """From this value on the colour, because of the meaning, which the description repeats."""

    value: float
    colour: str
    meaning: str


@dataclass(frozen=True)
class Link:
    """Where to look next. `of_value` links belong to one series or point and may use its labels."""

    title: str
    url: str
    of_value: bool = False


@dataclass(frozen=True)
class Fact:
    """What must happen to the panel's value (the sum of its first query's series; of lines and traces their number).

    `change` is made by the tests on real servers; then the value moves up or down, if need be beyond a number.
    """

    change: Change
    moves: Literal["up", "down"]
    beyond: float | None = None


@dataclass(frozen=True)
class Panel:
    """One picture. `words` replace numbers by words with a colour; `empty` says what it means that nothing is there."""

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...]
    fact: Fact
    links: tuple[Link, ...]
    unit: str = "none"
    width: int = 8
    base: str = "green"
    steps: tuple[Step, ...] = ()
    words: Mapping[int, tuple[str, str]] | None = None
    empty: str = ""
    decimals: int | None = None
    most: float | None = None

    @property
    def full_description(self) -> str:
        """The description with the meaning of its colours."""
        meanings = [f"{step.colour.capitalize()} from {step.value:g}: {step.meaning}" for step in self.steps]
        return "\n\n".join([self.description, *meanings])


@dataclass(frozen=True)
class Choice:
    """A variable that the reader sets; its values come from a question to Prometheus."""

    name: str
    label: str
    question: str
    pattern: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened, drawn over all graphs."""

    name: str
    colour: str
    query: Query
    title: str
    fact: Fact


@dataclass(frozen=True)
class Row:
    """Panels side by side; their widths fill the grid."""

    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A page. Its rows stand in the order of their importance."""

    uid: str
    title: str
    description: str
    since: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()
    marks: tuple[Mark, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them, in reading order."""
        return tuple(panel for row in self.rows for panel in row.panels)
