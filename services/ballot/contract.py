"""What `ballot` takes and gives: the public board of an election, trackers, and the casting of ballots."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.shared.fields import Contract, Decimal, ElectionUuid, Instant, Sha256, Tracker

BALLOT_LIMIT = 256 * 1024  # bytes of one ballot
CREDENTIALS_PAGE = 5_000  # credentials in one page of the public list
BALLOTS_PER_CREDENTIAL = 20


class EventType(StrEnum):
    """Events of the ballot protocol, in their order on the board."""

    SETUP = "Setup"
    BALLOT = "Ballot"
    END_BALLOTS = "EndBallots"
    ENCRYPTED_TALLY = "EncryptedTally"
    PARTIAL_DECRYPTION = "PartialDecryption"
    RESULT = "Result"


class Phase(StrEnum):
    """Whether ballots are taken now, by the board's own clock."""

    NOT_YET = "not_yet"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class BrowserStep(StrEnum):
    """Where the voting page stood when it could not go on."""

    LOAD = "load"
    PREPARE = "prepare"
    CHOOSE = "choose"
    CHECK = "check"
    ENCRYPT = "encrypt"
    SEND = "send"


class BrowserReason(StrEnum):
    """Why it could not; what a voter did, or what the schedule says, is no failure."""

    SCRIPT_BLOCKED = "script-blocked"
    INSECURE = "insecure"
    UNSUPPORTED = "unsupported"
    OFFLINE = "offline"
    BUSY = "busy"
    TOO_OFTEN = "too-often"
    UNKNOWN_ELECTION = "unknown-election"
    UNKNOWN_CODE = "unknown-code"
    WRONG_DEFINITION = "wrong-definition"
    REFUSED = "refused"


class BrowserFailure(Contract):
    """All that a voting page ever says about a failure."""

    step: BrowserStep
    reason: BrowserReason


class Board(Contract):
    """The board's head and its public numbers."""

    uuid: ElectionUuid
    phase: Phase
    now: Instant  # the clock that decides
    opens_at: Instant | None
    closes_at: Instant
    revote_allowed: bool
    election_class: Literal["real", "test"]
    fingerprint: Tracker
    credentials: int
    credentials_hash: Sha256
    total_weight: int
    ballots: int
    voted: int  # distinct credentials
    voted_weight: int
    ended: bool
    height: int
    head: Sha256
    archive_bytes: int


class BoardEvent(Contract):
    """One event as listed in public. `tracker` and `credential` for ballots only."""

    height: int
    hash: Sha256
    parent: Sha256 | None
    type: EventType
    payload: Sha256 | None
    tracker: Tracker | None = None
    credential: Decimal | None = None
    counts: bool | None = None  # False: replaced by a later ballot


class BoardPage(Contract):
    """Events in the order of their heights; `next` is the height to ask after."""

    events: list[BoardEvent]
    next: int | None


class FullEvent(Contract):
    """An event with its data, for recomputing."""

    height: int
    event: str  # exact text of the event record
    data: list[str]  # exact texts of the data records before it, in the archive's order


class FullEventPage(Contract):
    """Events with data; `next` is the height to ask after, None at the present end."""

    events: list[FullEvent]
    next: int | None


class Receipt(Contract):
    """A ballot that is on the board."""

    tracker: Tracker


class TrackerStatus(Contract):
    """Where a ballot stands."""

    tracker: Tracker
    status: Literal["counts", "replaced"]
    height: int
    ballot: str  # its exact text


class CredentialStatus(Contract):
    """Whether a public credential is on the list, and how many ballots it has cast."""

    listed: bool
    ballots: int
    weight: int | None


class CredentialsPage(Contract):
    """A page of the public list, sorted numerically over all pages."""

    credentials: Annotated[
        list[Annotated[str, StringConstraints(max_length=800)]], Field(min_length=1, max_length=CREDENTIALS_PAGE)
    ]


class CredentialsSeal(Contract):
    """The end of the public list: what all pages together must be (hash of the record of the archive)."""

    pages: Annotated[int, Field(ge=1, le=100_000)]
    count: Annotated[int, Field(ge=1)]
    total_weight: Annotated[int, Field(ge=1, le=10**9)]
    hash: Sha256


class Used(Contract):
    """Public credentials that have cast a ballot, in numeric order; `next` is the one to ask after."""

    credentials: list[Decimal]
    next: Decimal | None


class NewEvent(Contract):
    """An event that `result` appends: its data records in the archive's order; the last one is the payload."""

    type: Literal[EventType.ENCRYPTED_TALLY, EventType.PARTIAL_DECRYPTION, EventType.RESULT]
    data: Annotated[list[str], Field(min_length=1, max_length=2)]


class NewEvents(Contract):
    """Events appended together, in one transaction, onto this head; repeating the call changes nothing."""

    parent: Sha256
    events: Annotated[list[NewEvent], Field(min_length=1, max_length=300)]


class Head(Contract):
    """The last event of the board."""

    height: int
    hash: Sha256
