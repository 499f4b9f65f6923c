"""`uvote openapi`: writes each service's interface beside its contract; `--check` compares instead."""

import importlib.util
import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from services.shared import problems
from services.shared.identity import Access
from services.shared.settings import SERVICES
from services.uvote.installation import Installation
from services.uvote.serve import create_app, read_settings

FOLDER = Path(__file__).parent.parent


def unopened_app(name: str) -> FastAPI:
    """The service's application, to be looked at only: what it is told leads nowhere."""
    told = Installation("postgresql://nowhere/").environment(name)
    given = {variable.removeprefix("UVOTE_").lower(): value for variable, value in told.items()}
    given["callers"] = json.loads(given["callers"])
    return create_app(read_settings(name, **given))


def markers(dependant: Dependant) -> Iterator[Access]:
    """Who may call a route, as its dependencies say."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Access):
            yield dependency.call
        yield from markers(dependency)


def document(name: str) -> str:
    """The service's OpenAPI document, as it is committed; nothing of the settings stands in it.

    `x-access` names who may call an operation: a kind of access, and for internal ones the callers.
    """
    app = unopened_app(name)
    described = app.openapi()
    described.setdefault("components", {}).setdefault("schemas", {})["Problem"] = problems.SCHEMA
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            operation = described["paths"].get(route.path_format, {}).get(method.lower(), {})
            operation["x-access"] = [who for marker in markers(route.dependant) for who in marker.who]
    return json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def place(name: str) -> Path:
    """Where it is committed."""
    return FOLDER / name / "openapi.json"


def existing() -> list[str]:
    """The services that have an app."""
    return [name for name in SERVICES if importlib.util.find_spec(f"services.{name}.app")]


def add_arguments(parser: ArgumentParser) -> None:
    """Whether to write or to compare."""
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a document is out of date")


def run(args: Namespace) -> int:
    """Writes, or names what is out of date (exit 1)."""
    stale = [name for name in existing() if not place(name).exists() or place(name).read_text() != document(name)]
    for name in stale:
        if args.check:
            print(f"{place(name)} is out of date: run uvote openapi", file=sys.stderr)
        else:
            place(name).write_text(document(name))
            print(f"wrote {place(name)}")
    return 1 if stale and args.check else 0
