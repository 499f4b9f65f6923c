"""What `voter` measures of its mails: by kind and by what the mail server said, never by person."""

from dataclasses import dataclass

from observability.telemetry.metrics import counter, gauge
from observability.telemetry.registry import registry
from services.shared.database import Database
from services.voter.store_mail import MailStore

KINDS = registry().values("mail_kind")
STATES = registry().values("mail_state")
WATCH_SECONDS = 10

mails = counter("uvote_mails")
mails_waiting = gauge("uvote_mails_waiting")
mails_oldest = gauge("uvote_mails_oldest_seconds")


@dataclass(frozen=True)
class MailWatch:
    """Looks at the queue."""

    database: Database

    async def look(self) -> None:
        """How many mails wait, and how long the oldest has."""
        async with self.database.transaction("read_mail_queue", readonly=True) as connection:
            rows = await MailStore(connection).read_mail_queue()
        waiting = {(row["kind"], row["status"]): row for row in rows}
        for state in STATES:
            for kind in KINDS:
                row = waiting.get((kind, state))
                mails_waiting.set(row["mails"] if row else 0, kind=kind, mail_state=state)
            oldest = max((row["oldest"] for row in rows if row["status"] == state), default=0.0)
            mails_oldest.set(oldest // 1, mail_state=state)
