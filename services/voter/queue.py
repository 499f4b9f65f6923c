"""Sends what is queued, one mail at a time in each replica, at a pace that all replicas share.

- A mail is held by its row's lock while it is on its way: a process that is killed lets go of it at once, and the mail
  is sent again with the same Message-ID. That can happen to no more than the one mail in flight.
- What the mail server said is committed before the next mail is begun.
- A mail that could not be handed over waits twice as long each time. While the mail server as a whole is in trouble,
  the queue rests instead.
- Nothing but the mails waits for the mail server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from asyncpg import Record

from services.shared.database import Database
from services.shared.problems import Unavailable
from services.voter import metrics
from services.voter.mails import Envelope
from services.voter.settings import VoterSettings
from services.voter.smtp import Answer, MailServer, Outcome
from services.voter.store_mail import MailStore

log = structlog.get_logger()

WAIT_MAX = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
REST_MAX_SECONDS = 60
DRAIN_SECONDS = 10

# Makes the mail that a row stands for; None when nobody wants it any more, a text when it cannot be made any more.
Compose = Callable[[Record], Awaitable[Envelope | str | None]]


def wait_before_retry(attempts: int, first: float) -> timedelta:
    """How long a mail waits after this many failed attempts (from 1): `first` seconds, then twice as long each time."""
    return min(WAIT_MAX, timedelta(seconds=first * 2 ** min(attempts - 1, 20)))


class Queue:
    """The sender of this replica."""

    def __init__(self, database: Database, settings: VoterSettings, compose: Compose) -> None:
        self.database = database
        self.settings = settings
        self.compose = compose
        self.server = MailServer(settings)
        self.stopping = asyncio.Event()
        self.troubles = 0

    async def send_next(self) -> float:
        """Sends a mail if one is due; seconds to rest before the next look."""
        interval = timedelta(seconds=60 / self.settings.mails_per_minute)
        async with self.database.transaction("reserve_sending") as connection:
            wait = await MailStore(connection).reserve_sending(interval)
        if wait is None:
            return self.settings.poll_seconds
        await self._rest(wait)
        if self.stopping.is_set():
            return 0
        answer = await self._send_one()
        self.troubles = self.troubles + 1 if answer and answer.outcome == Outcome.TROUBLE else 0
        return min(REST_MAX_SECONDS, self.settings.poll_seconds * 2**self.troubles) if self.troubles else 0

    async def _send_one(self) -> Answer | None:
        async with self.database.transaction("send_mail") as connection:
            store = MailStore(connection)
            mail = await store.claim_mail()
            if mail is None:
                return None
            answer = await self._hand_over(mail)
            if answer is None:
                await store.drop_mail(mail["id"])
            else:
                await self._note(store, mail, answer)
                metrics.mails.add(kind=mail["kind"], mail_outcome=answer.outcome.value)
        return answer

    async def _hand_over(self, mail: Record) -> Answer | None:
        try:
            envelope = await self.compose(mail)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other mails do not wait for this one
            log.warning("mail_not_made", error=type(error).__name__)
            return Answer(Outcome.DEFERRED, "The mail could not be made yet.")
        if envelope is None or isinstance(envelope, str):
            return Answer(Outcome.REFUSED, envelope) if envelope else None
        return await self.server.send(envelope)

    async def _note(self, store: MailStore, mail: Record, answer: Answer) -> None:
        if answer.outcome not in {Outcome.DEFERRED, Outcome.TROUBLE}:
            await self._note_final(store, mail, answer.outcome, answer.reply)
        elif mail["age"] > GIVE_UP_AFTER:
            await self._note_final(store, mail, Outcome.REFUSED, answer.reply)
        else:
            wait = wait_before_retry(mail["attempts"] + 1, self.settings.mail_retry_seconds)
            await store.note_deferred(mail["id"], answer.reply, wait)

    async def _note_final(self, store: MailStore, mail: Record, outcome: Outcome, reply: str) -> None:
        if mail["kind"] == "reminder":
            await store.forget_reminder(mail["id"], outcome)
        else:
            await store.note_final(mail["id"], outcome, reply)

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def run(self) -> None:
        """Sends until told to stop, whatever goes wrong meanwhile."""
        while not self.stopping.is_set():
            try:
                rest = await self.send_next()
            except Unavailable:
                log.warning("sending_waits")
                rest = 1
            except Exception as error:  # noqa: BLE001  # the next round tries again; the log names the kind alone
                log.error("sending_failed", error=type(error).__name__)
                rest = 5
            await self._rest(rest)
        await self.server.close()


@asynccontextmanager
async def sending(queue: Queue) -> AsyncIterator[None]:
    """Sends until the block ends; the mail in flight is then finished first, unless that takes long."""
    task: asyncio.Task[Any] = asyncio.create_task(queue.run())
    try:
        yield
    finally:
        queue.stopping.set()
        await asyncio.wait({task}, timeout=DRAIN_SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
