"""Checking the ballots and the credentials of an archive in batches, which can be given to several processes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.voting.archive import ArchiveReader
from services.voting.ballot import (
    Ballot,
    BallotError,
    InvalidSignature,
    check_election,
    check_proofs,
    check_signature,
    parse_ballot,
)
from services.voting.ciphertexts import Ciphertexts
from services.voting.election import Election
from services.voting.group import Group
from services.voting.tally import EncryptedTally, InvalidTally

_WORK_OF_BALLOT = 30  # a ballot takes as long as testing so many credentials
_STRANGE_CREDENTIAL = (0, "credentials", "a credential is not in the group")


@dataclass(frozen=True, slots=True)
class BallotBatch:
    """Neighbouring ballots: where their events lie in the file, and the weight of each (None: replaced by a later)."""

    start: int
    end: int
    height: int
    weights: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class CredentialBatch:
    """Keys of credentials that sign no ballot (signing is what tests the others)."""

    keys: tuple[str, ...]


Batch = BallotBatch | CredentialBatch
Wrong = tuple[int, str, str]  # height of the event, kind of the check, rule


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """The first of a batch that is wrong, if any, and the product of its ballots that count."""

    work: int
    wrong: Wrong | None
    tally: tuple[Ciphertexts, int, int] | None = None  # ciphertexts, number and weight of the ballots


# Takes the batches in order and the work that they are in all; may yield the verdicts in any order, and may leave out
# batches after one that is wrong.
CheckBatches = Callable[[Election, Iterable[Batch], int], Iterator[BatchVerdict]]


def work_of(ballots: int, credentials: int) -> int:
    """How long checking takes, in tests of one credential."""
    return ballots * _WORK_OF_BALLOT + credentials


def check_batch(stream: BinaryIO, election: Election, batch: Batch) -> BatchVerdict:
    """Check all of a batch. `stream` is that of the archive and may be at any place."""
    if isinstance(batch, CredentialBatch):
        inside = all(_is_member(key, election.group) for key in batch.keys)
        return BatchVerdict(work_of(0, len(batch.keys)), None if inside else _STRANGE_CREDENTIAL)
    tally = EncryptedTally.empty(election)
    wrong = _count_ballots(stream, tally, batch)
    counted = (tally.ciphertexts, tally.num_tallied, tally.total_weight)
    return BatchVerdict(work_of(len(batch.weights), 0), wrong, counted)


def _count_ballots(stream: BinaryIO, tally: EncryptedTally, batch: BallotBatch) -> Wrong | None:
    """Check every ballot and multiply those that count, up to the first that is wrong."""
    stream.seek(0)
    ballots = ArchiveReader(stream).ballots(batch.start, batch.end)
    for height, (weight, raw) in enumerate(zip(batch.weights, ballots, strict=True), start=batch.height):
        try:
            ballot = check_ballot(raw, tally.election)
            if weight is not None:
                tally.add(ballot, weight)
        except InvalidSignature as error:
            member = _is_member(parse_ballot(raw).credential, tally.election.group)
            return (height, "ballots", str(error)) if member else _STRANGE_CREDENTIAL
        except (BallotError, InvalidTally) as error:
            return height, "ballots", str(error)
    return None


def _is_member(key: str, group: Group) -> bool:
    return group.is_element(group.parse(key))


def check_ballot(raw: bytes, election: Election) -> Ballot:
    """All that can be checked without the list of credentials; raises BallotError."""
    ballot = parse_ballot(raw)
    check_election(ballot, election)
    check_signature(ballot, election)
    check_proofs(ballot, election)
    return ballot
