"""The files that guards look at. Guards take the root of a tree, so that they can be shown to fail on a broken one."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """A Python file: `name` is its path from the root, `module` how it is imported."""

    name: str
    module: str
    tree: ast.Module

    @property
    def folder(self) -> str:
        """Which of the folders of `services` it is in; nothing for others."""
        parts = self.module.split(".")
        return parts[1] if parts[0] == "services" and len(parts) > 1 else ""


def sources(root: Path, *folders: str) -> Iterator[Source]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                relative = path.relative_to(root)
                module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
                yield Source(str(relative), module, ast.parse(path.read_bytes()))


def tracked_files(root: Path) -> dict[str, str]:
    """Path and mode of every file that git knows and that is there."""
    command = ["git", "-C", str(root), "ls-files", "--stage", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = [line.split("\t") for line in listed.split("\0") if line]
    return {path: about.split()[0] for about, path in entries if (root / path).is_file()}


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Make the sample that a guard is tried on."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
