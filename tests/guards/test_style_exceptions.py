"""Every exception from the rules of style and types says why, on its own line."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guards.sources import ROOT, sources, write_tree

EXCEPTION = re.compile(r"\b(?:noqa|type: *ignore|mypy:|pragma:|fmt: *(?:off|skip)|ruff:|pyright:)")
# The exception itself: the word, and the codes of the rules that do not hold.
FORM = re.compile(r"#? *(?:(?:ruff|mypy|flake8): *)?(?:noqa: *[A-Z]+\d+(?:, *[A-Z]+\d+)*|type: *ignore\[[\w, -]+\])")
A_REASON = re.compile(r"[a-z]{2,}\W+\w+", re.IGNORECASE)
# In pyproject.toml: a rule left out, or something that mypy looks away from.
SWITCHED_OFF = re.compile(r'^ *"[A-Z]+\d*",|^(?:ignore|disable|allow|follow)_\w+ *=|^disallow_\w+ *= *false')


def comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def is_explained(comment: str) -> bool:
    """Whether the codes are named and at least two words follow."""
    rest, exceptions = FORM.subn("", comment)
    return exceptions > 0 and not EXCEPTION.search(rest) and A_REASON.search(rest) is not None


def unexplained_comments(root: Path) -> list[str]:
    return [
        f"{source.name}:{line}: {comment}"
        for source in sources(root, "services", "observability", "tests")
        for line, comment in comments((root / source.name).read_text())
        if EXCEPTION.search(comment) and not is_explained(comment)
    ]


def unexplained_settings(text: str) -> list[str]:
    lines = text.splitlines()
    return [line for line in lines if SWITCHED_OFF.search(line) and not A_REASON.search(line.partition("#")[2])]


def test_every_exception_in_the_code_says_why() -> None:
    assert unexplained_comments(ROOT) == []


def test_every_rule_switched_off_says_why() -> None:
    assert unexplained_settings((ROOT / "pyproject.toml").read_text()) == []


@pytest.mark.parametrize(
    "comment",
    [
        "# no" + "qa",
        "# no" + "qa: S603",
        "# no" + "qa: S603, S607",
        "# no" + "qa - the program is fixed",
        "# ruff: no" + "qa: E501",
        "# type: " + "ignore",
        "# type: " + "ignore[misc]",
        "# type: " + "ignore - it is right",
        "# mypy: " + "disable-error-code=misc",
        "# type: " + "ignore[misc]  # no" + "qa: S603",
    ],
)
def test_an_exception_without_rule_or_reason_is_found(comment: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"services/x.py": f"x = 1  {comment}\n"})
    assert unexplained_comments(tmp_path) == [f"services/x.py:1: {comment}"]


@pytest.mark.parametrize(
    "comment",
    [
        "# no" + "qa: S603 - the program is fixed",
        "# no" + "qa: S603, S607 -- found on PATH",
        "# type: " + "ignore[misc]  # the library has no types",
        "# type: " + "ignore[misc]  # no" + "qa: S603 - the library has no types",
        "# an ordinary comment",
    ],
)
def test_an_explained_exception_passes(comment: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"services/x.py": f"x = 1  {comment}\n"})
    assert unexplained_comments(tmp_path) == []


def test_a_rule_switched_off_without_a_reason_is_found() -> None:
    text = 'ignore = [\n  "D1", # says nothing here\n  "S101",\n]\nignore_missing_imports = true\n'
    assert unexplained_settings(text) == ['  "S101",', "ignore_missing_imports = true"]
