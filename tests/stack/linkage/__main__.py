"""Plays the linkage game and prints its table: `python -m tests.stack.linkage [--write]`."""

import argparse
import asyncio
import sys

from tests.stack.linkage.game import evaluate
from tests.stack.linkage.season import play_season
from tests.stack.linkage.table import render, write


def main() -> int:
    """Plays; `--write` puts the table into the README."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack.linkage", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    is_written = parser.parse_args().write
    results = evaluate(*asyncio.run(play_season()))
    sys.stdout.write(f"{render(results)}\n")
    if is_written:
        write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
