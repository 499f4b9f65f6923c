"""Which names a query uses: enough of PromQL, LogQL and TraceQL to find them, not to judge the rest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*\{([^{}]*)\}")
MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
NAME = re.compile(r"(?<![\w$.])([a-zA-Z_:][a-zA-Z0-9_:]*)\b(?!\s*\()")
DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
WORDS = {"or", "and", "unless", "bool", "by", "without", "on", "ignoring", "group_left", "group_right", "offset"}


@dataclass(frozen=True)
class Matcher:
    """What a query asks of a label; `metric` is empty where it stands without one."""

    metric: str
    label: str
    values: tuple[str, ...]


def matchers(promql: str) -> Iterator[Matcher]:
    for metric, inside in SELECTOR.findall(promql):
        for label, _, value in MATCHER.findall(inside):
            yield Matcher("" if metric in WORDS else metric, label, tuple(value[1:-1].split("|")))


def grouped_labels(promql: str) -> set[str]:
    """Labels that it groups by."""
    return {label.strip() for inside in GROUPING.findall(promql) for label in inside.split(",") if label.strip()}


def outer_labels(promql: str) -> set[str]:
    """Labels of its answer: those of the outermost grouping, which stands first."""
    found = GROUPING.search(promql)
    return {label.strip() for label in found[1].split(",")} if found else set()


def metrics(promql: str) -> set[str]:
    """Names of series."""
    bare = GROUPING.sub(" ", DURATION.sub(" ", SELECTOR.sub(r" \1 ", promql)))
    return {name for name in NAME.findall(STRING.sub(" ", bare)) if name not in WORDS}


def line_fields(logql: str) -> set[str]:
    """Labels and fields that a query for lines uses, in conditions and in templates."""
    selected = {matcher.label for matcher in matchers(logql)}
    asked = set(re.findall(r"\|\s*(\w+)\s*(?:=~|!~|!=|=)\s*[`\"]", logql))
    return selected | asked | set(re.findall(r"\{\{\.(\w+)\}\}", logql)) | grouped_labels(logql)


def span_attributes(traceql: str) -> set[str]:
    return set(re.findall(r"(?:span|resource)\.([\w.]+)", traceql))
