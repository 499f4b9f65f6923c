"""What an organiser may do with an election: asked of `election`, remembered for a moment.

- Strangers are told that there is no such election.
- Whoever changes something is asked for anew; what was remembered is good for reading.
"""

import time
from dataclasses import dataclass, field

from services.election.client import ElectionClient
from services.election.contract import Rights, State
from services.shared.client import Refused
from services.shared.problems import Conflict, NotFound

REMEMBER_SECONDS = 30
REMEMBER_MAX = 10_000


@dataclass
class RightsDesk:
    """Asks and remembers."""

    election: ElectionClient
    remembered: dict[tuple[str, str], tuple[float, Rights]] = field(default_factory=dict)

    async def may_read(self, election_id: str, organiser_id: str) -> Rights:
        """The organiser's rights, at most REMEMBER_SECONDS old; raises NotFound for strangers."""
        until, rights = self.remembered.get((election_id, organiser_id), (0.0, None))
        if rights is not None and time.monotonic() < until:
            return rights
        return await self._ask(election_id, organiser_id)

    async def may_change(self, election_id: str, organiser_id: str, *states: State) -> Rights:
        """The organiser's rights as they are now; raises NotFound for strangers, Conflict outside these states."""
        rights = await self._ask(election_id, organiser_id)
        if rights.state not in states:
            raise Conflict("This cannot be done in the present state of the election.", code="wrong-state")
        return rights

    async def _ask(self, election_id: str, organiser_id: str) -> Rights:
        try:
            rights = await self.election.read_rights(election_id, organiser_id)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            rights = None
        if rights is None or not rights.owner:
            self.remembered.pop((election_id, organiser_id), None)
            raise NotFound("There is no such election.")
        if len(self.remembered) >= REMEMBER_MAX:
            self.remembered.clear()
        self.remembered[election_id, organiser_id] = (time.monotonic() + REMEMBER_SECONDS, rights)
        return rights
