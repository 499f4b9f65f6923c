"""What is said of the elections that `result` works on.

- Whether the tally holds what the board does is compared at one height: a board that has moved on meanwhile is compared
  later.
- How many ballots are in the tally is said after the board has ended, and in whole tens.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from observability.telemetry.ticks import MANY
from services.ballot.client import BallotClient
from services.election.contract import Work
from services.result import metrics
from services.result.decrypting import Decrypting
from services.result.store import TallyRow

LOOK_SECONDS = 10
AGE_STEP = 30  # seconds


def phase_of(row: TallyRow | None) -> str:
    """How far a tally is, by the registered word."""
    if row is None or not row.position.ended:
        return "following"
    if row.tally_head is None:
        return "counting"
    return "awaiting_trustees" if row.result is None else "decrypted"


class Seen:
    """What is known of one election."""

    def __init__(self, work: Work) -> None:
        self.labels: Mapping[str, str] = {"election": work.uuid, "election_class": work.election_class}
        self.election_class: str = work.election_class
        self.phase = "following"
        self.looked = float("-inf")
        self.checked = self.compared = time.monotonic()
        metrics.board_check_age.read_by(lambda: _age(self.checked), **self.labels)
        metrics.board_broken.set(0, **self.labels)
        metrics.tally_counted.set(0, **self.labels)

    def note_board(self, *, holds: bool) -> None:
        """Whether the board's chain was found to continue."""
        metrics.board_broken.set(not holds, **self.labels)
        if holds:
            self.checked = time.monotonic()

    def note_numbers(self, *, match: bool) -> None:
        """Whether the exact numbers of board and tally agree."""
        self.compared = time.monotonic()
        metrics.numbers_match.set(match, **self.labels)
        metrics.numbers_age.read_by(lambda: _age(self.compared), **self.labels)

    def note_tally(self, row: TallyRow, shares: Mapping[str, int]) -> None:
        """What is in the tally, and who of the trustees has done what."""
        metrics.tally_counted.set(row.counted // MANY * MANY if row.position.ended else 0, **self.labels)
        for share in metrics.SHARES:
            metrics.tally_trustees.set(shares.get(share, 0), **self.labels, share=share)

    def forget(self) -> None:
        """The election is done with."""
        for gauge in OF_AN_ELECTION:
            gauge.forget(**self.labels)
        for share in metrics.SHARES:
            metrics.tally_trustees.forget(**self.labels, share=share)


OF_AN_ELECTION = (
    metrics.board_check_age,
    metrics.board_broken,
    metrics.tally_counted,
    metrics.numbers_match,
    metrics.numbers_age,
)


def _age(at: float) -> float:
    return (time.monotonic() - at) // AGE_STEP * AGE_STEP


@dataclass(frozen=True)
class Watch:
    """Looks at elections in the rounds of work."""

    ballot: BallotClient
    decrypting: Decrypting
    seen: dict[str, Seen]

    def of(self, work: Work) -> Seen:
        """What is known of this election."""
        if work.uuid not in self.seen:
            self.seen[work.uuid] = Seen(work)
        return self.seen[work.uuid]

    async def look(self, work: Work, row: TallyRow | None) -> None:
        """Once, and not again for a while."""
        seen = self.of(work)
        seen.note_board(holds=True)
        seen.phase = phase_of(row)
        if row is None or time.monotonic() - seen.looked < LOOK_SECONDS:
            return
        if await self._compare(seen, row):
            seen.looked = time.monotonic()
        tally = await self.decrypting.read_tally(row.uuid)
        seen.note_tally(row, Counter(share.status for share in tally.shares))

    async def _compare(self, seen: Seen, row: TallyRow) -> bool:
        """Compares the numbers if the board stands where the tally does; whether it did."""
        board = await self.ballot.read_board(row.uuid)
        if board.height != row.position.height and not row.position.ended:
            return False
        on_board = (board.ballots, board.voted, board.voted_weight)
        seen.note_numbers(match=on_board == (row.position.ballots, row.counted, row.weight))
        return True

    def end_round(self, works: list[Work]) -> None:
        """These are the elections under way, and no others."""
        for uuid in self.seen.keys() - {work.uuid for work in works}:
            self.seen.pop(uuid).forget()
        found = Counter((seen.phase, seen.election_class) for seen in self.seen.values())
        for phase in metrics.PHASES:
            for election_class in metrics.CLASSES:
                metrics.tallies.set(found[phase, election_class], phase=phase, election_class=election_class)
