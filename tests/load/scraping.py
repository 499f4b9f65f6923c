"""What being looked at costs a service that speaks of 20 elections, in either format: processor time of one scrape."""

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from observability.telemetry.metrics import Metrics
from observability.telemetry.registry import Metric, registry
from services.shared.settings import SERVICES
from services.voting.election import generate_uuid

Row = dict[str, Any]
ELECTIONS = 20
ROUNDS = 50
GOAL_MS = 10
FORMATS: dict[str, Callable[[Any], bytes]] = {"text": generate_latest, "OpenMetrics": openmetrics.generate_latest}


def scraping() -> list[Row]:
    """The rows of the table: the dearest service in each format."""
    costs = {form: {name: _cost_ms(_speaking(name), render) for name in SERVICES} for form, render in FORMATS.items()}
    return [_row(form, *max(of_services.items(), key=lambda item: item[1])) for form, of_services in costs.items()]


def _row(form: str, service: str, milliseconds: float) -> Row:
    name = f"processor time of one scrape, {form}, {ELECTIONS} elections, of the dearest service ({service})"
    return {
        "name": name,
        "value": milliseconds,
        "unit": "ms",
        "goal": f"<= {GOAL_MS}",
        "met": milliseconds <= GOAL_MS,
    }


def _speaking(service: str) -> Metrics:
    """The series of a service, with those of all its elections."""
    metrics = Metrics(registry(), service, strict=True)
    uuids = [generate_uuid() for _ in range(ELECTIONS)]
    for metric in registry().metrics.values():
        if service in metric.each and "election" in metric.labels:
            for labels in _combinations(metric, service, uuids):
                metrics.find(metric, labels)
    return metrics


def _combinations(metric: Metric, service: str, uuids: list[str]) -> Iterator[dict[str, str]]:
    others = [label for label in metric.labels if label not in {"election", "election_class"}]
    values = [registry().label_values(metric, label, service) or () for label in others]
    for uuid, given in product(uuids, product(*values)):
        yield {"election": uuid, "election_class": "real", **dict(zip(others, given, strict=True))}


def _cost_ms(metrics: Metrics, render: Callable[[Any], bytes]) -> float:
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        render(metrics.collectors)
        rounds.append(time.process_time() - began)
    return 1000 * statistics.median(rounds)
