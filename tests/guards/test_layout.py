"""Where things are, so that whoever knows one service knows all of them.

* The top level has the names that the README lists, and no others.
* Every service has the same file names; none is called utils, helpers or the like.
* No tracked file names a package registry or a path of somebody's machine.
* A file is executable exactly if it says by which program.
"""

import re
import subprocess
from pathlib import Path

import pytest

from services.shared.call_graph import MAY_CALL
from tests.guards.sources import ROOT, tracked_files, write_tree

TOP_LEVEL = {"services", "observability", "dashboards", "kustomize", "runbooks", "tests", "Taskfile.yml", "README.md"}
TOP_LEVEL |= {"pyproject.toml", "requirements.lock", "taskw", ".ci"}

FILES_OF_A_SERVICE = {"app.py", "settings.py", "contract.py", "routes.py", "store.py", "client.py", "metrics.py"}
FILES_OF_A_SERVICE |= {"migrations"}
FILES_OF_THE_FRONTEND = {"app.py", "settings.py", "metrics.py", "pages", "forms.py", "templates", "static"}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

# Written in parts: this file is itself looked at.
REGISTRIES = [
    ("py" + "pi", "org"),
    ("python" + "hosted", "org"),
    ("npm" + "js", "(?:org|com)"),
    ("yarn" + "pkg", "com"),
]
REGISTRIES += [
    ("proxy.go" + "lang", "org"),
    ("sum.go" + "lang", "org"),
    ("crates" + "[.]io", "index"),
    ("rubygems", "org"),
]
REGISTRY = re.compile(
    "|".join(rf"\b{name}\.{domain}\b" for name, domain in REGISTRIES)
    + r"|://[^\s\"']*/(?:simple|artifactory|nexus|npm-group|pip-proxy)/"
    + r"|\"resolved\": *\"http|--(?:extra-)?index-url[ =]+http",
)
HOMES = "|".join(["home", "Users", "root", "work" + "space", "wo" + "rk"])
MACHINE_PATH = re.compile(rf"(?<![\w.$)}}/*-])/(?:{HOMES})/[\w.]")


def strangers_on_top(files: dict[str, str]) -> list[str]:
    tops = {(file.split("/")[0], "/" in file) for file in files}
    return sorted(name for name, folder in tops if name not in TOP_LEVEL and (folder or not name.startswith(".")))


def missing_files(root: Path) -> list[str]:
    """What the services lack that have begun to be one, that is, have their `app.py`."""
    found = []
    for service in MAY_CALL:
        if (root / "services" / service / "app.py").exists():
            wanted = FILES_OF_THE_FRONTEND if service == "frontend" else FILES_OF_A_SERVICE
            found += [
                f"services/{service}/{name}" for name in wanted if not (root / "services" / service / name).exists()
            ]
    return sorted(found)


def drawers(files: dict[str, str]) -> list[str]:
    """Such folders and files, and `service.py`, which would say nothing within a service."""
    return [
        file
        for file in files
        if DRAWERS & {re.sub(r"\..*", "", part).lower() for part in file.split("/")} or file.endswith("/service.py")
    ]


def mentions(root: Path, files: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    found = []
    for file in files:
        lines = (root / file).read_text(errors="replace").splitlines()
        found += [f"{file}:{number}: {hit[0]}" for number, line in enumerate(lines, 1) if (hit := pattern.search(line))]
    return found


def wrong_modes(root: Path, files: dict[str, str]) -> list[str]:
    """Files with a first line that names a program and no right to be executed, or the other way round."""
    return [file for file, mode in files.items() if (root / file).read_bytes().startswith(b"#!") != (mode == "100755")]


def test_the_top_level_is_as_the_readme_says() -> None:
    assert strangers_on_top(tracked_files(ROOT)) == []


def test_every_service_has_the_same_files() -> None:
    assert missing_files(ROOT) == []


def test_no_file_is_a_drawer_for_everything() -> None:
    assert drawers(tracked_files(ROOT)) == []


def test_no_package_registry_is_named() -> None:
    assert mentions(ROOT, tracked_files(ROOT), REGISTRY) == []


def test_no_path_of_a_machine_is_named() -> None:
    assert mentions(ROOT, tracked_files(ROOT), MACHINE_PATH) == []


def test_scripts_are_executable_and_nothing_else_is() -> None:
    assert wrong_modes(ROOT, tracked_files(ROOT)) == []


def test_strangers_on_top_are_found() -> None:
    allowed = dict.fromkeys(["README.md", ".gitignore", ".ci/run", "services/x.py", "taskw"], "")
    assert strangers_on_top(allowed) == []
    assert strangers_on_top({**allowed, "scripts/x.sh": "", "notes.md": "", ".hidden/x": ""}) == [
        ".hidden",
        "notes.md",
        "scripts",
    ]


def test_missing_files_are_found_once_a_service_has_begun(tmp_path: Path) -> None:
    write_tree(tmp_path, {"services/voter/contract.py": ""})
    assert missing_files(tmp_path) == []
    write_tree(tmp_path, {f"services/voter/{name}": "" for name in FILES_OF_A_SERVICE - {"store.py"}})
    write_tree(tmp_path, {"services/frontend/app.py": ""})
    assert "services/voter/store.py" in missing_files(tmp_path)
    assert "services/frontend/pages" in missing_files(tmp_path)
    assert "services/voter/client.py" not in missing_files(tmp_path)


@pytest.mark.parametrize("name", ["services/shared/utils.py", "services/voter/common/x.py", "services/auth/service.py"])
def test_drawers_are_found(name: str) -> None:
    assert drawers({name: "", "services/voter/roll.py": "", "tests/service/test_roll.py": ""}) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "https://" + "py" + "pi.org" + "/simple",
        "files.python" + "hosted.org",
        '"resolved": "' + "https://registry.npm" + 'js.org/axe"',
        "https://packages.example" + "/artifactory" + "/api",
        "pip install --index-url " + "http" + "://10.0.0.1/",
        "GOPROXY=https://proxy.go" + "lang.org",
    ],
)
def test_registries_are_found(text: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.lock": f"x\n{text}\n"})
    (found,) = mentions(tmp_path, {"a.lock": ""}, REGISTRY)
    assert found.startswith("a.lock:2: ")


@pytest.mark.parametrize("path", ["/ho" + "me/ada/x", "cd /ro" + "ot/x", '"/wo' + 'rk/x"', "/User" + "s/ada/x"])
def test_paths_of_a_machine_are_found(path: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.md": path})
    assert len(mentions(tmp_path, {"a.md": ""}, MACHINE_PATH)) == 1


@pytest.mark.parametrize("text", ["PyPI", "/v1/elections", "https://example.org/home/x", "$HOME/x", "/usr/lib/x"])
def test_harmless_words_pass(text: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.md": text})
    assert mentions(tmp_path, {"a.md": ""}, MACHINE_PATH) + mentions(tmp_path, {"a.md": ""}, REGISTRY) == []


def test_wrong_modes_are_found_as_git_records_them(tmp_path: Path) -> None:
    write_tree(tmp_path, {"run": "#!/bin/sh\n", "right": "#!/bin/sh\n", "text.md": "x", "plain.py": "x"})
    (tmp_path / "right").chmod(0o755)
    (tmp_path / "text.md").chmod(0o755)
    for command in (["init", "--quiet"], ["add", "."]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    assert sorted(wrong_modes(tmp_path, tracked_files(tmp_path))) == ["run", "text.md"]
