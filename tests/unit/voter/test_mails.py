"""What the mails say, and that nobody's words can become a header."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.election.contract import Announcement, Mail, TrusteeInvitation
from services.voter.contract import MailKind
from services.voter.mails import Envelope, Letterhead

CODE = "abc-def-ghi-jkm-nop"
UUID = "u" * 22
LETTERHEAD = Letterhead("vote@uvote.example", "https://vote.example")


def announcement(**changes: Any) -> Announcement:
    members: dict[str, Any] = {
        "name": "Board of the society",
        "zone": "Europe/Berlin",
        "opens_at": datetime(2026, 11, 20, 8, tzinfo=UTC),
        "closes_at": datetime(2026, 11, 21, 17, tzinfo=UTC),
        "reply_to": "office@example.org",
        "mail": Mail(subject="Vote now", greeting="Dear member,", contact="Ask Ada."),
    }
    return Announcement(**(members | changes))


def invitation(kind: MailKind = MailKind.INVITATION, to: str = "anna@example.org", **changes: Any) -> Envelope:
    return LETTERHEAD.write_invitation(kind, announcement(**changes), uuid=UUID, code=CODE, to=to, message_id="17")


def parsed(envelope: Envelope) -> EmailMessage:
    return email.message_from_bytes(envelope.raw, policy=email.policy.default)


def body(envelope: Envelope) -> str:
    content: str = parsed(envelope).get_content()
    return content.replace("\r\n", "\n")


def test_an_invitation_shows_the_whole_code_and_a_link_without_its_last_group() -> None:
    text = body(invitation())
    assert f"\n    {CODE}\n" in text
    assert f"\nhttps://vote.example/vote/{UUID}#abc-def-ghi-jkm\n" in text
    assert "last three characters" in text


def test_an_invitation_says_what_the_organisation_wants_it_to_say() -> None:
    message = parsed(invitation())
    assert message["Subject"] == "Vote now"
    assert message["Reply-To"] == "office@example.org"
    text = body(invitation())
    assert text.startswith("Dear member,\n")
    assert text.endswith("Ask Ada.\n")
    assert "Board of the society" in text
    assert "2026-11-20, 09:00 (Europe/Berlin)" in text
    assert "2026-11-21, 18:00 (Europe/Berlin)" in text


def test_the_words_of_the_organisation_are_no_template() -> None:
    text = body(invitation(mail=Mail(greeting="{{ code }} {% raw %}", contact="%(name)s {name}")))
    assert text.startswith("{{ code }} {% raw %}\n")
    assert text.endswith("%(name)s {name}\n")


def test_a_name_with_a_percent_sign_stays_as_it_is() -> None:
    assert "“100 % %(name)s”" in parsed(invitation(name="100 % %(name)s")).get_content()


def test_a_mail_that_is_made_again_has_the_same_message_id() -> None:
    assert parsed(invitation())["Message-ID"] == parsed(invitation())["Message-ID"] == "<17@uvote.example>"


def test_a_reminder_names_itself_and_carries_the_code() -> None:
    message = parsed(invitation(MailKind.REMINDER))
    assert message["Subject"] == "Reminder: Vote now"
    assert CODE in message.get_content()


def test_a_test_mail_is_marked_in_its_subject() -> None:
    envelope = LETTERHEAD.write_test(announcement(), uuid=UUID, code=CODE, to="ada@example.org", message_id="1")
    message = parsed(envelope)
    assert message["Subject"] == "[Test] Vote now"
    assert "opens nothing" in message.get_content()
    assert parsed(invitation()).get_content() in message.get_content()


def test_news_of_a_changed_address_name_no_address_and_no_code() -> None:
    for former in (True, False):
        envelope = LETTERHEAD.write_address_changed(announcement(), former=former, to="old@example.org", message_id="1")
        text = body(envelope)
        assert "@" not in text
        assert "#" not in text


def test_a_trustee_gets_a_code_and_a_link_without_its_last_group() -> None:
    envelope = LETTERHEAD.write_trustee(
        TrusteeInvitation(
            trustee_id="t" * 22,
            name="Tess",
            address="tess@example.org",
            code=CODE,
            election_name="Board",
            reply_to=None,
            generation=1,
        ),
        message_id="1",
    )
    text = body(envelope)
    assert f"    {CODE}\n" in text
    assert f"\nhttps://vote.example/trustee/{'t' * 22}#abc-def-ghi-jkm\n" in text
    assert parsed(envelope)["Reply-To"] is None


@pytest.mark.parametrize("reply_to", ["office", "a@b@c.org", "Office <office@example.org>", "a@x.org\nBcc: b@x.org"])
def test_a_reply_address_that_is_none_is_left_out(reply_to: str) -> None:
    assert parsed(invitation(reply_to=reply_to))["Reply-To"] is None


def test_a_domain_of_other_letters_travels_in_ascii() -> None:
    envelope = invitation(to="Anna@ex\u00e4mple.org")
    assert envelope.recipient == "Anna@xn--exmple-cua.org"
    assert parsed(envelope)["To"] == "Anna@xn--exmple-cua.org"
    assert not envelope.international
    envelope.raw.decode("ascii")


def test_a_mailbox_of_other_letters_stays_as_it_was_written() -> None:
    envelope = invitation(to="\u00c4nna@example.org")
    assert envelope.international
    assert "\nTo: \u00c4nna@example.org\r\n" in envelope.raw.decode()


@given(
    st.text(max_size=200),
    st.sampled_from(["\r\n", "\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\x00"]),
    st.text(max_size=50),
)
def test_no_words_become_a_header(before: str, end: str, after: str) -> None:
    words = f"{before}{end}Bcc: all@example.org{after}"
    mail = Mail.model_construct(subject=words, greeting=words, contact=words)
    told = Announcement.model_construct(**(dict(announcement()) | {"name": words, "mail": mail}))
    try:
        words.encode()
    except UnicodeEncodeError:
        return
    envelope = LETTERHEAD.write_invitation(
        MailKind.INVITATION, told, uuid=UUID, code=CODE, to="anna@example.org", message_id="1"
    )
    head = envelope.raw.partition(b"\r\n\r\n")[0].decode()
    names = {line.partition(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))}
    assert names == {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "Reply-To",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
    }
