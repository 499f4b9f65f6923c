"""`observability/DATA_MAP.md`: the registry of telemetry for people who answer for privacy, not for programs.

Written by `python -m observability.telemetry.data_map`; a test compares it with the registry.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from observability.telemetry.registry import PLACE, Event, Metric, Registry, Side, registry

DATA_MAP = PLACE.parent / "DATA_MAP.md"
SIDES = (Side.IDENTITY, Side.BALLOT)
TITLES = {Side.IDENTITY: "The identity side", Side.BALLOT: "The ballot side"}
LONGEST_LIST = 12
NOTHING = "-"
UNITS = {"h": "hours", "d": "days", "y": "years"}

INTRODUCTION = """\
# What this system says about itself

This page is made from [`telemetry.yaml`](telemetry.yaml) by `python -m observability.telemetry.data_map`. What that
file does not name does not leave a process; collector, Loki and Prometheus let pass only what it names as well.

It is for those who answer for privacy. It says what is measured, written and traced while people vote: why, how finely,
how long it is kept and who can see it. What the services store to do their work (rolls, ballots, audit logs) is not its
subject.

In short:

* Everything is said by one of two sides. One serves organisers and sends mails, and never knows a ballot; the other
  takes ballots, and never knows whose. They share no trace, no number of a request and no store of lines.
* A vote that succeeds leaves no line and no trace, and moves no count by itself: turnout moves when ten more voters
  have voted, at most once in thirty seconds. A vote that fails is counted by its reason, once in ten seconds.
* The board of an election is public and grows while people vote. Whoever watches it, and knows from elsewhere when
  somebody voted, can find that person's encrypted ballot. What is listed here adds nothing to that."""


def render(registered: Registry) -> str:
    """The page."""
    document = registered.document
    parts = [INTRODUCTION, _never(document), _sides(document), _resolutions(document)]
    for side in SIDES:
        parts += [
            f"## {TITLES[side]}\n\n{_sentence(document['sides'][side]['meaning'])}",
            *_measurements(registered, side),
            _lines(registered, side),
            _spans(document, side),
        ]
    parts += [_requests(registered), _words(registered), _sinks(document)]
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    rule = ["---"] * len(lines[0])
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _time(told: str) -> str:
    """How long something is kept, in words."""
    number, unit = told[:-1], told[-1:]
    return f"{number} {UNITS[unit]}" if number.isdigit() else told


def _is_of(told: Mapping[str, Any], side: Side) -> bool:
    return told["side"] in {side, "both"}


def _never(document: Mapping[str, Any]) -> str:
    return "## What is never said\n\n" + "\n".join(f"* {each}" for each in document["never"])


def _sides(document: Mapping[str, Any]) -> str:
    rows = [(f"**{name}**", told["meaning"], told["seen_by"]) for name, told in document["sides"].items()]
    note = (
        "Lines and traces of each side are in a store of their own, with access of its own. Numbers of both sides are "
        "in one store: they name no person and no ballot. Organisers see none of it, only the pages of their elections."
    )
    return f"## Two sides\n\n{_table(('Side', 'What belongs to it', 'Who can see it'), rows)}\n\n{note}"


def _resolutions(document: Mapping[str, Any]) -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in document["resolutions"].items()]
    return f"## How finely numbers move\n\n{_table(('Word', 'The number moves'), rows)}"


def _measurements(registered: Registry, side: Side) -> list[str]:
    parts = ["### What is counted and measured"]
    for purpose in registered.document["purposes"].values():
        metrics = [registered.metrics[name] for name in purpose["metrics"]]
        rows = [_measurement(metric, side) for metric in metrics if metric.side in {side, None}]
        if rows:
            head = ("What", "Told apart by", "Moves", "Kept", "Name")
            parts.append(f"**{_sentence(purpose['meaning'])[:-1]}**\n\n{_table(head, rows)}")
    return parts


