"""What `election` takes and gives: definitions, trustees, schedule, lifecycle and audit."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from services.shared.fields import (
    Address,
    Contract,
    Decimal,
    ElectionId,
    ElectionUuid,
    Instant,
    Line,
    Paragraph,
    Sha256,
    Text,
    TrusteeId,
)

Count = Annotated[int, Field(ge=0, le=10**15)]


class State(StrEnum):
    """The life of an election. The states that end in -ing wait for the reports of other services."""

    DRAFT = "draft"
    SEALING = "sealing"
    SEALED = "sealed"
    UNSEALING = "unsealing"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    DECRYPTED = "decrypted"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Step(StrEnum):
    """What one service does for a transition; each step is owed by the services in `lifecycle.OWED`."""

    FREEZE_ROLL = "freeze_roll"  # voter: freeze the roll, make codes, send the public list to ballot
    SET_UP_BOARD = "set_up_board"  # ballot: write the Setup event
    # Both may come when sealing was only half done, or has not begun here; then there is little or nothing to withdraw.
    WITHDRAW_BOARD = "withdraw_board"  # ballot: unsealing withdraws the board; fails when voting has begun
    WITHDRAW_CODES = "withdraw_codes"  # voter: unsealing kills the codes; owed once the board is withdrawn
    OPEN_BOARD = "open_board"  # ballot: its clock has reached the opening
    CLOSE_BOARD = "close_board"  # ballot: its clock has reached the close
    END_BALLOTS = "end_ballots"  # ballot: EndBallots is on the board
    DESTROY_SECRETS = "destroy_secrets"  # voter: the secret of the codes is destroyed
    POST_TALLY = "post_tally"  # result: EncryptedTally is on the board
    POST_RESULT = "post_result"  # result: the partial decryptions and Result are on the board
    APPLY_RETENTION = "apply_retention"  # voter: roll and mails are deleted (also those of a draft that was deleted)


class Question(Contract):
    """Choose between `minimum` and `maximum` of the options, or (where allowed) cast a blank vote."""

    text: Annotated[Text, Field(min_length=1, max_length=1000)]
    options: Annotated[list[Line], Field(min_length=1, max_length=100)]
    minimum: Annotated[int, Field(ge=0, le=100)] = 1
    maximum: Annotated[int, Field(ge=1, le=100)] = 1
    blank: bool = False

    @model_validator(mode="after")
    def _limits_fit(self) -> Self:
        if not self.minimum <= self.maximum <= len(self.options):
            raise ValueError("needs minimum <= maximum <= number of options")
        if len(set(self.options)) != len(self.options):
            raise ValueError("names an option twice")
        return self


class LocalTime(Contract):
    """A wall-clock time in the election's zone. `fold` answers which of two equal times is meant (0 the earlier)."""

    local: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$")]
    fold: Literal[0, 1] | None = None


class Mail(Contract):
    """What the organisation says in its mails; the rest of their text is fixed."""

    subject: Line = "Your invitation to vote"
    greeting: Line = "Dear voter,"
    contact: Line = "Questions? Answer this mail."


class Draft(Contract):
    """Everything about an election that its organiser writes. Replaced as a whole while it is a draft."""

    name: Line
    description: Paragraph = ""
    questions: Annotated[list[Question], Field(max_length=50)] = []
    zone: Annotated[Text, Field(max_length=64)] = "UTC"
    opens: LocalTime | None = None
    closes: LocalTime | None = None
    reply_to: Address | None = None
    mail: Mail = Mail()
    revote_allowed: bool = True
    election_class: Literal["real", "test"] = "real"


class TrusteeView(Contract):
    """A trustee as an organiser or the trustee sees them."""

    id: TrusteeId
    name: str
    address: str
    invitation: Literal["waiting", "sent", "refused"]
    public_key: Decimal | None


class RollSummary(Contract):
    """What the checklist needs to know of a roll, and all that `election` ever learns of one."""

    voters: Count
    total_weight: Count
    rare_weights: Count  # weights that fewer than 5 voters hold
    test_mail_accepted_at: Instant | None = None


class Election(Contract):
    """An election as its organiser sees it.

    `opens_at` and `closes_at` are those of the draft until it is sealed, and then those that the board keeps.
    """

    id: ElectionId
    uuid: ElectionUuid
    revision: int
    state: State
    draft: Draft
    opens_at: Instant | None
    closes_at: Instant | None
    paused: bool
    trustees: list[TrusteeView]
    roll: RollSummary
    fingerprint: str | None
    turnout: int | None = None
    counted: int | None = None
    decryption_confirmed: bool = False
    problem: str | None = None  # why the last transition could not be made


class ElectionSummary(Contract):
    """One line of an organiser's list."""

    id: ElectionId
    uuid: ElectionUuid
    name: str
    state: State
    opens_at: Instant | None
    closes_at: Instant | None


class Replacement(Contract):
    """A new draft in place of the one with this revision; 409 when somebody else was faster."""

    revision: int
    draft: Draft


class ChecklistItem(Contract):
    """One thing that sealing needs (`required`), or that the organiser must confirm in so many words."""

    code: Line
    sentence: str
    done: bool
    kind: Literal["required", "confirm", "notice"]


