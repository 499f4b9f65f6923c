"""The outcome of checking an archive: a verdict, what was checked, and what the archive says."""

from dataclasses import dataclass, field
from typing import Any

from services.voting.question import Question

CHECKS = (
    "archive",
    "election",
    "trustees",
    "credentials",
    "ballots",
    "encrypted tally",
    "shuffles",
    "partial decryptions",
    "result",
)
PASSED, FAILED, NOT_REACHED = "passed", "failed", "not reached"


class Rejected(Exception):
    """The archive breaks a rule; `height` is that of the first event that does, `check` the kind of the rule."""

    def __init__(self, check: str, height: int, rule: str) -> None:
        super().__init__(rule)
        self.check, self.height, self.rule = check, height, rule


@dataclass
class Report:
    """What is known so far; complete when the check ends. Names come from the archive and may hold anything."""

    name: str | None = None
    uuid: str | None = None
    fingerprint: str | None = None
    questions: tuple[Question, ...] = ()
    voters: int = 0
    ballots: int = 0
    counted: int = 0
    weight: int = 0
    trustees: list[str | None] = field(default_factory=list)
    decrypted_by: list[int] = field(default_factory=list)
    result: list[list[Any]] | None = None
    checks: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CHECKS, NOT_REACHED))  # by name, in order
    rejected: Rejected | None = None

    @property
    def accepted(self) -> bool:
        return self.rejected is None

    @property
    def complete(self) -> bool:
        """Whether there is a result, so that nothing can follow."""
        return self.accepted and self.result is not None

    def passed(self, check: str) -> None:
        self.checks[check] = PASSED

    def reject(self, rejected: Rejected) -> None:
        self.rejected = rejected
        self.checks[rejected.check] = FAILED

    def to_json(self) -> dict[str, Any]:
        rejected = self.rejected
        return {
            "verdict": "accepted" if self.accepted else "rejected",
            "complete": self.complete,
            "rejected": rejected and {"event": rejected.height, "check": rejected.check, "rule": rejected.rule},
            "name": self.name,
            "uuid": self.uuid,
            "fingerprint": self.fingerprint,
            "questions": [question.to_json() for question in self.questions],
            "voters": self.voters,
            "ballots": self.ballots,
            "counted": self.counted,
            "weight": self.weight,
            "trustees": self.trustees,
            "decrypted_by": self.decrypted_by,
            "result": self.result,
            "checks": [{"check": check, "verdict": verdict} for check, verdict in self.checks.items()],
        }
