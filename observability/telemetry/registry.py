"""The registry of telemetry, `observability/telemetry.yaml`, as the services and the tests read it.

- What the registry does not name has no place in any series, span or line: to ask for it raises `Unregistered`.
- Every set of label values is closed, or has a pattern; a value outside is not said.
- A route that the registry does not know has no action, and belongs to the side that says less.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self

import yaml

PLACE = Path(__file__).parent.parent / "telemetry.yaml"
NO_ACTION = "none"


class Unregistered(LookupError):
    """Something that the registry does not name."""


class Side(StrEnum):
    """Which side of the wall. What exists on both is said by each for itself."""

    IDENTITY = "identity"
    BALLOT = "ballot"


@dataclass(frozen=True)
class Vocabulary:
    """What a label, an attribute or a field may say: one of `values`, or, without them, what `pattern` matches."""

    meaning: str
    values: frozenset[str] = frozenset()
    pattern: str = ""

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def admits(self, value: str) -> bool:
        """Whether this may be said."""
        if self.values:
            return value in self.values
        return self._expression.fullmatch(value) is not None


@dataclass(frozen=True)
class Route:
    """A route of a service: `quiet` ones make no line and no span, `unseen` ones nothing at all.

    Of `rated` ones, which no organiser asks for, some traces are kept; of the identity side's others all.
    """

    action: str
    side: Side
    methods: tuple[str, ...]
    path: str
    quiet: bool = False
    unseen: bool = False
    rated: bool = False


@dataclass(frozen=True)
class Metric:
    """A family of series. `side` is None for one that both sides have."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    side: Side | None
    each: tuple[str, ...]
    labels: tuple[str, ...]
    resolution: str
    retention: str
    meaning: str
    buckets: tuple[float, ...] = ()
    exemplars: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    ballot_resolution: str = ""

    def resolution_on(self, side: Side) -> str:
        """How finely it may move because of something on this side."""
        return self.ballot_resolution or self.resolution if side is Side.BALLOT else self.resolution

    @property
    def exposed(self) -> tuple[str, ...]:
        """The names of its series in an exposition."""
        if self.type == "histogram":
            return (f"{self.name}_bucket", f"{self.name}_count", f"{self.name}_sum")
        return (f"{self.name}_total",) if self.type == "counter" else (self.name,)


@dataclass(frozen=True)
class Event:
    """A kind of log line with the fields that it may have besides those of every line."""

    name: str
    side: Side | None
    fields: frozenset[str]
    retention: str
    meaning: str
    ticked: bool = False


# Of every line, whatever its event.
COMMON_FIELDS = frozenset({"time", "level", "event", "service", "side", "trace_id", "span_id", "count"})


class Registry:
    """The whole of it. `document` is the parsed file."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.metrics = {name: _metric(name, told) for name, told in document["metrics"].items()}
        self.events = {name: _event(name, told) for name, told in document["events"].items()}
        self.fields = {name: self._vocabulary(told) for name, told in document["fields"].items()}
        self.attributes = {name: self._vocabulary(told) for name, told in document["attributes"].items()}
        self.labels = {name: self._vocabulary(told) for name, told in document["labels"].items()}
        self.target_labels = {name: self._vocabulary(told) for name, told in document["target_labels"].items()}
        self.routes = {
            service: {name: _route(name, told) for name, told in routes.items()}
            for service, routes in document["routes"].items()
        }

    @classmethod
    def read(cls, place: Path = PLACE) -> Self:
        """The registry in a file."""
        document = yaml.load(place.read_text(), _LOADER)  # noqa: S506  # a safe loader, whichever it is
        return cls(document)

    def values(self, name: str, service: str | None = None) -> tuple[str, ...]:
        """A closed set by its name, in the order of the file; of one service where services differ.

        Raises:
            Unregistered: there is no such set.
        """
        if name in {"routes", "transactions"}:
            found = self.document[name]
            services = found if service is None else [service] if service in found else []
            own = dict.fromkeys(value for each in services for value in found[each])
            return (*own, NO_ACTION) if name == "routes" else tuple(own)
        if name == "templates":
            return tuple(
                dict.fromkeys(told["path"] for routes in self.document["routes"].values() for told in routes.values())
            )
        if name == "events":
            return tuple(self.document["events"])
        own = self.document["own"].get(name, {})
        if service in own:
            return tuple(own[service])
        if name not in self.document["values"] and not own:
            raise Unregistered(name)
        return tuple(
            self.document["values"].get(name) or dict.fromkeys(value for each in own.values() for value in each)
        )

    def metric(self, name: str, service: str) -> Metric:
        """A metric that this service may serve; raises Unregistered."""
        metric = self.metrics.get(name)
        if metric is None or service not in metric.each:
            raise Unregistered(name)
        return metric

    def combinations(self, metric: Metric, service: str) -> Iterator[tuple[str, ...]]:
        """All label values that the series of a metric can have in a service; none when a label is open (a pattern)."""
        if metric.name == "uvote_http_requests":
            yield from self._requests(service, metric.labels)
            return
        sets = [self.label_values(metric, label, service) for label in metric.labels]
        if all(values is not None for values in sets):
            yield from product(*(values for values in sets if values is not None))

    def label_values(self, metric: Metric, label: str, service: str) -> tuple[str, ...] | None:
        """What a label of a metric can say in a service; None when it has a pattern instead."""
        told = self.document["labels"][label]
        if "values" not in told:
            return None
        if told["values"] == "routes" and metric.side is not None:
            return tuple(name for name, route in self.routes[service].items() if _is_told(route, metric.side))
        return self.values(metric.values.get(label, told["values"]), service)

    def _requests(self, service: str, labels: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for route in self.routes[service].values():
            methods = () if route.unseen else route.methods
            for method, status in product(methods, self.values("status")):
                given = {"action": route.action, "method": method, "status": status}
                yield tuple(given[label] for label in labels)
        for method, status in product(self.values("method"), self.values("status")):
            given = {"action": NO_ACTION, "method": method, "status": status}
            yield tuple(given[label] for label in labels)

    def _vocabulary(self, told: Mapping[str, Any]) -> Vocabulary:
        if "pattern" in told:
            return Vocabulary(told["meaning"], pattern=self.document["patterns"][told["pattern"]])
        return Vocabulary(told["meaning"], values=frozenset(self.values(told["values"])))


# The C parser reads the file in a tenth of the time, and services are to start quickly.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _is_told(route: Route, side: Side) -> bool:
    return route.side is side and not route.unseen and not route.quiet


def _side(told: str) -> Side | None:
    return None if told == "both" else Side(told)


def _metric(name: str, told: Mapping[str, Any]) -> Metric:
    rest: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Metric(**{**rest, "name": name, "side": _side(told["side"])})


def _event(name: str, told: Mapping[str, Any]) -> Event:
    return Event(**{**told, "name": name, "side": _side(told["side"]), "fields": frozenset(told["fields"])})


def _route(name: str, told: Mapping[str, Any]) -> Route:
    return Route(**{**told, "action": name, "side": Side(told["side"]), "methods": tuple(told["methods"])})


@cache
def registry() -> Registry:
    """The registry of this installation, read once."""
    return Registry.read()
