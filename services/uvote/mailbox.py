"""A mailbox for the demo: takes every mail over SMTP, delivers none, and shows all of them on a page."""

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

LINK = re.compile(r"https?://[^\s<>]+")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
details { border: 1px solid #c8d0dc; border-radius: .5rem; margin: .5rem 0; padding: .5rem 1rem }
summary { cursor: pointer } pre { white-space: pre-wrap; font: inherit } .to { color: #55606f }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #e6eaf0 } a { color: #8ab4ff } .to { color: #a3adba }
}
"""


@dataclass(frozen=True)
class Mail:
    """A mail as its reader sees it."""

    to: str
    subject: str
    text: str


@dataclass
class Mailbox:
    """All mails, in the order of their arrival."""

    mails: list[Mail] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Takes one mail."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        async with self.arrived:
            self.mails += [Mail(to, str(message["Subject"]), text) for to in envelope.rcpt_tos]
            self.arrived.notify_all()
        return "250 Caught"

    async def wait_for(self, to: str, containing: str, seconds: float = 60) -> Mail:
        """The newest mail to this address whose text contains these words, once it has arrived."""

        def found() -> list[Mail]:
            return [mail for mail in self.mails if mail.to == to and containing in mail.text]

        try:
            async with asyncio.timeout(seconds), self.arrived:
                await self.arrived.wait_for(lambda: bool(found()))
        except TimeoutError:
            raise TimeoutError(f"No mail to {to} has arrived within {seconds:.0f} s.") from None
        return found()[-1]


def _page(mailbox: Mailbox, to: str | None) -> str:
    """All mails, or one reader's only."""
    shown = [mail for mail in mailbox.mails if to in {None, mail.to}]
    mails = "".join(
        f"<details{' open' if number == 0 else ''}><summary>{html.escape(mail.subject)}"
        f" <span class=to>to {html.escape(mail.to)}</span></summary><pre>{_linked(mail.text)}</pre></details>"
        for number, mail in enumerate(reversed(shown))
    )
    whose = f"to {html.escape(to)} " if to else ""
    every = " <a href='/'>Show all mails</a>" if to else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Mailbox</title><style>{STYLE}</style><main><h1>Mailbox</h1>"
        f"<p>Every mail {whose}that this demo has sent, newest first. None has left this machine.{every}</p>"
        f"{mails}</main></html>"
    )


def _linked(text: str) -> str:
    """The text with its links to press; everything else is only text."""
    parts, end = [], 0
    for match in LINK.finditer(text):
        link = html.escape(match.group(), quote=True)
        parts += [html.escape(text[end : match.start()]), f'<a href="{link}" rel=noreferrer>{link}</a>']
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


@asynccontextmanager
async def mailbox_running(page_port: int) -> AsyncIterator[tuple[Mailbox, int]]:
    """Takes mails while the block runs, and shows them on `page_port`; yields the mailbox and its SMTP port."""
    mailbox = Mailbox()

    async def show(request: Request) -> HTMLResponse:
        page = _page(mailbox, request.query_params.get("to"))
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    app = Starlette(routes=[Route("/", show)])
    page = uvicorn.Server(uvicorn.Config(app, port=page_port, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(page._serve())  # noqa: SLF001  # serve() would take the signals away from the demo
    try:
        yield mailbox, smtp.sockets[0].getsockname()[1]
    finally:
        page.should_exit = True
        await serving
        smtp.close()
