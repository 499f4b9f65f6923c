"""The registry against what the six real services serve, both ways and in both formats."""

import httpx
import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from observability.telemetry.registry import Metric, registry
from services.shared.settings import SERVICES
from tests.service.harness import System, free_port

TEXT, OPENMETRICS = "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"
PARSERS = {TEXT: parse_text, OPENMETRICS: parse_openmetrics}
# Labels whose values no list holds.
OPEN = {"election", "version", "configuration"}


@pytest.fixture(scope="module")
async def ports(system: System) -> dict[str, int]:
    """All six, just started."""
    ports = {service: free_port() for service in SERVICES}
    for service in SERVICES:
        await system.start(service, metrics_port=ports[service])
    return ports


async def scrape(port: int, form: str) -> str:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": form})
    assert form.partition(";")[0] in answer.headers["content-type"]
    return answer.text


async def samples(port: int, form: str) -> list[Sample]:
    families: list[Family] = list(PARSERS[form](await scrape(port, form)))  # type: ignore[no-untyped-call]  # the library is
    return [sample for family in families for sample in family.samples]


def own(service: str) -> dict[str, Metric]:
    """The metrics of a service by the names of their series."""
    mine = [metric for metric in registry().metrics.values() if service in metric.each]
    return {name: metric for metric in mine for name in metric.exposed}


@pytest.mark.parametrize("form", PARSERS)
@pytest.mark.parametrize("service", SERVICES)
async def test_every_series_is_registered_by_name_label_and_value(
    service: str, form: str, ports: dict[str, int]
) -> None:
    for sample in await samples(ports[service], form):
        metric = own(service)[sample.name]
        bucket = {"le"} if sample.name.endswith("_bucket") else set()
        assert sample.labels.keys() == set(metric.labels) | bucket, sample
        for label in metric.labels:
            values = registry().label_values(metric, label, service)
            told = sample.labels[label]
            assert registry().labels[label].admits(told) if values is None else told in values, sample


@pytest.mark.parametrize("form", PARSERS)
@pytest.mark.parametrize("service", SERVICES)
async def test_every_registered_series_is_there_before_anything_has_happened(
    service: str, form: str, ports: dict[str, int]
) -> None:
    """Those of an election come with its board; nothing else waits for its first event."""
    found = {(sample.name, tuple(sorted(sample.labels.items()))) for sample in await samples(ports[service], form)}
    for name, metric in own(service).items():
        if not set(metric.labels) & OPEN and not name.endswith("_bucket"):
            for values in registry().combinations(metric, service):
                assert (name, tuple(sorted(zip(metric.labels, values, strict=True)))) in found
        elif "election" in metric.labels:
            assert name not in {each for each, _ in found}
        else:
            assert name in {each for each, _ in found}


@pytest.mark.parametrize("form", PARSERS)
@pytest.mark.parametrize("service", SERVICES)
async def test_no_series_gives_away_when_it_was_made_how_large_something_was_or_a_single_ballot(
    service: str, form: str, ports: dict[str, int]
) -> None:
    text = await scrape(ports[service], form)
    assert "_created" not in text
    assert "size" not in text
    for route in registry().routes[service].values():
        if route.unseen:
            assert f'"{route.action}"' not in text


async def test_both_formats_say_the_same(ports: dict[str, int]) -> None:
    for port in ports.values():
        text, open_ = [{sample.name for sample in await samples(port, form)} for form in PARSERS]
        assert text == open_
