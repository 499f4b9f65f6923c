"""Metrics: each is declared in the registry, and a process serves those of its service and no others.

- A name that is not registered cannot be declared; labels and values outside of the registry are counted, not said.
- Every combination of closed label values is there from the start, at 0, so that no series is born with an event.
- No series tells when it was made (`_created`).
- A counter moves as finely as its registered resolution says, whoever adds to it.
- Outside of a service's process a measurement goes nowhere.

A module declares what it measures, and measures with one line:

    sign_ins = counter("uvote_sign_ins")
    sign_ins.add(outcome="refused")
"""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from observability.telemetry.registry import Metric, Registry, Unregistered, registry
from observability.telemetry.side import side_of_work, work_for
from observability.telemetry.ticks import MANY, Clock, TickedCounts

Child = prometheus_client.Counter | prometheus_client.Gauge | prometheus_client.Histogram
Wanted = TypeVar("Wanted", bound=MetricWrapperBase)

EXACT = "tick 10s"
TENS = "tens 30s"


class _Turning:
    """A collector without series of its own: whoever scrapes finds the last tick's end."""

    def __init__(self, counts: Iterable[TickedCounts]) -> None:
        self.counts = list(counts)

    def collect(self) -> list[prometheus_client.Metric]:
        """Called before the series are read."""
        for each in self.counts:
            each.look()
        return []


def _show(child: Hashable, amount: float) -> None:
    assert isinstance(child, prometheus_client.Counter)
    child.inc(amount)


class Metrics:
    """The series of one service's process. `strict` raises where a process in use counts and goes on."""

    def __init__(self, registered: Registry, service: str, *, strict: bool = False, clock: Clock = time.time) -> None:
        self.registry = registered
        self.service = service
        self.strict = strict
        self.ticked = {
            EXACT: TickedCounts(_show, clock, part=1 / 3),
            TENS: TickedCounts(_show, clock, step=MANY),
        }
        self.collectors = CollectorRegistry()
        self.collectors.register(_Turning(self.ticked.values()))  # first, as they are read in this order
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's fault
        own = [metric for metric in registered.metrics.values() if service in metric.each]
        self.families = {metric.name: self._family(metric) for metric in own}
        self.children: dict[tuple[str, tuple[str, ...]], Child] = {}
        for metric in own:
            for values in registered.combinations(metric, service):
                self._make(metric, values)

    def _family(self, metric: Metric) -> Child:
        if metric.type == "histogram":
            return prometheus_client.Histogram(
                metric.name, metric.meaning, metric.labels, registry=self.collectors, buckets=metric.buckets
            )
        kind = prometheus_client.Counter if metric.type == "counter" else prometheus_client.Gauge
        return kind(metric.name, metric.meaning, metric.labels, registry=self.collectors)

    def _make(self, metric: Metric, values: tuple[str, ...]) -> Child:
        family = self.families[metric.name]
        child: Child = family.labels(*values) if values else family
        self.children[metric.name, values] = child
        return child

    def find(self, metric: Metric, labels: Mapping[str, str]) -> Child | None:
        """The series with these labels; None, and counted, when the registry does not admit them here."""
        try:
            return self._find(metric, labels)
        except Unregistered:
            if self.strict:
                raise
            self.count_drop("metrics", "unregistered_value")
            return None

    def _find(self, metric: Metric, labels: Mapping[str, str]) -> Child:
        if labels.keys() != set(metric.labels):
            raise Unregistered(f"{metric.name}: {sorted(labels)}")
        values = tuple(labels[label] for label in metric.labels)
        child = self.children.get((metric.name, values))
        if child is None:
            if metric.name not in self.families:
                raise Unregistered(f"{metric.name} in {self.service}")
            self._require_open(metric, labels)
            child = self._make(metric, values)
        return child

    def _require_open(self, metric: Metric, labels: Mapping[str, str]) -> None:
        """Raises Unregistered unless this new combination is one that a pattern admits."""
        sets = {label: self.registry.label_values(metric, label, self.service) for label in labels}
        if all(values is not None for values in sets.values()):
            raise Unregistered(f"{metric.name}: {dict(labels)}")
        for label, values in sets.items():
            if not (self.registry.labels[label].admits(labels[label]) if values is None else labels[label] in values):
                raise Unregistered(f"{metric.name}: {label}")

    def forget(self, metric: Metric, labels: Mapping[str, str]) -> None:
        """Takes a series away, because what it is about is no more."""
        values = tuple(labels[label] for label in metric.labels)
        if self.children.pop((metric.name, values), None) is not None:
            self.families[metric.name].remove(*values)

    def count_drop(self, sink: str, drop: str) -> None:
        """One thing more that was not said."""
        child = self.children["uvote_telemetry_dropped", (sink, drop)]
        assert isinstance(child, prometheus_client.Counter)
        child.inc()


_process: Metrics | None = None


def serve_metrics_of(metrics: Metrics | None) -> None:
    """From here on this process measures into these series; None: into nothing."""
    global _process  # noqa: PLW0603  # a process is one service
    _process = metrics


@contextmanager
def measuring(service: str, clock: Clock = time.time) -> Iterator[Metrics]:
    """For tests: what is measured in the block, strictly."""
    before, metrics = _process, Metrics(registry(), service, strict=True, clock=clock)
    serve_metrics_of(metrics)
    work_for(service)
    try:
        yield metrics
    finally:
        serve_metrics_of(before)


class _Measure:
    """What is common to the three kinds."""

    kind: str

    def __init__(self, name: str) -> None:
        found = registry().metrics.get(name)
        if found is None or found.type != self.kind:
            raise Unregistered(f"{self.kind} {name}")
        self.metric = found

    def _child(self, kind: type[Wanted], labels: Mapping[str, str]) -> Wanted | None:
        child = None if _process is None else _process.find(self.metric, labels)
        if child is None:
            return None
        assert isinstance(child, kind)
        return child


class counter(_Measure):  # noqa: N801  # reads as a declaration
    """A counter of the registry."""

    kind = "counter"

    def add(self, amount: float = 1, /, **labels: str) -> None:
        """That much more, shown when the registry says."""
        self.add_at(self.metric.resolution_on(side_of_work()), amount, **labels)

    def add_at(self, resolution: str, amount: float = 1, /, **labels: str) -> None:
        """That much more, shown at a resolution that depends on what it is."""
        if child := self._child(prometheus_client.Counter, labels):
            assert _process is not None  # it has the series
            ticked = _process.ticked.get(resolution)
            if ticked is None:
                child.inc(amount)
            else:
                ticked.add(child, amount)


class gauge(_Measure):  # noqa: N801  # reads as a declaration
    """A gauge of the registry."""

    kind = "gauge"

    def set(self, value: float, /, **labels: str) -> None:
        """The state from now on."""
        if child := self._child(prometheus_client.Gauge, labels):
            child.set(value)

    def read_by(self, read: Callable[[], float], /, **labels: str) -> None:
        """The state is what `read` says when somebody looks, from another thread."""
        if child := self._child(prometheus_client.Gauge, labels):
            child.set_function(read)

    def forget(self, **labels: str) -> None:
        """The series is no more."""
        if _process is not None:
            _process.forget(self.metric, labels)


class histogram(_Measure):  # noqa: N801  # reads as a declaration
    """A histogram of the registry."""

    kind = "histogram"

    def observe(self, value: float, /, *, exemplar: Mapping[str, str] | None = None, **labels: str) -> None:
        """One value more; an exemplar only where the registry allows it."""
        if child := self._child(prometheus_client.Histogram, labels):
            child.observe(value, dict(exemplar) if exemplar and self.metric.exemplars else None)
