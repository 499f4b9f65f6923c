"""The table of the linkage game in the README: written by `python -m tests.stack.linkage --write`, never by hand."""

import re
from pathlib import Path

from services.ballot.publishing import BATCH
from tests.stack.linkage.game import CONFIDENCE, SEEN, Results, Score
from tests.stack.linkage.leaks import LEAKS
from tests.stack.linkage.scale import REAL_TICK, TICK

README = Path(__file__).parents[3] / "README.md"
BEGIN = "<!-- written by `python -m tests.stack.linkage --write` -->"
END = "<!-- end of what is written -->"
CLAIM = (
    "The board is public and grows live: whoever polls it, and knows from outside when a person voted, can name that "
    "person's (encrypted) ballot. Within a batch the board is sorted by tracker. Telemetry adds nothing to that: an "
    "adversary with all of it is no better than one without."
)
SETTING = (
    f"k = {BATCH}, T = {REAL_TICK:.0f} s (played in {TICK:.0f} s). "
    f"The bound holds with {CONFIDENCE:.0%} confidence and must not exceed 1/k = {1 / BATCH:.2f}."
)
NUMBER = r"-?[0-9][.][0-9]{2}"


def render(results: Results) -> str:
    """The block, without the markers."""
    rows = [_row(f"all rules on; has seen {seen}", score) for seen, score in results.rules_on.items()]
    rows += [_row("all rules off", results.rules_off)]
    rows += [_row(LEAKS[leak], score) for leak, score in results.leaks.items()]
    return "\n".join(
        [
            CLAIM,
            "",
            f"{results.elections} elections of N = {results.voters} voters; {SETTING}",
            "",
            "| Telemetry, and what is known without it | Targets | Named without | Named with | Advantage | Bound |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )


def _row(told: str, score: Score) -> str:
    numbers = (score.baseline, score.named, score.advantage, score.bound)
    return f"| {told} | {score.targets} | " + " | ".join(f"{number:.2f}" for number in numbers) + " |"


def expected() -> list[str]:
    """Expressions for the lines that the block has."""
    words = [f"all rules on; has seen {seen}" for seen in SEEN] + ["all rules off", *LEAKS.values()]
    rows = [rf"\| {re.escape(told)} \| [0-9]+( \| {NUMBER}){{4}} \|" for told in words]
    setting = rf"[0-9]+ elections of N = [0-9]+ voters; {re.escape(SETTING)}"
    return [re.escape(CLAIM), "", setting, "", r"\| Telemetry, .*", r"\|---.*", *rows]


def read() -> str:
    """The block as the README has it."""
    _, _, rest = README.read_text().partition(f"{BEGIN}\n")
    return rest.partition(f"\n{END}")[0]


def write(results: Results) -> None:
    """Puts the block between the markers."""
    text = README.read_text()
    before, _, rest = text.partition(f"{BEGIN}\n")
    README.write_text(f"{before}{BEGIN}\n{render(results)}\n{END}{rest.partition(END)[2]}")
