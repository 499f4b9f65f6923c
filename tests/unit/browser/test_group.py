"""The browser's arithmetic against Python's."""

import json
import random
from pathlib import Path

from tests.unit.browser.javascript import ask

VECTORS = Path(__file__).parents[2] / "vectors"
CONSTANTS = json.loads((VECTORS / "groups.json").read_text())["BELENIOS-2048"]
P, Q, G = (int(CONSTANTS[name]) for name in "pqg")


def test_the_group_is_the_one_of_the_protocol() -> None:
    assert ask("constants") == {"name": "BELENIOS-2048", **CONSTANTS}


def test_powers_by_table_and_by_ladder_are_exact() -> None:
    draw = random.Random(1)
    exponents = [0, 1, 2, 15, 16, 255, 256, Q - 1, *(draw.randrange(Q) for _ in range(20))]
    base = draw.randrange(P)
    powers = ask("powers", base=str(base), exponents=[str(exponent) for exponent in exponents])
    assert powers == [[str(pow(base, exponent, P))] * 2 for exponent in exponents]


def test_only_elements_of_the_subgroup_are_elements() -> None:
    draw = random.Random(2)
    inside = [1, G, pow(G, draw.randrange(Q), P)]
    outside = [0, P - 1, P, P + 1, G + P, 2, draw.randrange(P)]
    assert ask("isElement", numbers=[str(x) for x in inside]) == [True] * len(inside)
    assert ask("isElement", numbers=[str(x) for x in outside]) == [False] * len(outside)
