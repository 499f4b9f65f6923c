"""Each service's committed interface is the one that it has, and breaks no promise that was committed before."""

import copy
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from services.uvote.openapi import document, existing, place
from tests.guards.interface_changes import breaking_changes
from tests.guards.sources import ROOT


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def committed_before(service: str) -> list[Any]:
    """Every version of the document in the history, of the present number of version."""
    path = str(place(service).relative_to(ROOT))
    commits = git("log", "--diff-filter=AM", "--format=%H", "--", path).split()
    return [json.loads(git("show", f"{commit}:{path}")) for commit in commits]


@pytest.mark.parametrize("service", existing())
def test_the_committed_document_is_that_of_the_code(service: str) -> None:
    assert place(service).exists(), "run uvote openapi"
    assert place(service).read_text() == document(service), "run uvote openapi, and look at what changes"


# Pages are called by browsers, which take what they get.
@pytest.mark.parametrize("service", [name for name in existing() if name != "frontend"])
def test_no_committed_promise_is_broken_without_a_new_version(service: str) -> None:
    now = json.loads(document(service))
    versions = [old for old in committed_before(service) if old["info"]["version"] == now["info"]["version"]]
    assert {change for old in versions for change in breaking_changes(old, now)} == set()


SAMPLE: dict[str, Any] = {
    "paths": {
        "/things": {
            "post": {
                "x-access": ["caller:voter"],
                "parameters": [{"name": "all", "in": "query"}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#/x/Part"}}},
            },
            "Part": {
                "type": "object",
                "required": ["size"],
                "properties": {"size": {"type": "integer"}, "whole": {"$ref": "#/components/schemas/Thing"}},
            },
        }
    },
}


def thing(sample: Any) -> Any:
    return sample["components"]["schemas"]["Thing"]


def post(sample: Any) -> Any:
    return sample["paths"]["/things"]["post"]


BREAKING: dict[str, Callable[[Any], Any]] = {
    "is gone": lambda sample: sample["paths"].pop("/things"),
    "no longer lets caller:voter in": lambda sample: post(sample).update({"x-access": ["caller:ballot"]}),
    "needs the parameter limit": lambda sample: post(sample)["parameters"].append({"name": "limit", "required": True}),
    "no longer answers 201": lambda sample: post(sample)["responses"].pop("201"),
    "needs application/json.parts": lambda sample: thing(sample)["required"].append("parts"),
    "no longer takes application/json.name": lambda sample: thing(sample)["properties"].pop("name"),
    "no longer gives application/json.parts.[0].size": lambda sample: sample["components"]["schemas"]["Part"][
        "properties"
    ].pop("size"),
    "no longer always gives application/json.name": lambda sample: thing(sample)["required"].clear(),
    "gives application/json.name as integer": lambda sample: thing(sample)["properties"]["name"].update(
        {"type": "integer"}
    ),
}
HARMLESS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _: None,
    "a new path": lambda sample: sample["paths"].update({"/others": {}}),
    "a new caller": lambda sample: post(sample)["x-access"].append("caller:ballot"),
    "a new member that may be absent": lambda sample: thing(sample)["properties"].update({"new": {"type": "string"}}),
    "a new parameter that may be absent": lambda sample: post(sample)["parameters"].append({"name": "limit"}),
}


def changes(change: Callable[[Any], Any]) -> list[str]:
    new = copy.deepcopy(SAMPLE)
    change(new)
    return breaking_changes(SAMPLE, new)


@pytest.mark.parametrize("name", BREAKING)
def test_this_guard_sees_what_breaks_callers(name: str) -> None:
    assert any(name in change for change in changes(BREAKING[name]))


@pytest.mark.parametrize("name", HARMLESS)
def test_this_guard_lets_harmless_changes_pass(name: str) -> None:
    assert changes(HARMLESS[name]) == []
