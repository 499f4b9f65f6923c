"""The dashboards are what their generator says, ask only for what is registered, and leave nobody without a way on.

* Generating them again gives the same files.
* A panel has a title, a description, a unit, thresholds whose meaning it says, a link onward, and a fact.
* Every series, label, label value, field and attribute that they ask for is in the registry, or is one of the servers'.
* Every link leads to a dashboard that there is, with variables that it has, or to a query that passes the same tests.
"""

import json
import re
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from dashboards.generate.dashboards import ALL
from dashboards.generate.describing import WIDTH, Change, Panel, Source
from dashboards.generate.rendering import rendered
from observability.telemetry.registry import registry
from tests.guards.dashboard_queries import of_type
from tests.guards.queries import grouped_labels, line_fields, matchers, metrics, outer_labels, span_attributes
from tests.guards.sources import ROOT

PLACE = ROOT / "dashboards"
# What Prometheus itself adds for each target, and what Tempo pushes.
OF_SCRAPES = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling"}
OF_TRACES = {"traces_service_graph_request_total": {"client", "server", "side"}}
OF_SERVERS = {"exporter", "data_type"}
SERVERS = {"prometheus", "alertmanager", "loki", "tempo", "otelcol"}
NAMED = [(f"{page.uid}: {panel.title}", panel) for page in ALL for panel in page.panels]
PANELS = [pytest.param(panel, id=name) for name, panel in NAMED]
OF_NUMBERS = [pytest.param(panel, id=name) for name, panel in NAMED if panel.kind not in {"logs", "traces"}]
EXPOSED = {name: metric for metric in registry().metrics.values() for name in metric.exposed}
DOCUMENTS: dict[str, dict[str, Any]] = {page.uid: json.loads(rendered(page, ALL)) for page in ALL}


def kept_of_servers() -> str:
    """What Prometheus keeps of the servers, as its configuration says."""
    told = yaml.safe_load((ROOT / "observability/prometheus/prometheus.yml").read_text())
    (job,) = (each for each in told["scrape_configs"] if each["job_name"] == "stack")
    return str(job["metric_relabel_configs"][0]["regex"])


def test_generating_gives_the_committed_files() -> None:
    """Run `./taskw dashboards` and commit what it writes."""
    committed = {path.stem: path.read_text() for path in PLACE.glob("*.json")}
    assert committed == {page.uid: rendered(page, ALL) for page in ALL}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_and_what_its_colours_mean(panel: Panel) -> None:
    assert 3 < len(panel.title) <= 64
    assert len(panel.description) > 10
    assert panel.links
    for step in panel.steps:
        assert len(step.meaning) > 5
        assert step.meaning in panel.full_description


@pytest.mark.parametrize("panel", OF_NUMBERS)
def test_a_panel_of_numbers_has_a_unit_and_thresholds(panel: Panel) -> None:
    assert panel.unit
    assert panel.steps
    values = [step.value for step in panel.steps]
    assert values == sorted(set(values))


@pytest.mark.parametrize("panel", PANELS)
def test_nothing_is_made_up_where_a_series_is_missing(panel: Panel) -> None:
    """A zero that stands for a missing series would hide that nobody measures."""
    assert not any("vector(" in query.text or "absent" in query.text for query in panel.queries)


def test_ids_are_unique_and_nothing_overlaps() -> None:
    for document in DOCUMENTS.values():
        ids = [panel["id"] for panel in document["panels"]]
        assert len(ids) == len(set(ids))
        covered = [cell for panel in document["panels"] for cell in cells(panel["gridPos"])]
        assert len(covered) == len(set(covered))
        assert all(x < WIDTH for x, _ in covered)


def cells(place: dict[str, int]) -> list[tuple[int, int]]:
    return [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]


def test_a_dashboard_is_one_of_provisioning() -> None:
    """Data sources are variables, so that the same file fits everywhere; nothing is asked at an import."""
    for uid, document in DOCUMENTS.items():
        assert document["uid"] == uid
        assert "__inputs" not in document
        names = {f"${{{each['name']}}}" for each in document["templating"]["list"] if each["type"] == "datasource"}
        used = set(
            re.findall(r'"uid": "([^"]+)"', json.dumps({key: document[key] for key in ("panels", "annotations")}))
        )
        assert used <= names | {"-- Mixed --"}


