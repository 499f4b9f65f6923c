"""The encrypted tally: the product of all ballots that count, kept while they arrive.

Promises:
- A tally depends only on which ballots count and with which weights, never on the order in which they came.
- `remove` undoes `add` exactly, so a later ballot of the same voter can take an earlier one's place.
- Only ballots whose proofs were checked may be added: a product with a number outside of the group means nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.voting.answer import HomomorphicAnswer
from services.voting.ballot import Ballot
from services.voting.canonical import MalformedJson, render_json, render_natural
from services.voting.ciphertexts import Ciphertexts, Pair, parse_ciphertexts, render_ciphertexts
from services.voting.decryption import (
    CountNotFound,
    InvalidDecryption,
    check_partial_decryption,
    combine,
    partial_decryption,
    render_result,
    suspects,
)
from services.voting.election import Election
from services.voting.group import NEUTRAL, Group
from services.voting.question import HomomorphicQuestion

__all__ = [
    "CountNotFound",
    "EncryptedTally",
    "InvalidDecryption",
    "InvalidTally",
    "check_partial_decryption",
    "combine",
    "partial_decryption",
    "render_result",
    "render_sized",
    "suspects",
]


class InvalidTally(ValueError):
    """The bytes are not an encrypted tally of this election."""


@dataclass
class EncryptedTally:
    """A running product: one (alpha, beta) per choice; of a ranked question the list of all its ciphertexts."""

    election: Election
    ciphertexts: list[list[Pair]]
    num_tallied: int
    total_weight: int

    @classmethod
    def empty(cls, election: Election) -> "EncryptedTally":
        neutral = (NEUTRAL, NEUTRAL)
        sizes = (question.size if isinstance(question, HomomorphicQuestion) else 0 for question in election.questions)
        return cls(election, [[neutral] * size for size in sizes], 0, 0)

    @classmethod
    def parse(cls, raw: bytes, election: Election, num_tallied: int, total_weight: int) -> "EncryptedTally":
        """Take up a tally where its record left off; raises InvalidTally."""
        try:
            return cls(election, parse_ciphertexts(raw, election), num_tallied, total_weight)
        except MalformedJson as error:
            raise InvalidTally(f"the encrypted tally cannot be read: {error}") from error

    def add(self, ballot: Ballot, weight: int = 1) -> None:
        """Count a checked ballot: each of its ciphertexts enters the product `weight` times."""
        for index, answer in enumerate(ballot.answers):
            if isinstance(answer, HomomorphicAnswer):
                self._multiply(index, answer, weight)
            else:
                _require_weight_1(weight)
                self.ciphertexts[index].append(answer.choices.elements(self.election.group))
        self.num_tallied += 1
        self.total_weight += weight

    def remove(self, ballot: Ballot, weight: int = 1) -> None:
        """Take back a ballot that was added with this weight and has been replaced by a later one."""
        for index, answer in enumerate(ballot.answers):
            if isinstance(answer, HomomorphicAnswer):
                self._multiply(index, answer, -weight)
            else:
                self.ciphertexts[index].remove(answer.choices.elements(self.election.group))
        self.num_tallied -= 1
        self.total_weight -= weight

    def merge(self, ciphertexts: Ciphertexts, num_tallied: int, total_weight: int) -> None:
        """Count all that another tally of the same election has counted."""
        for index, question in enumerate(self.election.questions):
            if isinstance(question, HomomorphicQuestion):
                self._multiply_pairs(index, ciphertexts[index])
            else:
                self.ciphertexts[index] += ciphertexts[index]
        self.num_tallied += num_tallied
        self.total_weight += total_weight

    def render(self) -> bytes:
        """The encrypted_tally record; ranked ciphertexts are sorted, which unlinks them from the order of the board."""
        for index, question in enumerate(self.election.questions):
            if not isinstance(question, HomomorphicQuestion):
                self.ciphertexts[index].sort()
        return render_ciphertexts(self.ciphertexts, self.election.group)

    def _multiply(self, index: int, answer: HomomorphicAnswer, weight: int) -> None:
        group = self.election.group
        pairs = [choice.elements(group) for choice in answer.choices]
        self._multiply_pairs(index, [(_weigh(group, a, weight), _weigh(group, b, weight)) for a, b in pairs])

    def _multiply_pairs(self, index: int, pairs: Sequence[Pair]) -> None:
        multiply = self.election.group.multiply
        self.ciphertexts[index] = [
            (multiply(alpha, other_alpha), multiply(beta, other_beta))
            for (alpha, beta), (other_alpha, other_beta) in zip(self.ciphertexts[index], pairs, strict=True)
        ]


def render_sized(num_tallied: int, total_weight: int, encrypted_tally_hash: str) -> bytes:
    """The payload of the EncryptedTally event: how many ballots count, their weight, and the hash of the record."""
    weight = render_natural(total_weight)
    return render_json({"num_tallied": num_tallied, "total_weight": weight, "encrypted_tally": encrypted_tally_hash})


def _weigh(group: Group, element: int, weight: int) -> int:
    if weight == 1:
        return element
    power = group.power(element, abs(weight))
    return power if weight >= 0 else group.inverse(power)


def _require_weight_1(weight: int) -> None:
    if weight != 1:
        raise InvalidTally("ranked ballots cannot have a weight other than 1")
