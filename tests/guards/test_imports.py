"""Who imports what.

* No web framework but FastAPI's own is imported anywhere.
* A service imports of another only `contract` and `client`, and only of those that it may call.
* `contract` and `client` import of their own service only each other, so that nothing else comes with them.
* `shared` imports no service; `voting` only the standard library, gmpy2 and PyNaCl; nothing imports `uvote`.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from services.shared.call_graph import MAY_CALL
from tests.guards.sources import ROOT, Source, sources, write_tree

OTHER_FRAMEWORKS = {"flask", "django", "litestar", "rest_framework", "djangorestframework"}
OPEN_TO_OTHERS = {"contract", "client"}
VOTING_NEEDS = sys.stdlib_module_names | {"gmpy2", "nacl"}


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; `from a import b` counts as `a.b`, which may be a module."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{origin(source, node)}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            named = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named)


def origin(source: Source, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    package = source.module.split(".") if source.name.endswith("__init__.py") else source.module.split(".")[:-1]
    return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def refusal(source: Source, name: str) -> str:
    """Why this source may not import this name; empty when it may."""
    top, _, rest = name.partition(".")
    if top in OTHER_FRAMEWORKS:
        return "is of another web framework"
    if source.folder == "voting" and top != "services":
        return "" if top in VOTING_NEEDS else "is more than voting may need"
    if top != "services" or not source.folder:
        return ""
    other, _, rest = rest.partition(".")
    return refusal_within_services(source, other, rest.split(".")[0])


def refusal_within_services(source: Source, other: str, module: str) -> str:
    here = source.folder
    if here == other:
        own = source.module.split(".")[2:3]
        closed = other in MAY_CALL and set(own) <= OPEN_TO_OTHERS and own and module not in OPEN_TO_OTHERS
        return "would come along to whoever imports this" if closed else ""
    if here == "voting":
        return "is more than voting may need"
    if other == "uvote":
        return "is the command, which nothing imports"
    if other not in MAY_CALL:
        return ""
    if here != "uvote" and other not in MAY_CALL.get(here, frozenset()):
        return f"is of a service that {here} does not call"
    return "" if module in OPEN_TO_OTHERS else "is private to its service"


def wrong_imports(root: Path) -> list[str]:
    return [
        f"{source.name}:{line}: {name} {why}"
        for source in sources(root, "services", "observability", "tests")
        for line, name in imported(source)
        if (why := refusal(source, name))
    ]


def test_every_import_is_allowed() -> None:
    assert wrong_imports(ROOT) == []


def test_calls_between_services_make_no_cycle() -> None:
    assert set(TopologicalSorter(MAY_CALL).static_order()) == set(MAY_CALL)


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("services/auth/app.py", "import flask", "another web framework"),
        ("tests/unit/test_x.py", "from django.db import models", "another web framework"),
        ("services/shared/app.py", "def f():\n    import rest_framework.views", "another web framework"),
        ("services/uvote/x.py", "__import__('litestar')", "another web framework"),
        ("services/ballot/casting.py", "from services.election.store import Store", "private to its service"),
        ("services/ballot/casting.py", "from services.election import store", "private to its service"),
        ("services/ballot/casting.py", "from services import election", "private to its service"),
        ("services/ballot/casting.py", "from ..election import lifecycle", "private to its service"),
        ("services/ballot/casting.py", "import services.voter.client", "a service that ballot does not call"),
        ("services/ballot/casting.py", "importlib.import_module('services.auth.client')", "ballot does not call"),
        ("services/election/app.py", "from services.ballot.contract import Event", "election does not call"),
        (
            "services/shared/client.py",
            "from services.auth.contract import Token",
            "a service that shared does not call",
        ),
        ("services/uvote/demo.py", "from services.voter.store import Store", "private to its service"),
        ("services/frontend/app.py", "from services.uvote.postgres import PrivatePostgres", "which nothing imports"),
        ("services/shared/app.py", "import services.uvote", "which nothing imports"),
        ("services/voting/group.py", "import httpx", "more than voting may need"),
        ("services/voting/group.py", "from services.shared.fields import Uuid", "more than voting may need"),
        ("services/ballot/client.py", "from services.ballot.store import Store", "come along to whoever imports"),
        ("services/ballot/contract.py", "from .casting import cast", "come along to whoever imports"),
    ],
)
def test_a_wrong_import_is_found(file: str, text: str, why: str, tmp_path: Path) -> None:
    (found,) = wrong_imports(write_tree(tmp_path, {file: text}))
    assert found.startswith(f"{file}:")
    assert why in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("services/ballot/casting.py", "from services.election.client import ElectionClient"),
        ("services/ballot/casting.py", "from services.election import client, contract"),
        ("services/ballot/app.py", "from services.ballot import routes, store"),
        ("services/ballot/client.py", "from services.ballot.contract import Event"),
        ("services/frontend/app.py", "import services.auth.client"),
        (
            "services/voting/group.py",
            "import hashlib, gmpy2\nfrom nacl import bindings\nfrom services.voting import proofs",
        ),
        ("services/shared/app.py", "from services.shared.problems import Problem\nimport fastapi"),
        (
            "services/uvote/demo.py",
            "from services.ballot.client import BallotClient\nfrom services.uvote import postgres",
        ),
        ("tests/service/test_x.py", "from services.ballot.store import Store\nimport services.uvote"),
    ],
)
def test_a_right_import_passes(file: str, text: str, tmp_path: Path) -> None:
    assert wrong_imports(write_tree(tmp_path, {file: text})) == []
