"""A real SMTP server that keeps what it takes, and can be told to be difficult."""

import asyncio
import email
import email.policy
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

WAIT_SECONDS = 30
CODE = re.compile(r"^    (\w{3}(?:-\w{3}){4})\r?$", re.MULTILINE)
LINK = re.compile(r"^(https?://\S+/\S+#\S+)\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Delivery:
    """A mail that was accepted."""

    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def text(self) -> str:
        content: str = self.message.get_content()
        return content

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def code(self) -> str:
        found = CODE.search(self.text)
        assert found, "the mail shows no code"
        return found[1]

    @property
    def link(self) -> str:
        found = LINK.search(self.text)
        assert found, "the mail shows no link"
        return found[1]


@dataclass
class Mailbox:
    """What came, and how those who bring it are treated. `answers` to recipients are used up one by one.

    An answer is a line of SMTP, or `drop` (the connection ends), or `stall` (nothing is said until `released`), or
    `keep` (the mail is kept, and nothing is said until then).
    """

    deliveries: list[Delivery] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    data_answers: dict[str, list[str]] = field(default_factory=dict)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(server, self.answers, address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # the same
        (to,) = envelope.rcpt_tos
        assert isinstance(envelope.content, bytes)
        if self.data_answers.get(to, [])[:1] == ["keep"]:
            self.deliveries.append(Delivery(to, envelope.content))
        answer = await self._answer(server, self.data_answers, to)
        if answer is None:
            self.deliveries.append(Delivery(to, envelope.content))
        return answer or "250 kept"

    async def _answer(self, server: SMTP, answers: dict[str, list[str]], address: str) -> str | None:
        if not answers.get(address):
            return None
        answer = answers[address].pop(0)
        if answer == "drop":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        elif answer in {"stall", "keep"}:
            self.stalled.set()
            await self.released.wait()
        return answer

    def to(self, address: str) -> list[Delivery]:
        return [delivery for delivery in list(self.deliveries) if delivery.to == address]

    async def wait_for(self, address: str, number: int = 1) -> Delivery:
        """The mail to this address that is the `number`th."""
        await self.wait_until(lambda: len(self.to(address)) >= number)
        return self.to(address)[number - 1]

    async def wait_until(self, condition: Any) -> None:
        await until(condition)


async def until(condition: Any) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it does not come to that"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(port: int, *, socket_tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Mailbox]:
    """A mailbox at this port; with `socket_tls` it speaks TLS from the first byte."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(mailbox, hostname="mailbox", loop=loop, **({"enable_SMTPUTF8": True} | options))

    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=socket_tls)
    try:
        yield mailbox
    finally:
        mailbox.released.set()
        server.close()
