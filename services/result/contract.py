"""What `result` takes and gives: the encrypted tally, partial decryptions and the result of an election."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from services.shared.fields import Contract, ElectionUuid, Sha256

PARTIAL_DECRYPTION_LIMIT = 4 * 1024 * 1024  # bytes of one partial decryption


class TrusteeShare(Contract):
    """How far one trustee is. `unusable`: it verifies, but no count is found with it; it must be posted again."""

    owner: int
    name: str
    status: Literal["missing", "kept", "unusable", "published"]


class Tally(Contract):
    """The tally of a closed election as everybody may see it."""

    uuid: ElectionUuid
    status: Literal["following", "tallied", "decrypting", "decrypted"]
    counted: int  # ballots in the tally: the last one of each credential
    total_weight: int
    encrypted_tally: str | None  # exact text of the record
    encrypted_tally_hash: Sha256 | None
    shares: list[TrusteeShare]


class PartialDecryption(Contract):
    """A trustee's share of the decryption: exact text of the record of the ballot protocol."""

    owner: Annotated[int, Field(ge=1, le=1000)]
    partial_decryption: Annotated[str, StringConstraints(max_length=PARTIAL_DECRYPTION_LIMIT)]


class OptionCount(Contract):
    """One option and its votes (weights added up)."""

    option: str
    votes: int


class QuestionResult(Contract):
    """One question's outcome. `winners` names all options of the highest count; more than one is a tie."""

    question: str
    options: list[OptionCount]
    blank: int | None
    winners: list[str]
    tie: bool
    unanimous: bool  # everybody chose the same, so the result says how each one voted


class Result(Contract):
    """The result, with what it was computed from."""

    uuid: ElectionUuid
    name: str
    fingerprint: str
    voters: int
    voted: int
    ballots: int
    total_weight: int
    voted_weight: int
    questions: list[QuestionResult]
    trustees: list[str]
    head: Sha256
    archive_bytes: int
    record: dict[str, Any]  # the Result record of the ballot protocol
