"""The registry against the code that it speaks of, both ways."""

import ast
import re
from typing import get_args

import pytest
from fastapi.routing import iter_route_contexts

from observability.telemetry.registry import COMMON_FIELDS, NO_ACTION, Registry, Side, Unregistered, registry
from services.election.contract import Notice, Step
from services.shared.settings import SERVICES
from services.uvote.openapi import unopened_app
from tests.guards.sources import ROOT, sources

LEVELS = {"debug", "info", "warning", "error"}
DROPPED = "uvote_telemetry_dropped"  # counted where things are dropped, by the layer of metrics itself
USED_BY_NAME = {"sampled", "span_kind"}  # of a span, not of one of its attributes
NOTICES = get_args(Notice.model_fields["action"].annotation)


def routes_of(service: str) -> dict[str, set[tuple[str, str]]]:
    """What the application itself serves: methods and address of each action."""
    found: dict[str, set[tuple[str, str]]] = {}
    for route in iter_route_contexts(unopened_app(service).routes):
        methods = route.methods or ()
        found.setdefault(str(route.name), set()).update((method, str(route.path_format)) for method in methods)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_registered_and_every_registered_route_is_served(service: str) -> None:
    registered = {
        route.action: {(method, route.path) for method in route.methods}
        for route in registry().routes[service].values()
    }
    assert registered == routes_of(service)


