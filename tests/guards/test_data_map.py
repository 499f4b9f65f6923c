"""What privacy officers read is what the registry says, and it answers what they ask.

* `observability/DATA_MAP.md` is the one that the registry gives.
* Every metric has one purpose; every resolution is explained; everything that is said stands on the page.
"""

from collections import Counter

import pytest

from observability.telemetry.data_map import DATA_MAP, render
from observability.telemetry.registry import Side, registry

PAGE = render(registry())


def test_the_committed_page_is_that_of_the_registry() -> None:
    assert DATA_MAP.read_text() == PAGE, "run python -m observability.telemetry.data_map"


def test_every_metric_has_one_purpose() -> None:
    named = Counter(name for purpose in registry().document["purposes"].values() for name in purpose["metrics"])
    assert named == Counter(registry().metrics.keys())


def test_every_resolution_is_explained_and_used() -> None:
    used = {metric.resolution_on(side) for metric in registry().metrics.values() for side in Side}
    assert used == registry().document["resolutions"].keys()


@pytest.mark.parametrize("part", ["metrics", "events", "attributes"])
def test_everything_that_is_said_stands_on_the_page(part: str) -> None:
    assert [name for name in registry().document[part] if f"`{name}`" not in PAGE] == []


def test_what_only_one_side_says_stands_under_that_side_alone() -> None:
    identity, ballot = PAGE.split("## The ballot side")
    assert "`uvote_sign_ins`" in identity
    assert "`uvote_sign_ins`" not in ballot
    assert "`uvote_credentials_voted`" in ballot
    assert "`uvote_credentials_voted`" not in identity
