"""Elections of the real belenios-tool that several tests look at and none changes."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.browser.belenios import BeleniosElection
from tests.unit.browser.javascript import ask

QUESTIONS: list[dict[str, Any]] = [
    {"answers": ["Apple", "Pear", "Plum", "Fig", "Quince"], "min": 1, "max": 1, "question": "Which tree?"},
    {"answers": ["Yes", "No"], "blank": True, "min": 1, "max": 1, "question": "A pond?"},
    {"answers": ["Ann", "Bob", "Cleo"], "blank": True, "min": 2, "max": 3, "question": "Board?"},
    {"answers": ["x", "y", "ž"], "min": 0, "max": 3, "question": "Approve"},
]
CHOICES = [[0, 0, 1, 0, 0], [0, 0, 1], [0, 1, 0, 1], [0, 0, 0]]
BLANK = [[1, 0, 0, 0, 0], [1, 0, 0], [1, 0, 0, 0], [1, 1, 1]]


@pytest.fixture(scope="session")
def open_election(tmp_path_factory: pytest.TempPathFactory) -> BeleniosElection:
    """Set up, no ballot yet. Its archive must stay as it is: copy it before adding events."""
    election = BeleniosElection(tmp_path_factory.mktemp("open"), {"ann": 1, "bob": 1, "cleo": 1}, QUESTIONS)
    election.set_up([election.make_trustee_key()])
    return election


@pytest.fixture(scope="session")
def js_ballot(open_election: BeleniosElection) -> str:
    """Ann's ballot, made by the browser's modules."""
    made = ask("makeBallot", definition=open_election.definition, code=open_election.codes["ann"], choices=CHOICES)
    text: str = made["text"]
    return text


@pytest.fixture
def copied_election(open_election: BeleniosElection, tmp_path: Path) -> BeleniosElection:
    """The open election in a directory of its own, to which events may be added."""
    return open_election.copy_to(tmp_path)
