"""A result names winners, ties and unanimity, and no cell of its table is taken for a formula."""

import csv
import io

import pytest

from services.result.contract import OptionCount, QuestionResult, Result
from services.result.outcome import counts_of, question_result, to_csv
from services.voting.question import HomomorphicQuestion


def question(*, blank: bool = False) -> HomomorphicQuestion:
    return HomomorphicQuestion(answers=("a", "b", "c"), blank=blank, minimum=0, maximum=3, text="Which?")


@pytest.mark.parametrize(
    ("counts", "weight", "winners", "tie", "unanimous"),
    [
        ([3, 1, 0], 4, ["a"], False, False),
        ([2, 2, 0], 4, ["a", "b"], True, False),
        ([4, 0, 0], 4, ["a"], False, True),
        ([4, 4, 0], 4, ["a", "b"], True, True),
        ([0, 0, 0], 0, [], False, False),
        ([0, 0, 0], 4, [], False, True),
    ],
)
def test_winners_ties_and_unanimity_are_named(
    counts: list[int], weight: int, winners: list[str], tie: bool, unanimous: bool
) -> None:
    outcome = question_result(question(), counts, weight)
    assert (outcome.winners, outcome.tie, outcome.unanimous) == (winners, tie, unanimous)


def test_blank_votes_win_nothing_and_break_unanimity() -> None:
    outcome = question_result(question(blank=True), [3, 1, 0, 0], 4)
    assert (outcome.blank, outcome.winners, outcome.unanimous) == (3, ["a"], False)


def test_counts_written_as_text_are_numbers_again() -> None:
    assert counts_of({"result": [["1073741824", 2]]}) == [[1073741824, 2]]


def test_no_cell_of_the_table_is_a_formula() -> None:
    options = [OptionCount(option="=1+1", votes=2), OptionCount(option="plain", votes=1)]
    asked = QuestionResult(question="@x", options=options, blank=4, winners=["=1+1"], tie=False, unanimous=False)
    result = Result(
        uuid="1" * 22,
        name="n",
        fingerprint="f",
        voters=9,
        voted=7,
        ballots=8,
        total_weight=9,
        voted_weight=7,
        questions=[asked],
        trustees=["t"],
        head="0" * 64,
        archive_bytes=1,
        record={},
    )
    rows = list(csv.reader(io.StringIO(to_csv(result))))
    assert rows == [
        ["question", "option", "votes"],
        ["'@x", "'=1+1", "2"],
        ["'@x", "plain", "1"],
        ["'@x", "(blank)", "4"],
    ]
