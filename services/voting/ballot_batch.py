"""Checking the ballots of an archive in batches, which can be given to several processes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from services.voting.archive import ArchiveReader
from services.voting.ballot import (
    Ballot,
    BallotError,
    check_election,
    check_proofs,
    check_signature,
    parse_ballot,
)
from services.voting.ciphertexts import Ciphertexts
from services.voting.election import Election
from services.voting.tally import EncryptedTally, InvalidTally


@dataclass(frozen=True, slots=True)
class Batch:
    """Neighbouring ballots: where their events lie in the file, and the weight of each (None: replaced by a later)."""

    start: int
    end: int
    height: int
    weights: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """The product of the ballots that count; or the first that is wrong, by its height and the rule."""

    size: int
    ciphertexts: Ciphertexts
    num_tallied: int
    total_weight: int
    wrong: tuple[int, str] | None


# Takes the batches in order, and how many ballots there are in all; may yield in any order, and may leave out batches
# after one that is wrong.
CheckBatches = Callable[[Election, Iterable[Batch], int], Iterator[BatchVerdict]]


def check_batch(stream: BinaryIO, election: Election, batch: Batch) -> BatchVerdict:
    """Check all ballots of a batch and multiply those that count. `stream` may be at any place."""
    tally, wrong = EncryptedTally.empty(election), None
    stream.seek(0)
    ballots = ArchiveReader(stream).ballots(batch.start, batch.end)
    for height, (weight, raw) in enumerate(zip(batch.weights, ballots, strict=True), start=batch.height):
        try:
            ballot = check_ballot(raw, election)
            if weight is not None:
                tally.add(ballot, weight)
        except (BallotError, InvalidTally) as error:
            wrong = (height, str(error))
            break
    return BatchVerdict(len(batch.weights), tally.ciphertexts, tally.num_tallied, tally.total_weight, wrong)


def check_ballot(raw: bytes, election: Election) -> Ballot:
    """All that can be checked without the list of credentials; raises BallotError."""
    ballot = parse_ballot(raw)
    check_election(ballot, election)
    check_signature(ballot, election)
    check_proofs(ballot, election)
    return ballot