class Checklist(Contract):
    """Whether the election can be sealed, and why not."""

    items: list[ChecklistItem]
    ready: bool


class Confirmations(Contract):
    """The checklist items of kind `confirm` that the organiser has read and confirms."""

    confirmed: Annotated[list[Line], Field(max_length=20)] = []


class ScheduleChange(Contract):
    """Moves the two instants of a sealed election: `now` and `pause` are carried out by the clock of the board.

    `opens`: None leaves it, "now" opens or resumes, "pause" interrupts until "now". `closes`: None leaves it.
    """

    opens: Literal["now", "pause"] | LocalTime | None = None
    closes: Literal["now"] | LocalTime | None = None
    reason: Line


class NewTrustee(Contract):
    """Somebody who shall hold a share of the decryption key."""

    name: Line
    address: Address


class TrusteeKey(Contract):
    """A trustee's public key with its proof of knowledge, in the form of the ballot protocol."""

    public_key: Decimal
    challenge: Decimal
    response: Decimal


class TrusteePage(Contract):
    """What a trustee's own page shows."""

    id: TrusteeId
    name: str
    owner: int  # the trustee's place in the list, from 1
    election_name: str
    uuid: ElectionUuid
    state: State
    group: str
    public_key: Decimal | None
    decryption_confirmed: bool
    counted: int | None


class Announcement(Contract):
    """What the mails to voters say of an election (its test mail is sent while it is a draft)."""

    name: str
    zone: str
    opens_at: Instant | None
    closes_at: Instant | None
    reply_to: str | None
    mail: Mail


class Rights(Contract):
    """What an organiser may do with an election, and the state that it is in."""

    election_id: ElectionId
    uuid: ElectionUuid
    state: State
    owner: bool
    announcement: Announcement | None = None  # for `voter` only


class ScheduleOrder(Contract):
    """The instants that the board shall keep. A revision is applied once; its report tells what resulted."""

    revision: int
    opens: Instant | Literal["now", "pause"]
    closes: Instant | Literal["now"]


class Work(Contract):
    """One election as a service must treat it now, with the steps that this service still owes."""

    election_id: ElectionId
    uuid: ElectionUuid
    state: State
    steps: list[Step]
    schedule: ScheduleOrder
    revote_allowed: bool
    election_class: Literal["real", "test"]
    decryption_confirmed: bool
    name: str
    questions: list[Question]
    zone: str
    opens_at: Instant | None
    closes_at: Instant | None
    reply_to: str | None
    mail: Mail


class Report(Contract):
    """A step done (or impossible, and why). Sending it again changes nothing.

    `facts` by step: FREEZE_ROLL voters, total_weight, credentials (hash); SET_UP_BOARD event, credentials (hashes);
    OPEN_BOARD at; CLOSE_BOARD at; END_BALLOTS event, height; POST_TALLY event, counted, turnout; POST_RESULT event.
    Without voters, total_weight, credentials, counted and turnout a report is refused.
    """

    uuid: ElectionUuid
    done: bool = True
    problem: Line | None = None
    facts: Annotated[dict[Line, Line | Count], Field(max_length=10)] = {}


class ScheduleReport(Contract):
    """The instants that the board keeps since it applied this revision (`opens_at` None: paused)."""

    uuid: ElectionUuid
    revision: int
    applied: bool  # False: too late, the board had closed
    opens_at: Instant | None
    closes_at: Instant


class TrusteeInvitation(Contract):
    """A mail that `voter` shall send to a trustee. The code is derived anew at each call and stored nowhere."""

    trustee_id: TrusteeId
    name: str
    address: str
    code: str
    election_name: str
    reply_to: str | None
    generation: int


class InvitationFate(Contract):
    """What the mail server said to a trustee's invitation."""

    generation: int
    fate: Literal["sent", "refused"]


class Notice(Contract):
    """Something that another service did for an election and that belongs into its audit log, without any person."""

    uuid: ElectionUuid
    action: Literal[
        "voter_address_corrected", "roll_imported", "roll_deleted", "invitations_queued", "reminders_queued"
    ]
    key: Sha256  # makes the call idempotent
    facts: Annotated[dict[Line, Count], Field(max_length=10)] = {}


class AuditRecord(Contract):
    """One act. `hash` is the SHA-256 of the record's canonical JSON without it; `previous` chains the records."""

    number: int
    at: Instant
    actor: str  # organiser:ID, trustee:ID, service:NAME
    action: str
    facts: dict[str, Any]
    previous: Sha256 | None
    hash: Sha256


class AuditPage(Contract):
    """Audit records, oldest first; `next` is the number to ask after, None at the end."""

    records: list[AuditRecord]
    next: int | None


class PublicElection(Contract):
    """What anyone may know of a sealed election."""

    uuid: ElectionUuid
    name: str
    description: str
    state: State
    questions: list[Question]
    zone: str
    opens_at: Instant | None
    closes_at: Instant | None
    paused: bool
    revote_allowed: bool
    election_class: Literal["real", "test"]
    trustees: list[str]
    contact: str
    reply_to: str | None
    voters: int
    address_corrections: int
    fingerprint: str


class NewElection(Contract):
    """A draft to start from."""

    draft: Draft
