"""Sealing an election: the roll is frozen, every voter gets a code, and the board gets the sorted public list.

- Interrupted anywhere and started again it ends in the same bytes: the roll stands still, the secret is drawn once,
  and the rest is computed from the two.
- The list is sorted as a whole before any of it leaves, so that it says nothing of the roll's order.
- One replica at a time; two would do no harm.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from typing import Self

import structlog

from services.ballot.client import BallotClient
from services.ballot.contract import CREDENTIALS_PAGE, CredentialsPage, CredentialsSeal
from services.election.client import ElectionClient
from services.election.contract import Report, Step
from services.shared.database import Database
from services.voter.codes import SealedSecret
from services.voter.credentials import compute_credentials
from services.voter.store import Store
from services.voter.store_edition import EditionStore
from services.voting.credential import PublicCredential, render_credentials

log = structlog.get_logger()


@dataclass(frozen=True)
class FrozenRoll:
    """A roll that stands still, and the secret of its codes."""

    secret: bytes
    weights: list[tuple[str, int]]

    @property
    def voter_ids(self) -> list[str]:
        """The voters, in the order of `weights`."""
        return [voter_id for voter_id, _ in self.weights]


class RollNotFrozen(Exception):
    """The roll is frozen for another edition, or this edition has ended: somebody else's news is newer."""


@dataclass(frozen=True)
class PublicList:
    """The public list as it travels: pages in numeric order, and what they are together."""

    pages: list[CredentialsPage]
    seal: CredentialsSeal

    @classmethod
    def of(cls, credentials: list[PublicCredential]) -> Self:
        """Sorts and cuts; a second of computing for 100,000 voters."""
        lines = json.loads(record := render_credentials(credentials))
        starts = range(0, len(lines), CREDENTIALS_PAGE)
        pages = [CredentialsPage(credentials=lines[start : start + CREDENTIALS_PAGE]) for start in starts]
        total_weight = sum(credential.weight for credential in credentials)
        digest = hashlib.sha256(record).hexdigest()
        return cls(pages, CredentialsSeal(pages=len(pages), count=len(lines), total_weight=total_weight, hash=digest))


@dataclass(frozen=True)
class Sealing:
    """The step FREEZE_ROLL."""

    database: Database
    election: ElectionClient
    ballot: BallotClient
    sealing_key: bytes
    # Lists that could not be sent yet: computed once in the life of this process.
    computed: dict[str, PublicList] = field(default_factory=dict)

    async def freeze_roll(self, election_id: str, uuid: str) -> None:
        """Does the whole step and reports it; raises RollNotFrozen when it is not to be done (any more)."""
        roll = await self.freeze(election_id, uuid)
        if not roll.weights:
            report = Report(uuid=uuid, done=False, problem="The roll is empty.")
        else:
            if uuid not in self.computed:
                self.computed[uuid] = await self.compute_list(election_id, uuid, roll)
            report = await self.send_list(uuid, self.computed[uuid])
        await self.election.report_step(election_id, Step.FREEZE_ROLL, report)
        self.computed.pop(uuid, None)
        log.info("roll_frozen")

    async def freeze(self, election_id: str, uuid: str) -> FrozenRoll:
        """The roll stands still from here on; the secret is drawn if there is none."""
        async with self.database.transaction("freeze_roll") as connection:
            store = EditionStore(connection)
            if not await store.freeze_roll(election_id, uuid):
                self.computed.pop(uuid, None)
                raise RollNotFrozen
            await store.put_secret(uuid, SealedSecret.create(uuid, self.sealing_key))
            sealed = await store.read_secret(uuid)
            assert sealed is not None
            weights = await Store(connection).list_weights(election_id)
        return FrozenRoll(sealed.open(uuid, self.sealing_key), weights)

    async def compute_list(self, election_id: str, uuid: str, roll: FrozenRoll) -> PublicList:
        """The public credential of every voter; how far it has come is noted on the way."""
        keys: list[str] = []
        async for chunk in compute_credentials(roll.secret, uuid, roll.voter_ids):
            keys += chunk
            async with self.database.transaction("note_progress") as connection:
                await EditionStore(connection).note_progress(election_id, uuid, len(keys))
        pairs = zip(keys, roll.weights, strict=True)
        credentials = [PublicCredential(key, weight) for key, (_, weight) in pairs]
        return await asyncio.to_thread(PublicList.of, credentials)

    async def send_list(self, uuid: str, public: PublicList) -> Report:
        """Hands the sorted list to the board; the report on it."""
        for number, page in enumerate(public.pages):
            await self.ballot.put_credentials_page(uuid, number, page)
        await self.ballot.seal_credentials(uuid, public.seal)
        seal = public.seal
        facts: dict[str, str | int] = {
            "voters": seal.count,
            "total_weight": seal.total_weight,
            "credentials": seal.hash,
        }
        return Report(uuid=uuid, facts=facts)
