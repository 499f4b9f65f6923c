"""Nothing that waits for a disk, a network, a process or a password hash is called in the event loop.

Looked for in the body of every `async def` of the services; the command line may wait. A function defined inside is not
part of the body: it is there to be handed to a thread.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guards.sources import ROOT, Source, sources, write_tree

BLOCKING_MODULES = {"requests", "smtplib", "sqlite3", "subprocess", "psycopg", "psycopg2", "urllib.request", "shutil"}
BLOCKING_CALLS = {
    "time.sleep",
    "open",
    "io.open",
    "input",
    "os.system",
    "os.popen",
    "os.wait",
    "os.waitpid",
    "bcrypt.hashpw",
    "bcrypt.checkpw",
    "bcrypt.kdf",
    "socket.create_connection",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "httpx.get",
    "httpx.post",
    "httpx.request",
    "httpx.Client",
}
BLOCKING_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes"}  # of a pathlib.Path
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def full_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for: `from time import sleep as nap` makes `nap` stand for `time.sleep`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def calls_of(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """Calls that the body itself makes and does not await."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            pending.extend(ast.iter_child_nodes(node.value))
        elif not isinstance(node, Function):
            if isinstance(node, ast.Call):
                yield node
            pending.extend(ast.iter_child_nodes(node))


def is_blocking(call: ast.Call, names: dict[str, str]) -> bool:
    first, dot, rest = ast.unparse(call.func).partition(".")
    name = names.get(first, first) + dot + rest
    module, _, method = name.rpartition(".")
    return name in BLOCKING_CALLS or module in BLOCKING_MODULES or method in BLOCKING_METHODS


def blocking_calls_of(source: Source) -> Iterator[str]:
    names = full_names(source.tree)
    for function in ast.walk(source.tree):
        if isinstance(function, ast.AsyncFunctionDef):
            for call in calls_of(function.body):
                if is_blocking(call, names):
                    yield f"{source.name}:{call.lineno}: {function.name} calls {ast.unparse(call.func)}"


def blocking_calls(root: Path) -> list[str]:
    served = (source for source in sources(root, "services") if source.folder != "uvote")
    return [found for source in served for found in blocking_calls_of(source)]


def test_no_service_blocks_its_event_loop() -> None:
    assert blocking_calls(ROOT) == []


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import time", "time.sleep(1)"),
        ("from time import sleep as nap", "nap(1)"),
        ("import requests", "requests.get('x').json()"),
        ("import subprocess as sp", "sp.run(['x'])"),
        ("from subprocess import Popen", "Popen(['x'])"),
        ("import bcrypt", "x = [bcrypt.checkpw(a, b)]"),
        ("from bcrypt import hashpw", "await store(hashpw(a, b))"),
        ("", "with open('x') as file: pass"),
        ("from pathlib import Path", "Path('x').read_text()"),
        ("import urllib.request", "urllib.request.urlopen('x')"),
    ],
)
def test_a_blocking_call_is_found(imports: str, call: str, tmp_path: Path) -> None:
    sample = {"services/ballot/routes.py": f"{imports}\nasync def cast():\n    {call}\n"}
    (found,) = blocking_calls(write_tree(tmp_path, sample))
    assert ": cast calls " in found


@pytest.mark.parametrize(
    "text",
    [
        "import time\ndef f():\n    time.sleep(1)",
        "import asyncio\nasync def f():\n    await asyncio.sleep(1)",
        "import bcrypt\nasync def f(pool):\n    def f():\n        return bcrypt.checkpw(a, b)\n    await pool(f)",
        "import bcrypt\nasync def f(pool):\n    await pool(bcrypt.checkpw, a, b)",
        "async def f(upload):\n    await upload.read_bytes()",
    ],
)
def test_a_call_that_waits_elsewhere_passes(text: str, tmp_path: Path) -> None:
    assert blocking_calls(write_tree(tmp_path, {"services/auth/signing_in.py": text})) == []


def test_the_command_line_may_wait(tmp_path: Path) -> None:
    text = "import time\nasync def demo():\n    time.sleep(1)"
    assert blocking_calls(write_tree(tmp_path, {"services/uvote/demo.py": text})) == []
