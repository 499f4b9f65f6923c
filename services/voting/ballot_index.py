"""Which ballots an archive holds, and which of them count, in some 20 bytes per ballot.

Promises:
- A ballot that stands twice is found.
- The last ballot of each credential counts, with the credential's weight, whatever came before.
"""

import hashlib
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Iterator

from services.voting.batches import BallotBatch
from services.voting.credential_list import CredentialList

_BATCH = 8  # ballots that one process checks at a stretch, some 70 ms


class BallotIndex:
    """Ballots by height (the first has height 1) and where their events lie in the file."""

    def __init__(self, credentials: CredentialList) -> None:
        self._credentials = credentials
        self._signers = array("I")  # by height - 1: the credential's number
        self._starts = array("Q")  # the place of the first of every batch
        self._end = 0

    def __len__(self) -> int:
        return len(self._signers)

    def append(self, signer: int, start: int, end: int) -> None:
        if len(self._signers) % _BATCH == 0:
            self._starts.append(start)
        self._signers.append(signer)
        self._end = end
        self._credentials.cast(signer, len(self._signers))

    def batches(self) -> Iterator[BallotBatch]:
        """All ballots; how they count is known when all have been appended."""
        for number, start in enumerate(self._starts):
            first = number * _BATCH
            end = self._starts[number + 1] if number + 1 < len(self._starts) else self._end
            weights = (
                self._credentials.counted_weight(signer, height)
                for height, signer in enumerate(self._signers[first : first + _BATCH], start=first + 1)
            )
            yield BallotBatch(start, end, first + 1, tuple(weights))


class SeenBallots:
    """Says which ballot may have come before, keeping 8 bytes of each.

    They are a keyed hash with a key of this run: nobody can prepare an archive with two ballots that only look equal
    here, and by chance that happens once in 10^7 archives of a million ballots.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._sorted = array("Q")

    def add(self, record_hash: str) -> bool:
        """Whether the ballot with this hash was perhaps added before."""
        short = hashlib.blake2b(record_hash.encode("ascii"), digest_size=8, key=self._key).digest()
        value = int.from_bytes(short, "big")
        place = bisect_left(self._sorted, value)
        if place < len(self._sorted) and self._sorted[place] == value:
            return True
        self._sorted.insert(place, value)
        return False