def transactions_in_code() -> set[tuple[str, str]]:
    found = set()
    for source in sources(ROOT, "services"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and node.args:
                called, at = ast.unparse(node.func), 1 if "acts" in ast.unparse(node.func) else 0
                if re.search(r"[.]transaction$|^(organiser|service|trustee)_acts$", called) and len(node.args) > at:
                    name = node.args[at]
                    if isinstance(name, ast.Constant):
                        found.add((source.folder, str(name.value)))
    return found


def test_every_transaction_is_registered_and_every_registered_one_is_made() -> None:
    owning = ("auth", "voter", "election", "ballot", "result")
    made = {
        (service, name)
        for folder, name in transactions_in_code()
        for service in owning
        if folder in {service, "shared"}
    }
    # A step's and a notice's transaction is named by what is reported.
    made |= {("election", step.value) for step in Step} | {("election", action) for action in NOTICES}
    assert made == {(service, name) for service in owning for name in registry().values("transactions", service)}


def is_line(call: ast.Call) -> bool:
    """Whether a call writes a line: `log.info("event", ...)`."""
    called = call.func
    return isinstance(called, ast.Attribute) and ast.unparse(called.value) == "log" and called.attr in LEVELS


def lines_in_code() -> dict[str, set[str]]:
    """Events and their fields, as they are written in the services."""
    found: dict[str, set[str]] = {}
    for source in sources(ROOT, "services", "observability"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and is_line(node):
                event = node.args[0]
                assert isinstance(event, ast.Constant), f"{source.name}: an event's name is written out"
                found.setdefault(str(event.value), set()).update(str(keyword.arg) for keyword in node.keywords)
    return found


def test_every_line_is_registered_with_its_fields_and_every_registered_one_is_written() -> None:
    registered = {name: set(event.fields) for name, event in registry().events.items()}
    assert lines_in_code() | {"library_warned": {"library"}} == registered  # what libraries say is turned into that one


def declared_in_code() -> dict[str, tuple[str, str, str]]:
    """Metrics as modules declare them: kind, folder, and the name by which they are measured."""
    found = {}
    for source in sources(ROOT, "services", "observability"):
        for node in source.tree.body:
            if isinstance(node, ast.Assign) and isinstance(call := node.value, ast.Call) and call.args:
                kind, name = ast.unparse(call.func), call.args[0]
                if kind in {"counter", "gauge", "histogram"} and isinstance(name, ast.Constant):
                    found[f"{name.value!s} in {source.name}"] = (kind, source.folder, ast.unparse(node.targets[0]))
    return found


def test_every_metric_is_declared_where_it_is_served_and_every_registered_one_is_measured() -> None:
    text = "\n".join((ROOT / source.name).read_text() for source in sources(ROOT, "services", "observability"))
    served: dict[str, set[str]] = {}
    for place, (kind, folder, variable) in declared_in_code().items():
        metric = registry().metrics[place.split(" in ")[0]]
        assert kind == metric.type, place
        assert folder in {*metric.each, "shared", ""}, place
        assert len(re.findall(rf"\b{variable}\b", text)) > 1, f"{place} is not measured"
        served.setdefault(metric.name, set()).update(metric.each if folder in {"shared", ""} else {folder})
    assert served == {name: set(metric.each) for name, metric in registry().metrics.items() if name != DROPPED}


def test_every_set_of_values_every_pattern_and_every_field_is_used() -> None:
    document = registry().document
    told = [each for part in ("labels", "target_labels", "attributes", "fields") for each in document[part].values()]
    named = {each.get("values") for each in told} | {span["names"] for span in document["spans"].values()}
    named |= {name for metric in registry().metrics.values() for name in metric.values.values()}
    assert document["values"].keys() | document["own"].keys() <= named | USED_BY_NAME
    assert document["patterns"].keys() == {each["pattern"] for each in told if "pattern" in each}
    fields = {name for event in registry().events.values() for name in event.fields}
    assert document["fields"].keys() == fields | COMMON_FIELDS


def test_every_field_of_an_event_is_described_on_the_event_s_side() -> None:
    told = registry().document["fields"]
    for event in registry().events.values():
        for name in event.fields:
            assert told[name]["side"] in {"both", event.side or told[name]["side"]}, (event.name, name)
    assert told.keys() >= COMMON_FIELDS


def test_every_label_of_a_metric_is_described_and_every_description_is_used() -> None:
    used = {label for metric in registry().metrics.values() for label in metric.labels}
    assert used <= registry().labels.keys()
    assert registry().labels.keys() - used == {"service"}


def test_only_the_identity_side_has_exemplars() -> None:
    assert {metric.side for metric in registry().metrics.values() if metric.exemplars} == {Side.IDENTITY}


def test_nothing_of_the_ballot_side_that_one_ballot_moves_is_raw() -> None:
    """Ballots move in batches, refusals at ticks; what remains raw is not about single ballots."""
    raw = {
        name for name, metric in registry().metrics.items() if metric.side is Side.BALLOT and metric.resolution == "raw"
    }
    assert raw == set()
    unseen = {route.action for routes in registry().routes.values() for route in routes.values() if route.unseen}
    assert unseen == {"cast_ballot", "look_up_tracker", "read_credential", "report_failure", "report_no_script"}


def test_the_ballot_side_has_no_histogram() -> None:
    assert {metric.side for metric in registry().metrics.values() if metric.type == "histogram"} == {Side.IDENTITY}


def test_a_service_serves_no_metric_that_is_not_its_own() -> None:
    assert registry().metric("uvote_mails", "voter").labels == ("kind", "mail_outcome")
    with pytest.raises(Unregistered):
        registry().metric("uvote_mails", "ballot")
    with pytest.raises(Unregistered):
        registry().metric("uvote_votes_for_option_1", "ballot")


def test_the_combinations_of_a_metric_are_those_of_the_service() -> None:
    metric = registry().metric("uvote_http_requests", "ballot")
    found = set(registry().combinations(metric, "ballot"))
    assert ("read_board", "GET", "2xx") in found
    assert (NO_ACTION, "other", "4xx") in found
    assert not {combination for combination in found if combination[0] == "cast_ballot"}
    assert ("read_board", "POST", "2xx") not in found


def test_a_series_per_election_is_not_there_before_the_election() -> None:
    metric = registry().metric("uvote_ballots_accepted", "ballot")
    assert list(registry().combinations(metric, "ballot")) == []


def test_values_outside_of_the_vocabulary_are_not_admitted() -> None:
    assert registry().labels["reason"].admits("closed")
    assert not registry().labels["reason"].admits("closed by ada@example.org")
    assert registry().fields["trace_id"].admits("0" * 32)
    assert not registry().fields["trace_id"].admits("0" * 32 + "\n")


def test_everything_says_what_it_means_and_how_long_it_is_kept() -> None:
    document = registry().document
    for section in ("metrics", "events"):
        for name, told in document[section].items():
            assert told["meaning"], name
            assert told["retention"], name
    for section in ("labels", "target_labels", "attributes", "fields"):
        assert all(told["meaning"] for told in document[section].values())


def test_patterns_are_those_that_python_re2_and_promql_share() -> None:
    for pattern in registry().document["patterns"].values():
        assert re.fullmatch(r"(\[[^]]+\]|[()?+*{},:0-9A-Za-z-])+", pattern), pattern


def test_a_registry_can_be_read_from_elsewhere() -> None:
    assert Registry.read(ROOT / "observability" / "telemetry.yaml").document == registry().document
