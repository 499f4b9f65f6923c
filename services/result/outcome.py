"""What the counts say: winners, ties, unanimity, and the result as a table.

- All options with the highest count win; more than one is a tie, and none wins with no vote at all.
- A result in which everybody chose the same is named unanimous: it tells how each person voted.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from services.result.contract import OptionCount, QuestionResult, Result
from services.voting.question import HomomorphicQuestion

SPREADSHEET_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def question_result(question: HomomorphicQuestion, counts: Sequence[int], weight: int) -> QuestionResult:
    """One question's outcome. `weight` is the weight of all ballots that count."""
    blank, votes = (counts[0], counts[1:]) if question.blank else (None, counts)
    options = [OptionCount(option=text, votes=count) for text, count in zip(question.answers, votes, strict=True)]
    highest = max(votes)
    winners = [option.option for option in options if option.votes == highest and highest > 0]
    return QuestionResult(
        question=question.text,
        options=options,
        blank=blank,
        winners=winners,
        tie=len(winners) > 1,
        unanimous=weight > 0 and all(count in {0, weight} for count in counts),
    )


def cell(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return "'" + text if text.startswith(SPREADSHEET_FORMULAS) else text


def to_csv(result: Result) -> str:
    """One row per option, the blank votes of a question last."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["question", "option", "votes"])
    for question in result.questions:
        for option in question.options:
            writer.writerow([cell(question.question), cell(option.option), option.votes])
        if question.blank is not None:
            writer.writerow([cell(question.question), "(blank)", question.blank])
    return text.getvalue()


def counts_of(record: dict[str, Any]) -> list[list[int]]:
    """The counts in a Result record (large ones are written as strings there)."""
    return [[int(count) for count in question] for question in record["result"]]