def _measurement(metric: Metric, side: Side) -> tuple[str, ...]:
    apart = ", ".join(label.replace("_", " ") for label in metric.labels if label != "side") or NOTHING
    return metric.meaning, apart, f"`{metric.resolution_on(side)}`", _time(metric.retention), f"`{metric.name}`"


def _lines(registered: Registry, side: Side) -> str:
    told = [event for event in registered.events.values() if event.side in {side, None}]
    common = [name for name in ("time", "level", "service", "trace_id", "span_id") if _of_line(registered, name, side)]
    head = ("What a line says", "What it names besides", "How often", "Kept", "Event")
    table = _table(head, (_line(event, side) for event in told))
    return f"### What is written\n\nEvery line names {', '.join(common)} where there is one.\n\n{table}"


def _of_line(registered: Registry, name: str, side: Side) -> bool:
    return _is_of(registered.document["fields"][name], side)


def _line(event: Event, side: Side) -> tuple[str, ...]:
    often = "once in ten seconds, with a number" if event.ticked and side is Side.BALLOT else "each time"
    return event.meaning, ", ".join(sorted(event.fields)) or NOTHING, often, _time(event.retention), f"`{event.name}`"


def _spans(document: Mapping[str, Any], side: Side) -> str:
    told = [each for each in document["spans"].values() if _is_of(each, side)]
    spans = [(each["meaning"], each["sampled"], _time(each["retention"])) for each in told]
    named = [(name, each) for name, each in document["attributes"].items() if _is_of(each, side)]
    attributes = [(f"`{name}`", each["meaning"]) for name, each in named]
    return "\n\n".join(
        (
            "### What is traced",
            _table(("Span", "Which are kept", "Kept for"), spans),
            _table(("A span may name", "That is"), attributes),
        )
    )


def _requests(registered: Registry) -> str:
    rows = []
    for service, routes in registered.routes.items():
        unseen = sorted(route.action for route in routes.values() if route.unseen)
        of_side = {side: sum(route.side is side and not route.unseen for route in routes.values()) for side in SIDES}
        counts = [str(of_side[side]) if of_side[side] else NOTHING for side in SIDES]
        rows.append((service, *counts, ", ".join(f"`{action}`" for action in unseen) or NOTHING))
    head = ("Service", "Counted on the identity side", "Counted on the ballot side", "Not seen at all")
    note = "A request is counted by the name of what was asked for, never by its address. Some are not seen at all:"
    return f"## Requests\n\n{note} each would be one voter.\n\n{_table(head, rows)}"


def _words(registered: Registry) -> str:
    labels = registered.document["labels"]
    used = {label for metric in registered.metrics.values() for label in metric.labels}
    rows = [(name.replace("_", " "), labels[name]["meaning"], _vocabulary(registered, name)) for name in sorted(used)]
    note = (
        "By what numbers are told apart. Each word is on a list, or has a form that leaves no room for anything else."
    )
    return f"## Words\n\n{note}\n\n{_table(('Told apart by', 'That is', 'It may be'), rows)}"


def _vocabulary(registered: Registry, label: str) -> str:
    told = registered.document["labels"][label]
    if "pattern" in told:
        return f"what has the form `{registered.document['patterns'][told['pattern']]}`"
    sets = {
        metric.values.get(label, told["values"]) for metric in registered.metrics.values() if label in metric.labels
    }
    words = list(dict.fromkeys(word for name in sorted(sets) for word in registered.values(name)))
    if len(words) > LONGEST_LIST:
        return f"one of {len(words)} words: {', '.join(words[:4])} …"
    return ", ".join(words)


def _sinks(document: Mapping[str, Any]) -> str:
    rows = [
        (name.replace("_", " "), told["side"], told["content"], _time(told["retention"]))
        for name, told in document["sinks"].items()
    ]
    note = "What else hears of the system, outside its own code, and what it is let hear."
    return f"## Other places\n\n{note}\n\n{_table(('Place', 'Side', 'What it holds', 'Kept'), rows)}"


if __name__ == "__main__":
    DATA_MAP.write_text(render(registry()))
