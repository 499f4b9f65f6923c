"""Follows what `election` wants done, and does it, step by step, each as a job that can be begun again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property

import structlog

from services.election.client import ElectionClient
from services.election.contract import Announcement, State, Step, Work
from services.shared.client import Refused
from services.shared.database import Database
from services.shared.problems import Unavailable
from services.voter.ending import Ending
from services.voter.inviting import Inviting
from services.voter.sealing import RollNotFrozen, Sealing
from services.voter.store import Store
from services.voter.store_edition import EditionStore

log = structlog.get_logger()

ANNOUNCED = {State.SEALING, State.SEALED, State.UNSEALING, State.OPEN}


@dataclass
class Working:
    """The work of this replica. What computes credentials goes one after the other, as each of it takes all cores."""

    database: Database
    election: ElectionClient
    sealing: Sealing
    ending: Ending
    inviting: Inviting
    heavy: asyncio.Lock = field(default_factory=asyncio.Lock)
    jobs: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    announced: dict[str, str] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)

    @cached_property
    def actions(self) -> dict[str, Callable[[str, str], Awaitable[None]]]:
        """What each work is done by."""
        return {
            Step.FREEZE_ROLL: self._seal,
            Step.WITHDRAW_CODES: self.ending.withdraw_codes,
            Step.DESTROY_SECRETS: self.ending.destroy_secrets,
            Step.APPLY_RETENTION: self.ending.apply_retention,
            "remind": self._remind,
        }

    async def follow(self) -> None:
        """One round: learns what is wanted and begins what is not under way."""
        self.jobs = {name: job for name, job in self.jobs.items() if not job.done()}
        for work in await self.election.list_work():
            await self._announce(work)
            await self._open(work)
            for step in work.steps:
                self._begin(step, work.election_id, work.uuid)
        async with self.database.transaction("list_reminding", readonly=True) as connection:
            reminding = await EditionStore(connection).list_reminding()
        for row in reminding:
            self._begin("remind", row["election_id"], row["uuid"])

    async def close(self) -> None:
        """Breaks off what is under way."""
        for job in self.jobs.values():
            job.cancel()
        await asyncio.gather(*self.jobs.values(), return_exceptions=True)

    def _begin(self, name: str, election_id: str, uuid: str) -> None:
        if name in self.actions and (job := f"{name} {uuid}") not in self.jobs:
            self.jobs[job] = asyncio.create_task(self._do(name, election_id, uuid))

    async def _do(self, name: str, election_id: str, uuid: str) -> None:
        """One attempt; the next round makes another one while the work is still wanted."""
        try:
            await self.actions[name](election_id, uuid)
        except Unavailable:
            log.warning("work_waits", work=name)
        except RollNotFrozen:
            log.info("work_withdrawn", work=name)
        except Refused as refusal:
            log.warning("work_refused", work=name, problem=refusal.type)
        except Exception as error:  # noqa: BLE001  # the next round tries again; the log names the kind alone
            log.error("work_failed", work=name, error=type(error).__name__)

    async def _seal(self, election_id: str, uuid: str) -> None:
        await self._alone("seal", uuid, lambda: self.sealing.freeze_roll(election_id, uuid))

    async def _remind(self, election_id: str, uuid: str) -> None:
        await self._alone("remind", uuid, lambda: self.inviting.remind(election_id, uuid))

    async def _alone(self, name: str, uuid: str, action: Callable[[], Awaitable[None]]) -> None:
        """One at a time in this process, and of each work one in all replicas."""
        async with self.heavy, self.database.transaction("hold_work") as connection:
            if await EditionStore(connection).try_lock_work(f"{name} {uuid}"):
                await action()

    async def _announce(self, work: Work) -> None:
        """Keeps what the mails say."""
        announcement = Announcement.model_validate(work.model_dump(include=set(Announcement.model_fields)))
        text = announcement.model_dump_json()
        if work.state not in ANNOUNCED or self.announced.get(work.uuid) == text:
            return
        async with self.database.transaction("put_announcement") as connection:
            await Store(connection).ensure_roll(work.election_id)
            await EditionStore(connection).put_announcement(work.election_id, work.uuid, text)
        self.announced[work.uuid] = text

    async def _open(self, work: Work) -> None:
        if work.state == State.OPEN and work.uuid not in self.opened:
            await self.inviting.invite_at_opening(work.election_id, work.uuid)
            self.opened.add(work.uuid)
