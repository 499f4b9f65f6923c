"""Each server's own checker accepts the configuration that all environments share."""

import subprocess
from pathlib import Path

import pytest

from services.uvote.stack_servers import Ports, environment, lay_out

CHECKS = {
    "prometheus": ("promtool", "check", "config", "{folder}/prometheus/prometheus.yml"),
    "alertmanager": ("amtool", "check-config", "{folder}/alertmanager/alertmanager.yml"),
    "loki": ("loki", "-config.file={folder}/loki/loki.yaml", "-config.expand-env=true", "-verify-config"),
    "tempo": ("tempo", "-config.file={folder}/tempo/tempo.yaml", "-config.expand-env=true", "-config.verify=true"),
    "collector": ("otelcol", "validate", "--config={folder}/collector/collector.yaml"),
}


def check(programs: dict[str, Path], name: str, data: Path) -> "subprocess.CompletedProcess[str]":
    program, *arguments = CHECKS[name]
    command = [str(programs[program]), *(each.format(folder=data / "configuration") for each in arguments)]
    return subprocess.run(command, env=environment(data, Ports()), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", CHECKS)
def test_a_servers_own_checker_accepts_its_configuration(name: str, programs: dict[str, Path], tmp_path: Path) -> None:
    lay_out(tmp_path, Ports(), {})
    done = check(programs, name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CHECKS)
def test_a_servers_own_checker_refuses_an_unknown_setting(name: str, programs: dict[str, Path], tmp_path: Path) -> None:
    (path,) = (each for each in (lay_out(tmp_path, Ports(), {}) / name).iterdir() if each.stem in {name, "collector"})
    path.write_text(f"{path.read_text()}\nno_such_setting: 1\n")
    assert check(programs, name, tmp_path).returncode != 0
