"""One conversation with a real mail server: TLS in its forms, sign-in, trouble, and a server that says nothing."""

import base64
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from services.voter.mails import Envelope, Letterhead
from services.voter.settings import VoterSettings
from services.voter.smtp import Answer, MailServer, Outcome
from tests.service.harness import free_port
from tests.service.mailbox import Mailbox, listening

KEY = base64.b64encode(bytes(32)).decode()
TO = "anna@example.org"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost` that signs itself, with its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(file)]
    made = subprocess.run([*command, "-out", "-"], check=True, capture_output=True)
    with file.open("ab") as both:
        both.write(made.stdout)
    return file


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The certificate is one that this process trusts; the server's side of it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def settings(port: int, **changes: Any) -> VoterSettings:
    told: dict[str, Any] = {
        "port": 0,
        "caller_key": KEY,
        "database_url": "postgresql://nowhere",
        "election_url": "http://nowhere",
        "ballot_url": "http://nowhere",
        "frontend_url": "http://nowhere",
        "sealing_key": KEY,
        "smtp_host": "localhost",
        "smtp_port": port,
        "smtp_tls": "none",
        "smtp_seconds": 5,
        "mail_from": "vote@uvote.example",
    }
    return VoterSettings(**(told | changes))


def mail(to: str = TO) -> Envelope:
    letterhead = Letterhead("vote@uvote.example", "http://nowhere")
    return letterhead.write("code_withdrawn.txt", to=to, subject="S", message_id="1", reply_to=None, **WORDS)


WORDS: dict[str, Any] = {"mail": {"greeting": "Dear voter,", "contact": "Ask."}, "name": "Board"}


async def send(port: int, to: str = TO, **changes: Any) -> Answer:
    server = MailServer(settings(port, **changes))
    answer = await server.send(mail(to), seconds=5)
    await server.close()
    return answer


@asynccontextmanager
async def a_mailbox(**options: Any) -> AsyncIterator[tuple[int, Mailbox]]:
    port = free_port()
    async with listening(port, **options) as mailbox:
        yield port, mailbox


async def test_starttls_is_used_and_required(trusted: ssl.SSLContext) -> None:
    async with a_mailbox(tls_context=trusted, require_starttls=True) as (port, mailbox):
        assert (await send(port, smtp_tls="starttls")).outcome == Outcome.ACCEPTED
        assert len(mailbox.deliveries) == 1
    async with a_mailbox() as (port, mailbox):
        assert (await send(port, smtp_tls="starttls")).outcome == Outcome.TROUBLE
        assert not mailbox.deliveries


async def test_tls_from_the_first_byte(trusted: ssl.SSLContext) -> None:
    async with a_mailbox(socket_tls=trusted) as (port, mailbox):
        assert (await send(port, smtp_tls="tls")).outcome == Outcome.ACCEPTED
        assert len(mailbox.deliveries) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with a_mailbox(socket_tls=context) as (port, mailbox):
        assert (await send(port, smtp_tls="tls")).outcome == Outcome.TROUBLE
        assert not mailbox.deliveries


@pytest.mark.filterwarnings("ignore:Session.login_data")  # aiosmtpd warns of its own use of it
async def test_a_sign_in_that_fails_is_trouble_for_all_mails(trusted: ssl.SSLContext) -> None:
    def check(_server: SMTP, _session: Any, _envelope: Any, _mechanism: str, said: LoginPassword) -> AuthResult:
        return AuthResult(success=said == (b"uvote", b"right"), handled=False)

    async with a_mailbox(authenticator=check, auth_required=True, tls_context=trusted) as (port, mailbox):
        signed_in = {"smtp_tls": "starttls", "smtp_user": "uvote"}
        wrong = await send(port, smtp_password="wrong", **signed_in)
        assert (wrong.outcome, wrong.reply[:4]) == (Outcome.TROUBLE, "535 ")
        assert (await send(port, smtp_password="right", **signed_in)).outcome == Outcome.ACCEPTED
        assert len(mailbox.deliveries) == 1


async def test_a_server_that_is_not_there_or_says_nothing_is_trouble() -> None:
    assert (await send(free_port())).outcome == Outcome.TROUBLE
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = await send(silent.getsockname()[1], smtp_host="127.0.0.1", smtp_seconds=0.2)
    assert answer == Answer(Outcome.TROUBLE, "The mail server did not answer in time.")


async def test_an_address_of_other_letters_goes_to_a_server_that_takes_them() -> None:
    async with a_mailbox() as (port, mailbox):
        assert (await send(port, "\u00c4nna@example.org")).outcome == Outcome.ACCEPTED
        assert mailbox.deliveries[0].to == "\u00c4nna@example.org"
    async with a_mailbox(enable_SMTPUTF8=False) as (port, mailbox):
        assert (await send(port, "\u00c4nna@example.org")).outcome == Outcome.REFUSED


async def test_mails_that_follow_each_other_share_a_connection() -> None:
    async with a_mailbox() as (port, mailbox):
        server = MailServer(settings(port))
        for _ in range(3):
            assert (await server.send(mail())).outcome == Outcome.ACCEPTED
            connection = server.connection
        assert server.mails == 3
        assert connection is server.connection
        mailbox.answers[TO] = ["drop"]
        assert (await server.send(mail())).outcome == Outcome.TROUBLE
        assert (await server.send(mail())).outcome == Outcome.ACCEPTED
        await server.close()
        assert len(mailbox.deliveries) == 4
