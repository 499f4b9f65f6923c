"""What the mail server's answers mean, and how long a mail waits."""

from datetime import timedelta

import aiosmtplib
import pytest

from services.voter.queue import WAIT_MAX, wait_before_retry
from services.voter.smtp import Outcome, meaning


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (aiosmtplib.SMTPRecipientRefused(550, "no such user", "a@x.org"), Outcome.REFUSED),
        (
            aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(550, "no such user", "a@x.org")]),
            Outcome.REFUSED,
        ),
        (aiosmtplib.SMTPRecipientRefused(450, "later", "a@x.org"), Outcome.DEFERRED),
        (aiosmtplib.SMTPDataError(554, "looks like spam"), Outcome.REFUSED),
        (aiosmtplib.SMTPDataError(451, "later"), Outcome.DEFERRED),
        (aiosmtplib.SMTPNotSupported("SMTPUTF8 is not supported by this server"), Outcome.REFUSED),
        (aiosmtplib.SMTPSenderRefused(550, "who are you", "vote@x.org"), Outcome.TROUBLE),
        (aiosmtplib.SMTPAuthenticationError(535, "wrong password"), Outcome.TROUBLE),
        (aiosmtplib.SMTPServerDisconnected("gone"), Outcome.TROUBLE),
        (aiosmtplib.SMTPReadTimeoutError("slow"), Outcome.TROUBLE),
        (aiosmtplib.SMTPException("STARTTLS is not there"), Outcome.TROUBLE),
        (ConnectionRefusedError(), Outcome.TROUBLE),
    ],
)
def test_only_a_permanent_answer_about_the_mail_itself_is_final(error: Exception, outcome: Outcome) -> None:
    assert meaning(error).outcome == outcome


def test_the_servers_own_words_are_kept_in_one_line() -> None:
    answer = meaning(aiosmtplib.SMTPDataError(554, "first\nsecond" + "x" * 1000))
    assert answer.reply.startswith("554 first second")
    assert len(answer.reply) == 300


def test_each_wait_is_twice_the_one_before_up_to_an_hour() -> None:
    waits = [wait_before_retry(attempts, 30) for attempts in range(1, 100)]
    assert waits[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert waits[-1] == max(waits) == WAIT_MAX
