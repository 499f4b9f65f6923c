"""What a voting page may report is the same in the page, in the service that hears it, and in the registry.

* Every step of the page can be reported; `load` is what comes before the page's script.
* Every reason that the page reports is one that it knows, and everything that it knows is told or expected.
"""

import re

from observability.telemetry.registry import registry
from services.ballot.contract import BrowserReason, BrowserStep
from tests.guards.sources import ROOT

STATIC = ROOT / "services" / "frontend" / "static"
# What voters do, and what the schedule says: nothing that anybody could mend.
EXPECTED = {
    "not-yet",
    "paused",
    "closed",
    "withdrawn",
    "mistyped-code",
    "already-voted",
    "too-many-ballots",
}
# Said by what stands apart from the page's script.
BEFORE_THE_PAGE = {"load", "script-blocked"}


def words(name: str) -> set[str]:
    """A list of failures.js."""
    text = (STATIC / "vote" / "failures.js").read_text()
    found = re.search(rf"export const {name} = .*?\[(.*?)\]\)", text, re.DOTALL)
    assert found, name
    return set(re.findall(r'"([a-z-]+)"', found[1]))


def test_steps_agree() -> None:
    assert words("STEPS") | {"load"} == {step.value for step in BrowserStep} == set(registry().values("browser_step"))


def test_reasons_agree() -> None:
    reasons = {reason.value for reason in BrowserReason}
    assert words("REPORTED") | {"script-blocked"} == reasons == set(registry().values("browser_reason"))


def test_every_reason_of_the_page_is_told_or_expected() -> None:
    assert words("REPORTED") | EXPECTED == words("PASSING") | words("FINAL")
    assert not words("REPORTED") & EXPECTED


def test_what_stands_before_the_page_says_registered_words() -> None:
    told = re.findall(r'"(load|script-blocked)"', (STATIC / "vote" / "watchdog.js").read_text())
    assert set(told) == BEFORE_THE_PAGE
