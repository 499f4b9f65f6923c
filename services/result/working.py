"""One round of what `result` does by itself: follow boards, post tallies and results.

An election that cannot be worked on does not hold up the others.
"""

import structlog

from services.election.client import ElectionClient
from services.election.contract import Work
from services.result.counting import BrokenBoard
from services.result.decrypting import Decrypting
from services.result.following import Following
from services.result.watching import Watch
from services.shared.client import Refused
from services.shared.problems import Unavailable

log = structlog.get_logger()


class Working:
    """The rounds."""

    def __init__(self, election: ElectionClient, following: Following, decrypting: Decrypting, watch: Watch) -> None:
        self.election = election
        self.following = following
        self.decrypting = decrypting
        self.watch = watch

    async def round(self) -> None:
        """Looks at every election that `election` names."""
        works = await self.election.list_work()
        for work in works:
            try:
                await self._work(work)
            except BrokenBoard:
                self.watch.of(work).note_board(holds=False)
                log.error("board_broken")
            except Refused as refusal:
                log.warning("work_refused", problem=refusal.type)
            except Unavailable:
                log.warning("work_waits")
        self.watch.end_round(works)

    async def _work(self, work: Work) -> None:
        row = await self.following.follow(work)
        await self.decrypting.work(work, row)
        await self.watch.look(work, row)
