"""One conversation with the mail server, and what its answers mean.

- Every wait is bounded.
- The mail server's permanent refusal of a recipient or of a mail (5xx) is final; everything else may be better later.
- Trouble that is not about one mail (no connection, no TLS, our sign-in or sender refused) is told apart, so that the
  queue rests instead of trying one mail after the other.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

import aiosmtplib

from services.voter.mails import Envelope, one_line
from services.voter.settings import VoterSettings

MAILS_PER_CONNECTION = 100
IDLE_SECONDS = 10
REPLY_MAX = 300
# A whole mail takes several waits; together they stay below what the database allows the sender to hold a mail.
CONVERSATION_SECONDS = 120


class Outcome(StrEnum):
    """What became of a mail. `TROUBLE` means deferred too, for a reason that concerns all mails."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    TROUBLE = "trouble"


@dataclass(frozen=True)
class Answer:
    """What the mail server said to one mail."""

    outcome: Outcome
    reply: str


class MailServer:
    """Keeps a connection while mails follow each other. For one task at a time."""

    def __init__(self, settings: VoterSettings) -> None:
        self.settings = settings
        self.connection: aiosmtplib.SMTP | None = None
        self.mails = 0
        self.last_used = 0.0

    async def send(self, envelope: Envelope, *, seconds: float = CONVERSATION_SECONDS) -> Answer:
        """Hands over one mail; never raises for what a mail server can do."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._send(envelope)
        except TimeoutError:
            answer = Answer(Outcome.TROUBLE, "The mail server did not answer in time.")
        except (OSError, aiosmtplib.SMTPException) as error:
            answer = meaning(error)
        if answer.outcome != Outcome.ACCEPTED:
            await self.close()
        return answer

    async def _send(self, envelope: Envelope) -> Answer:
        connection = await self._connected()
        self.mails += 1
        self.last_used = asyncio.get_running_loop().time()
        options = ["SMTPUTF8", "BODY=8BITMIME"] if envelope.international else []
        _, reply = await connection.sendmail(
            self.settings.mail_from, [envelope.recipient], envelope.raw, mail_options=options
        )
        return Answer(Outcome.ACCEPTED, _words(reply))

    async def _connected(self) -> aiosmtplib.SMTP:
        idle = asyncio.get_running_loop().time() - self.last_used
        if self.connection is not None and (self.mails >= MAILS_PER_CONNECTION or idle > IDLE_SECONDS):
            await self.close()
        if self.connection is None or not self.connection.is_connected:
            self.connection, self.mails = self._client(), 0
            await self.connection.connect()
        return self.connection

    def _client(self) -> aiosmtplib.SMTP:
        password = self.settings.smtp_password
        return aiosmtplib.SMTP(
            hostname=self.settings.smtp_host,
            port=self.settings.smtp_port,
            username=self.settings.smtp_user,
            password=password.get_secret_value() if password else None,
            timeout=self.settings.smtp_seconds,
            use_tls=self.settings.smtp_tls == "tls",
            start_tls=self.settings.smtp_tls == "starttls",
        )

    async def close(self) -> None:
        """Ends the connection, without waiting for good manners."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def meaning(error: Exception) -> Answer:
    """What an error of the conversation means for the mail."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError):
        outcome = Outcome.REFUSED if 500 <= error.code < 600 else Outcome.DEFERRED
        return Answer(outcome, _words(f"{error.code} {error.message}"))
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return Answer(Outcome.REFUSED, "The mail server takes no address with other letters than ASCII.")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Answer(Outcome.TROUBLE, _words(f"{error.code} {error.message}"))
    if isinstance(error, TimeoutError):
        return Answer(Outcome.TROUBLE, "The mail server did not answer in time.")
    return Answer(Outcome.TROUBLE, "The connection to the mail server failed.")


def _words(reply: str) -> str:
    return one_line(reply)[:REPLY_MAX]
