"""The servers' configuration says what the registry of telemetry says, and keeps the two sides apart.

* The collector and Prometheus let through exactly what the registry names.
* No pipeline of the collector joins two sides, and each hands on to its own side's tenant.
* Nothing is kept longer than the registry allows.
* Compose mounts files that exist, and images have fixed versions. A cluster gets the same files.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from observability.telemetry.registry import registry
from services.uvote.installation import METRICS_PORTS
from services.uvote.stack_servers import MEMORY_MIB, Ports, lay_out
from tests.guards.sources import ROOT

PLACE = ROOT / "observability"
SIDES = ("identity", "ballot")
DAYS = re.compile(r"(\d+)(d|h)")


def read(name: str) -> Any:
    return yaml.load((PLACE / name).read_text(), Strict)  # noqa: S506  # a safe loader


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, as the servers do."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002  # as it is declared there
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"{keys}{node.start_mark}"
        return super().construct_mapping(node, deep)


def of_side(section: str, side: str) -> set[str]:
    told = registry().document[section]
    return {name for name, about in told.items() if about["side"] in {side, "both"}}


def job(name: str) -> dict[str, Any]:
    (found,) = (each for each in read("prometheus/prometheus.yml")["scrape_configs"] if each["job_name"] == name)
    return dict(found)


def relabelled(action: str) -> set[str]:
    (rule,) = (each for each in job("uvote")["metric_relabel_configs"] if each["action"] == action)
    return set(rule["regex"].split("|"))


def longest_days(told: str) -> float:
    found = DAYS.fullmatch(told)
    assert found, told
    return int(found[1]) / (24 if found[2] == "h" else 1)


@pytest.mark.parametrize("side", SIDES)
def test_the_collector_lets_through_what_the_registry_names(side: str) -> None:
    allowed = read("collector/collector.yaml")["processors"][f"redaction/{side}"]
    assert allowed["allow_all_keys"] is False
    assert set(allowed["allowed_keys"]) == of_side("attributes", side) | of_side("fields", side)


def test_prometheus_keeps_the_metrics_that_the_registry_names() -> None:
    assert relabelled("keep") == {name for metric in registry().metrics.values() for name in metric.exposed}


def test_prometheus_keeps_the_labels_that_the_registry_names() -> None:
    used = {label for metric in registry().metrics.values() for label in metric.labels}
    assert relabelled("labelkeep") == used | set(registry().target_labels) | {"__name__", "le"}


@pytest.mark.parametrize("name", ["uvote", "stack"])
def test_every_job_has_a_list_of_what_it_keeps(name: str) -> None:
    assert next(rule["action"] for rule in job(name)["metric_relabel_configs"]) == "keep"


def test_no_pipeline_joins_two_sides() -> None:
    pipelines = read("collector/collector.yaml")["service"]["pipelines"]
    assert len(pipelines) == 4
    for name, pipeline in pipelines.items():
        kind, side = name.split("/")
        assert pipeline["receivers"] == [f"otlp/{side}"]
        assert pipeline["exporters"] == [f"otlp_http/{kind}_{side}"]
        assert f"redaction/{side}" in pipeline["processors"]


def test_each_side_has_its_own_tenant() -> None:
    for name, exporter in read("collector/collector.yaml")["exporters"].items():
        assert exporter["headers"] == {"X-Scope-OrgID": name.rpartition("_")[2]}


def test_the_ballot_sides_spans_make_no_metrics() -> None:
    assert "defaults" not in read("tempo/tempo.yaml")["overrides"]
    assert set(read("tempo/tenants.yaml")["overrides"]) == {"identity"}


def test_nothing_is_kept_longer_than_the_registry_says() -> None:
    document = registry().document
    for kept, section in (
        (read("prometheus/prometheus.yml")["storage"]["tsdb"]["retention"]["time"], "metrics"),
        (read("loki/loki.yaml")["limits_config"]["retention_period"], "events"),
        (read("tempo/tempo.yaml")["compactor"]["compaction"]["block_retention"], "spans"),
    ):
        assert longest_days(kept) <= min(longest_days(about["retention"]) for about in document[section].values())


def test_a_datasource_leads_only_to_its_own_side() -> None:
    for source in read("grafana/provisioning/datasources/datasources.yaml")["datasources"]:
        side = source["uid"].partition("_")[2]
        if side:
            assert source["secureJsonData"] == {"httpHeaderValue1": side}
            (other,) = set(SIDES) - {side}
            assert f"_{other}" not in yaml.safe_dump(source["jsonData"])


def test_compose_mounts_files_that_exist() -> None:
    for service in read("compose.yaml")["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert not source.startswith(".") or (PLACE / source).resolve().is_relative_to(ROOT), mount
            assert not source.startswith("./") or (PLACE / source).exists(), mount


def test_a_cluster_gets_the_same_files() -> None:
    named = [file for each in read("kustomization.yaml")["configMapGenerator"] for file in each["files"]]
    here = ("collector", "prometheus", "alertmanager", "loki", "tempo", "grafana")
    found = {str(path.relative_to(PLACE)) for folder in here for path in (PLACE / folder).rglob("*.y*ml")}
    assert set(named) == {name for name in found if "/targets/" not in name}


def test_containers_listen_where_processes_do_and_have_fixed_versions() -> None:
    """On 127.0.0.1 only: by their files, unless LISTEN says otherwise, or by their options."""
    for name, service in read("compose.yaml")["services"].items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), service["image"]
        assert service["network_mode"] == "host"
        assert "LISTEN" not in service["environment"]
        if name in {"prometheus", "alertmanager"}:
            assert any(option.startswith("--web.listen-address=127.0.0.1:") for option in service["command"])


def test_containers_do_with_the_memory_of_processes() -> None:
    services = read("compose.yaml")["services"]
    for name, mebibytes in MEMORY_MIB.items():
        assert services[name]["environment"]["GOMEMLIMIT"] == f"{mebibytes}MiB"


def test_containers_find_each_other_and_the_demo_where_processes_do(tmp_path: Path) -> None:
    """What is written for processes is what containers mount."""
    services = {name: f"http://127.0.0.1:{port}" for name, port in METRICS_PORTS.items()}
    written = lay_out(tmp_path, Ports(), services) / "prometheus" / "targets"
    for path in (PLACE / "prometheus" / "targets").iterdir():
        assert yaml.safe_load((written / path.name).read_text()) == yaml.safe_load(path.read_text())


def test_the_pins_of_the_servers_are_complete() -> None:
    for folder in (PLACE / "stack").iterdir():
        assert {"go.mod", "go.sum"} <= {path.name for path in folder.iterdir()}, folder


def test_the_collector_is_of_one_version() -> None:
    versions = set(re.findall(r"v(0\.\d+\.\d+)", (PLACE / "stack/otelcol/builder.yaml").read_text()))
    (image,) = re.findall(r"collector-contrib:(\S+)", (PLACE / "compose.yaml").read_text())
    assert versions == {image}
