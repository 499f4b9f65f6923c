"""What a service measures: only what is registered, from 0 on, without the time at which a series was made."""

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from observability.telemetry.metrics import Metrics, counter, gauge, histogram, measuring, serve_metrics_of
from observability.telemetry.registry import Unregistered, registry
from services.shared.settings import SERVICES

UUID = "2" * 20


def in_openmetrics(metrics: Metrics) -> bytes:
    text: bytes = openmetrics.generate_latest(metrics.collectors)  # type: ignore[no-untyped-call]  # the library's fault
    return text


def exposed(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = generate_latest(metrics.collectors).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


@pytest.mark.parametrize("service", SERVICES)
def test_every_closed_combination_is_there_from_the_start_at_0(service: str) -> None:
    metrics = Metrics(registry(), service)
    found = exposed(metrics)
    assert set(found.values()) == {0.0}
    for metric in registry().metrics.values():
        if service in metric.each:
            for values in registry().combinations(metric, service):
                labels = frozenset(zip(metric.labels, values, strict=True))
                name = f"{metric.name}_count" if metric.type == "histogram" else metric.exposed[0]
                assert (name, labels) in found


@pytest.mark.parametrize("service", SERVICES)
def test_only_registered_series_are_served_and_none_tells_when_it_was_made(service: str) -> None:
    metrics = Metrics(registry(), service)
    registered = {name for metric in registry().metrics.values() if service in metric.each for name in metric.exposed}
    assert {name for name, _ in exposed(metrics)} <= registered
    assert b"_created" not in generate_latest(metrics.collectors) + in_openmetrics(metrics)


def test_an_unregistered_name_cannot_be_declared() -> None:
    for declare in (counter, gauge, histogram):
        with pytest.raises(Unregistered):
            declare("uvote_votes_by_option")
    with pytest.raises(Unregistered):
        gauge("uvote_sign_ins")


@pytest.mark.parametrize("labels", [{"outcome": "ada@example.org"}, {}, {"outcome": "done", "address": "x"}])
def test_unregistered_labels_and_values_are_an_error_in_tests(labels: dict[str, str]) -> None:
    with measuring("auth"), pytest.raises(Unregistered):
        counter("uvote_sign_ins").add(**labels)


def test_in_use_unregistered_values_are_counted_and_not_said() -> None:
    metrics = Metrics(registry(), "auth")
    serve_metrics_of(metrics)
    try:
        counter("uvote_sign_ins").add(outcome="ada@example.org")
    finally:
        serve_metrics_of(None)
    found = exposed(metrics)
    assert b"ada" not in generate_latest(metrics.collectors)
    dropped = frozenset({"sink": "metrics", "drop": "unregistered_value"}.items())
    assert found["uvote_telemetry_dropped_total", dropped] == 1


def test_a_measurement_of_another_service_s_metric_is_refused() -> None:
    with measuring("ballot"), pytest.raises(Unregistered):
        counter("uvote_sign_ins").add(outcome="done")


def test_a_series_per_election_comes_and_goes_with_the_election() -> None:
    voted = gauge("uvote_credentials_voted")
    with measuring("ballot") as metrics:
        voted.set(20, election=UUID, election_class="real")
        assert (
            exposed(metrics)["uvote_credentials_voted", frozenset({"election": UUID, "election_class": "real"}.items())]
            == 20
        )
        voted.forget(election=UUID, election_class="real")
        assert UUID.encode() not in generate_latest(metrics.collectors)
        with pytest.raises(Unregistered):
            voted.set(20, election="not a uuid", election_class="real")


def test_exemplars_are_served_where_they_are_registered() -> None:
    with measuring("voter") as metrics:
        histogram("uvote_http_request_duration_seconds").observe(
            0.2, action="read_roll", exemplar={"trace_id": "ab" * 16}
        )
        assert b'trace_id="' + b"ab" * 16 in in_openmetrics(metrics)


def test_outside_of_a_process_a_measurement_goes_nowhere() -> None:
    counter("uvote_sign_ins").add(outcome="done")