def test_the_provisioned_sources_are_those_that_the_dashboards_choose() -> None:
    told = yaml.safe_load((ROOT / "observability/grafana/provisioning/datasources/datasources.yaml").read_text())
    provisioned = {source["uid"]: (source["type"], source["name"]) for source in told["datasources"]}
    for source in Source:
        kind, name = provisioned[source.uid]
        assert kind == source.type
        assert source.uid.partition("_")[2] in name


@pytest.mark.parametrize("promql", of_type("prometheus"))
def test_every_series_is_registered_and_kept(promql: str) -> None:
    for name in metrics(promql):
        assert name in EXPOSED or name in OF_SCRAPES or name in OF_TRACES or re.fullmatch(kept_of_servers(), name), name


@pytest.mark.parametrize("promql", of_type("prometheus"))
def test_every_label_is_one_of_its_series(promql: str) -> None:
    for matcher in matchers(promql):
        if matcher.metric in EXPOSED:
            assert matcher.label in {*EXPOSED[matcher.metric].labels, *registry().target_labels}, matcher
    known = set(registry().labels) | set(registry().target_labels) | OF_SERVERS | {"le", "client", "server"}
    assert grouped_labels(promql) <= known


@pytest.mark.parametrize("promql", of_type("prometheus"))
def test_every_label_value_is_one_that_there_can_be(promql: str) -> None:
    for matcher in matchers(promql):
        if matcher.label == "__name__":
            assert all(re.fullmatch(kept_of_servers(), value.removesuffix("(_total)?")) for value in matcher.values)
            continue
        for value in matcher.values:
            assert "$" in value or value in possible_values(matcher.metric, matcher.label), (matcher, value)


def possible_values(metric: str, label: str) -> set[str]:
    if label == "job":
        return set(registry().values("service")) | SERVERS
    told = registry()
    sets = [told.label_values(EXPOSED[metric], label, service) for service in EXPOSED[metric].each]
    return {value for values in sets if values for value in values}


@pytest.mark.parametrize("logql", of_type("loki"))
def test_every_field_of_a_line_is_registered(logql: str) -> None:
    assert line_fields(logql) <= set(registry().fields) | {"service_name"}


@pytest.mark.parametrize("traceql", of_type("tempo"))
def test_every_attribute_of_a_span_is_registered(traceql: str) -> None:
    assert span_attributes(traceql) <= set(registry().attributes)


@pytest.mark.parametrize("panel", PANELS)
def test_a_link_leads_to_a_dashboard_that_has_these_variables(panel: Panel) -> None:
    """Links to Explore are tested as queries."""
    for link in panel.links:
        parts = urlsplit(link.url)
        if parts.path == "/explore":
            continue
        assert parts.path.startswith("/d/"), link
        page = DOCUMENTS[parts.path.removeprefix("/d/")]
        asked = set(re.findall(r"var-(\w+)=", parts.query))
        assert asked <= {variable["name"] for variable in page["templating"]["list"]}


@pytest.mark.parametrize("panel", PANELS)
def test_a_link_uses_labels_that_its_panel_has(panel: Panel) -> None:
    """Where the series of a panel differ in labels, as in one query of two, the link serves those that have it."""
    for link in panel.links:
        for label in re.findall(r"\$\{__field\.labels\.(\w+)\}", unquote(link.url) + link.title):
            assert link.of_value
            assert any(label in outer_labels(query.text) for query in panel.queries), (link, label)


def test_from_every_dashboard_one_gets_to_every_other() -> None:
    for uid, document in DOCUMENTS.items():
        assert {link["url"] for link in document["links"]} == {f"/d/{other}" for other in DOCUMENTS if other != uid}


def test_every_change_of_the_world_moves_something() -> None:
    facts = {panel.fact.change for page in ALL for panel in page.panels}
    assert facts == set(get_args(Change))
