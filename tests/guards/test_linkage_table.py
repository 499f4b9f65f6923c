"""The README's table of the linkage game is what the game writes."""

import re

from tests.stack.linkage.table import expected, read


def test_the_table_in_the_readme_was_written_by_the_game() -> None:
    """Its form; the numbers are of the machine on which it was played last."""
    lines = read().splitlines()
    assert len(lines) == len(expected())
    for line, expression in zip(lines, expected(), strict=True):
        assert re.fullmatch(expression, line), line
