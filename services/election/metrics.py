"""What `election` measures: acts on elections, and the steps that other services owe, never by election or person."""

import time
from collections.abc import Iterable

from observability.telemetry.metrics import counter, gauge
from observability.telemetry.registry import registry

ACTS = frozenset(registry().values("act"))
OWED = registry().values("owed_step")
CLASSES = registry().values("election_class")

acts = counter("uvote_acts")
steps_owed = gauge("uvote_steps_owed")
step_oldest = gauge("uvote_step_oldest_seconds")

Owed = tuple[str, str, str]  # step, class of the election, its uuid


def count_act(action: str, election_class: str) -> None:
    """Something was done to an election, and the audit log has it; what services report by themselves is no act."""
    if action in ACTS:
        acts.add(act=action, election_class=election_class)


class OwedSteps:
    """Since when this process knows of each step that is owed."""

    def __init__(self) -> None:
        self.since: dict[Owed, float] = {}
        for step in OWED:
            for election_class in CLASSES:
                self._show(step, election_class)

    def note(self, owed: Iterable[Owed]) -> None:
        """These are owed now, and no others."""
        now = time.monotonic()
        self.since = {each: self.since.get(each, now) for each in owed if each[0] in OWED}

    def _show(self, step: str, election_class: str) -> None:
        def ages() -> list[float]:
            now = time.monotonic()
            return [now - since for each, since in self.since.items() if each[:2] == (step, election_class)]

        labels = {"owed": step, "election_class": election_class}
        steps_owed.read_by(lambda: len(ages()), **labels)
        step_oldest.read_by(lambda: max(ages(), default=0.0) // 1, **labels)
