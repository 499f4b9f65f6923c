"""Types of fields that more than one service's contract names.

Every text that crosses a service boundary is free of NUL and of lone surrogates: PostgreSQL stores neither.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair") from None
    return text


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n\u2028\u2029"):
        raise ValueError("must stand on one line")
    return text


BASE58_ID = rf"^[{BASE58}]{{14,64}}$"

Text = Annotated[str, AfterValidator(_storable)]
Line = Annotated[
    Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_one_line)
]
Paragraph = Annotated[Text, StringConstraints(max_length=10_000)]
Address = Annotated[
    Text, StringConstraints(strip_whitespace=True, min_length=3, max_length=320), AfterValidator(_one_line)
]

# Identifies an election for its organisers; stays the same when the election is unsealed.
ElectionId = Annotated[str, StringConstraints(pattern=BASE58_ID)]
# Identifies an election for its voters (the Belenios uuid); a new one is drawn when the election is unsealed.
ElectionUuid = Annotated[str, StringConstraints(pattern=BASE58_ID)]
VoterId = Annotated[str, StringConstraints(pattern=BASE58_ID)]
TrusteeId = Annotated[str, StringConstraints(pattern=BASE58_ID)]
OrganiserId = Annotated[str, StringConstraints(pattern=BASE58_ID)]
# SHA-256 in lower-case hex.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# SHA-256 in base64 without padding: trackers and fingerprints.
Tracker = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}$")]
# A number of the protocol: decimal, no sign, no leading zero.
Decimal = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,700})$")]


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the calendar in UTC") from None


# A point in time, whatever offset it was written with.
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Contract(BaseModel):
    """A message between services: immutable, and refused when it carries a member that nobody named."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def json_of(model: BaseModel) -> dict[str, Any]:
    """The model as plain JSON values; instants in ISO 8601."""
    return model.model_dump(mode="json")


__all__ = [
    "BASE58",
    "Address",
    "Contract",
    "Decimal",
    "ElectionId",
    "ElectionUuid",
    "Instant",
    "Line",
    "OrganiserId",
    "Paragraph",
    "Sha256",
    "Text",
    "Tracker",
    "TrusteeId",
    "VoterId",
    "json_of",
]
