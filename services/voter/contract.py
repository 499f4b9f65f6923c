"""What `voter` takes and gives: the roll, its import, and the fate of mails.

Codes never leave this service but by mail.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from services.shared.fields import Address, Contract, Instant, Line, VoterId

IMPORT_LIMIT = 32 * 1024 * 1024  # bytes of CSV in one request


class MailKind(StrEnum):
    """Why a mail is sent."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    RESENT = "resent"
    ADDRESS_CHANGED = "address_changed"
    CODE_WITHDRAWN = "code_withdrawn"


class MailStatus(StrEnum):
    """How far a mail has come. Whether it was delivered is not ours to say."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class RowReport(Contract):
    """What became of one row of an imported file (`row` counts from 1, the header is row 1)."""

    row: int
    outcome: Literal["added", "changed", "unchanged", "duplicate", "refused"]
    reason: str | None = None  # a sentence, for duplicate and refused


class ImportReport(Contract):
    """What an import did. `rows` begins with what needs a look: refused, then duplicate, then the rest."""

    applied: bool  # False when all-or-nothing was asked for and a row was refused
    encoding: Literal["utf-8", "latin-1"]
    delimiter: Literal[",", ";", "tab"]
    added: int
    changed: int
    unchanged: int
    duplicate: int
    refused: int
    rows: list[RowReport]
    rows_left_out: int


class MailView(Contract):
    """One mail of one voter."""

    kind: MailKind
    status: MailStatus
    queued_at: Instant
    next_try_at: Instant | None
    reply: str | None  # the mail server's last words


class Voter(Contract):
    """One line of the roll."""

    id: VoterId
    address: str
    name: str
    weight: int
    group: str
    mails: list[MailView] = []


class RollPage(Contract):
    """Voters in the order of their addresses; `next` is what to ask after."""

    voters: list[Voter]
    next: str | None


class Roll(Contract):
    """The roll in numbers."""

    voters: int
    total_weight: int
    groups: dict[str, int]
    weights: dict[int, int]  # weight -> voters who hold it
    frozen: bool
    address_corrections: int
    sealing_done: Annotated[int, Field(ge=0)] = 0  # codes made so far, of `voters`


class AddressCorrection(Contract):
    """A new address for a voter whose roll may be frozen; announced to the old and the new one."""

    address: Address
    reason: Line


class TestMail(Contract):
    """Where the real invitation is sent as a test, with a code that opens nothing."""

    address: Address


class TestMailFate(Contract):
    """What the mail server said."""

    status: MailStatus
    reply: str | None


class MailTotals(Contract):
    """Mails of one election by kind and status, and the age of the oldest unsent one in seconds."""

    totals: dict[MailKind, dict[MailStatus, int]]
    oldest_unsent_seconds: int | None


class Queued(Contract):
    """How many mails a request has queued."""

    queued: int
