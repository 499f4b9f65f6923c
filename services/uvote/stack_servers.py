"""The observability servers on this machine: how each is started with the files of `observability/`.

Compose and Kubernetes mount the same files; only addresses, ports and places differ, and those come from the
environment or from the small files in `prometheus/targets`, which are written here.
"""

import json
import os
import random
import shutil
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from observability.telemetry.registry import Side
from services.uvote.installation import HOST

# What Go's collector of garbage aims at, so that all of them together with the services stay below 2 GB; see
# tests/load/observing.py. A server that needs more takes it, and is slower.
MEMORY_MIB = {"prometheus": 512, "alertmanager": 64, "loki": 384, "tempo": 384, "otelcol": 160}
CONFIGURATION = Path(__file__).parents[2] / "observability"


@dataclass(frozen=True)
class Ports:
    """Where each server listens. The two `otlp` ports are the two sides' ways into the collector."""

    otlp_identity: int = 4318
    otlp_ballot: int = 4328
    collector_health: int = 13133
    collector_metrics: int = 8888
    prometheus: int = 9090
    alertmanager: int = 9093
    loki: int = 3100
    loki_grpc: int = 9095
    tempo: int = 3200
    tempo_grpc: int = 9096
    tempo_otlp: int = 4338

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody uses now, from below those that the kernel gives to outgoing connections."""
        with ExitStack() as held:
            return cls(*(_hold_free_port(held) for _ in fields(cls)))

    def url(self, name: str) -> str:
        """The address of what listens there."""
        return f"http://{HOST}:{asdict(self)[name]}"

    @property
    def collectors(self) -> dict[str, str]:
        """Where each side sends."""
        return {side.value: self.url(f"otlp_{side.value}") for side in Side}


def _hold_free_port(held: ExitStack) -> int:
    while True:
        probe, port = held.enter_context(socket.socket()), random.randint(10_000, 30_000)  # noqa: S311  # no secret
        with suppress(OSError):
            probe.bind((HOST, port))
            return port


@dataclass(frozen=True)
class Server:
    """One process: its command, the page that says that it is ready, and what memory it should do with."""

    name: str
    command: tuple[str, ...]
    ready: str
    memory_mib: int


def environment(data: Path, ports: Ports) -> dict[str, str]:
    """What the configuration files ask for, and nothing of ours besides what every program needs."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    numbers = {f"{name.upper()}_PORT": str(port) for name, port in asdict(ports).items()}
    places = {
        "LOKI_DATA": str(data / "loki"),
        "TEMPO_DATA": str(data / "tempo"),
        "TEMPO_CONFIG": str(data / "configuration" / "tempo"),
    }
    addresses = {
        "LISTEN": HOST,
        "LOKI_URL": ports.url("loki"),
        "TEMPO_OTLP_URL": ports.url("tempo_otlp"),
        "PROMETHEUS_URL": ports.url("prometheus"),
    }
    return {**own, **numbers, **places, **addresses}


def lay_out(data: Path, ports: Ports, services: Mapping[str, str]) -> Path:
    """Put the configuration together in one folder, as the mounts of a container would, and return it."""
    folder = data / "configuration"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("collector", "prometheus", "alertmanager", "loki", "tempo"):
        shutil.copytree(CONFIGURATION / name, folder / name)
    if (CONFIGURATION / "rules").exists():
        shutil.copytree(CONFIGURATION / "rules", folder / "prometheus" / "rules")
    own = {"prometheus": "prometheus", "alertmanager": "alertmanager", "loki": "loki", "tempo": "tempo"}
    write_targets(
        data, "stack", {name: ports.url(port) for name, port in {**own, "otelcol": "collector_metrics"}.items()}
    )
    write_targets(data, "alertmanager", {"alertmanager": ports.url("alertmanager")})
    write_targets(data, "uvote", services)
    return folder


def write_targets(data: Path, file: str, urls: Mapping[str, str], **labels: str) -> None:
    """Tell Prometheus, also while it runs, whom to scrape: `file` is one of `prometheus/targets`.

    The keys of `urls` become the label `job`; `labels` come besides, `__scrape_interval__` for instance.
    """
    entries = [
        {"targets": [url.removeprefix("http://")], "labels": {"job": name.partition("/")[0], **labels}}
        for name, url in urls.items()
    ]
    path = data / "configuration" / "prometheus" / "targets" / f"{file}.yaml"
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(entries))  # JSON is YAML
    unfinished.rename(path)


def ready_pages(ports: Ports) -> dict[str, str]:
    """Each server's page that says it is ready."""
    return {
        "prometheus": f"{ports.url('prometheus')}/-/ready",
        "alertmanager": f"{ports.url('alertmanager')}/-/ready",
        "loki": f"{ports.url('loki')}/ready",
        "tempo": f"{ports.url('tempo')}/ready",
        "otelcol": ports.url("collector_health"),
    }


def servers(programs: Mapping[str, Path], data: Path, ports: Ports) -> list[Server]:
    """All of them, in no order: each waits for the others where it must."""
    folder = data / "configuration"
    options = {
        "prometheus": (
            f"--config.file={folder}/prometheus/prometheus.yml",
            f"--storage.tsdb.path={data}/prometheus",
            f"--web.listen-address={HOST}:{ports.prometheus}",
            "--web.enable-remote-write-receiver",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ),
        "alertmanager": (
            f"--config.file={folder}/alertmanager/alertmanager.yml",
            f"--storage.path={data}/alertmanager",
            f"--web.listen-address={HOST}:{ports.alertmanager}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ),
        "loki": (f"-config.file={folder}/loki/loki.yaml", "-config.expand-env=true"),
        "tempo": (f"-config.file={folder}/tempo/tempo.yaml", "-config.expand-env=true"),
        "otelcol": (f"--config={folder}/collector/collector.yaml",),
    }
    ready = ready_pages(ports)
    return [
        Server(name, (str(programs[name]), *given), ready[name], MEMORY_MIB[name]) for name, given in options.items()
    ]
