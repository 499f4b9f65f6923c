"""What the mails say: plain text, rendered when they are sent, never stored.

- A link carries the code without its last group, which stands in the mail alone, so that a program which opens links
  cannot vote.
- The organisation's own words (subject, greeting, contact line) are put in as they are; they are no template.
- No text can begin a new header: whatever is not a visible character becomes a blank.
- A mail that is sent again has the same Message-ID.
"""

import gettext
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jinja2

from services.election.contract import Announcement, TrusteeInvitation
from services.voter.addresses import InvalidAddress, parse_address, travelling
from services.voter.codes import link_part
from services.voter.contract import MailKind

HERE = Path(__file__).parent
translations = gettext.translation("mails", HERE / "locale", fallback=True)  # English is written in the source
_ = translations.gettext


@dataclass(frozen=True)
class Envelope:
    """One mail as it goes to the mail server."""

    recipient: str
    message: EmailMessage

    @property
    def international(self) -> bool:
        """Whether an address needs a mail server that takes other letters than ASCII (RFC 6531)."""
        return not self.recipient.isascii()

    @property
    def raw(self) -> bytes:
        """The exact bytes."""
        return self.message.as_bytes(policy=SMTPUTF8 if self.international else SMTP)


@dataclass(frozen=True)
class Letterhead:
    """What all mails share: the address that they come from, and the origin that their links begin with."""

    mail_from: str
    frontend_url: str

    @cached_property
    def environment(self) -> jinja2.Environment:
        """The templates."""
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=False,  # noqa: S701  # the mails are plain text
            undefined=jinja2.StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # of i18n
        return environment

    def write(
        self, template: str, *, to: str, subject: str, message_id: str, reply_to: str | None, **values: Any
    ) -> Envelope:
        """Renders a template into a mail."""
        message = EmailMessage(policy=SMTP)
        recipient = travelling(to)
        message["From"] = self.mail_from
        message["To"] = _header_address(recipient)
        message["Subject"] = one_line(subject)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{message_id}@{self.mail_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if (answer_to := _answerable(reply_to)) is not None:
            message["Reply-To"] = _header_address(answer_to)
        message.set_content(self.environment.get_template(template).render(values))
        return Envelope(recipient, message)

    def write_invitation(
        self, kind: MailKind, announcement: Announcement, *, uuid: str, code: str, to: str, message_id: str
    ) -> Envelope:
        """The mail with a voter's code: an invitation, the same again, or a reminder."""
        subject = announcement.mail.subject
        if kind == MailKind.REMINDER:
            subject = _("Reminder: {subject}").format(subject=subject)
        link = f"{self.frontend_url}/vote/{uuid}#{link_part(code)}"
        return self._write_to_voter(
            "invitation.txt", announcement, subject, to, message_id, code=code, link=link, test=False, kind=kind
        )

    def write_test(self, announcement: Announcement, *, uuid: str, code: str, to: str, message_id: str) -> Envelope:
        """The invitation as a test, with a code that opens nothing."""
        subject = _("[Test] {subject}").format(subject=announcement.mail.subject)
        link = f"{self.frontend_url}/vote/{uuid}#{link_part(code)}"
        kind = MailKind.INVITATION
        return self._write_to_voter(
            "invitation.txt", announcement, subject, to, message_id, code=code, link=link, test=True, kind=kind
        )

    def write_address_changed(self, announcement: Announcement, *, former: bool, to: str, message_id: str) -> Envelope:
        """Tells the former or the new address that it is (not) used any more."""
        subject = _("Your address for “{name}” was changed").format(name=announcement.name)
        return self._write_to_voter("address_changed.txt", announcement, subject, to, message_id, former=former)

    def write_code_withdrawn(self, announcement: Announcement, *, to: str, message_id: str) -> Envelope:
        """Tells the holder of a code that it is dead."""
        subject = _("Your code for “{name}” is no longer valid").format(name=announcement.name)
        return self._write_to_voter("code_withdrawn.txt", announcement, subject, to, message_id)

    def write_trustee(self, invitation: TrusteeInvitation, *, message_id: str) -> Envelope:
        """The mail with a trustee's code."""
        return self.write(
            "trustee.txt",
            to=parse_address(invitation.address).written,
            subject=_("You are a trustee of “{name}”").format(name=invitation.election_name),
            message_id=message_id,
            reply_to=invitation.reply_to,
            invitation=invitation,
            link=f"{self.frontend_url}/trustee/{invitation.trustee_id}#{link_part(invitation.code)}",
        )

    def _write_to_voter(
        self, template: str, announcement: Announcement, subject: str, to: str, message_id: str, **values: Any
    ) -> Envelope:
        return self.write(
            template,
            to=to,
            subject=subject,
            message_id=message_id,
            reply_to=announcement.reply_to,
            name=announcement.name,
            mail=announcement.mail,
            opens=_wall_clock(announcement.opens_at, announcement.zone),
            closes=_wall_clock(announcement.closes_at, announcement.zone),
            zone=announcement.zone,
            **values,
        )


def one_line(text: str) -> str:
    """The text with every control character, and every other thing that might end a line, turned into a blank."""
    visible = (" " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character for character in text)
    return " ".join("".join(visible).split())


def _header_address(address: str) -> Address:
    local, _, domain = address.partition("@")
    return Address(username=local, domain=domain)


def _answerable(reply_to: str | None) -> str | None:
    """The address for answers; None for what is none, or cannot stand in a mail to everybody."""
    try:
        answer_to = travelling(parse_address(reply_to or "").written)
    except InvalidAddress:
        return None
    return answer_to if answer_to.isascii() else None


def _wall_clock(instant: datetime | None, zone: str) -> str | None:
    return None if instant is None else f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d, %H:%M}"
