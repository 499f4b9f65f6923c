"""A page of the public list is taken only if the archive could hold it as it is."""

from functools import cache

import pytest

from services.ballot.public_list import PageSum, read_page
from services.shared.problems import Invalid
from services.voting.group import BELENIOS_2048


@cache
def keys() -> tuple[str, ...]:
    return tuple(str(number) for number in sorted(int(BELENIOS_2048.g_power(exponent)) for exponent in range(1, 9)))


def code(lines: list[str]) -> str:
    with pytest.raises(Invalid) as refusal:
        read_page(lines)
    return refusal.value.type.rpartition(":")[2]


def test_a_page_is_summed_up() -> None:
    lines = [keys()[0], f"{keys()[1]},5", f"{keys()[2]},0"]
    assert read_page(lines) == PageSum(3, 6)


def test_keys_ascend_as_numbers() -> None:
    first, second = keys()[:2]
    assert code([second, first]) == "not-ascending"
    assert code([first, first]) == "not-ascending"


@pytest.mark.parametrize(
    "line", ["", "x", "07", "-3", "5,1", "5,01", "5,", "5,-1", "5,1.5", "5,5,5", " 5", "5,1000000001"]
)
def test_lines_are_spelled_as_they_are_published(line: str) -> None:
    assert code([line]) == "not-a-credential"


def test_numbers_outside_of_the_group_are_refused() -> None:
    assert code(["2"]) == "not-a-credential"
    assert code([*keys()[:1], str(int(keys()[1]) + 1)]) == "not-a-credential"
    assert code([str(BELENIOS_2048.p + 1)]) == "not-a-credential"
