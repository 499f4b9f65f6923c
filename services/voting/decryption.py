"""From the encrypted tally to the result: partial decryptions, their proofs, and the counts.

What a valid proof does not say: the challenge of this protocol hashes neither the ciphertext nor the factor, so a
trustee can make a wrong factor together with a proof that holds, though not for a factor chosen beforehand (the
factor falls out of the hash). Such a forgery shows when no count is found. `suspects` then says who is cleared: an
honest trustee who decrypts again arrives at the same factors with another proof, and that nobody can do for a wrong
factor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

from services.voting.canonical import MalformedJson, array, members, natural, parse_json, render_json, render_natural
from services.voting.ciphertexts import Ciphertexts, Pair, parse_ciphertexts
from services.voting.election import Election
from services.voting.group import Group
from services.voting.pedersen import PedersenTrustees, lagrange
from services.voting.proofs import Proof
from services.voting.question import HomomorphicQuestion
from services.voting.trustee import Trustees


class InvalidDecryption(ValueError):
    """A partial decryption cannot be used: it cannot be read, a proof fails, or one is missing."""


class InvalidResult(ValueError):
    """A published result is not that of the tally."""


class CountNotFound(ValueError):
    """The factors combine to no count for this question and answer (both numbered from 1): one of them is wrong."""

    def __init__(self, question: int, answer: int) -> None:
        super().__init__(f"no count was found for question {question}, answer {answer}")
        self.question, self.answer = question, answer


@dataclass(frozen=True, slots=True)
class PartialDecryption:
    """One trustee's factors alpha^x, in the shape of the tally, with a proof for each."""

    factors: tuple[tuple[int, ...], ...]
    proofs: tuple[tuple[Proof, ...], ...]


def partial_decryption(tally_raw: bytes, election: Election, private_key: int) -> bytes:
    """A trustee's share of opening the tally; raises InvalidDecryption when the bytes are no tally of the election."""
    return decrypt(_tally(tally_raw, election), election, private_key)


def decrypt(ciphertexts: Ciphertexts, election: Election, private_key: int) -> bytes:
    group = election.group
    prefix = _prefix(election, group.secret_power(group.g, private_key))
    opened = [[_open(group, alpha, private_key, prefix) for alpha, _ in pairs] for pairs in ciphertexts]
    return render_json(
        {
            "decryption_factors": [[group.text(factor) for factor, _ in pairs] for pairs in opened],
            "decryption_proofs": [[proof.to_json() for _, proof in pairs] for pairs in opened],
        }
    )


def check_partial_decryption(raw: bytes, tally_raw: bytes, election: Election, public_key: int) -> PartialDecryption:
    """Raises InvalidDecryption unless the record is canonical, fits the tally, and all its proofs hold."""
    return check_decryption(raw, _tally(tally_raw, election), election, public_key)


def check_decryption(raw: bytes, ciphertexts: Ciphertexts, election: Election, public_key: int) -> PartialDecryption:
    group, prefix = election.group, _prefix(election, public_key)
    partial = _parse(raw, ciphertexts, group)
    for number, (pairs, factors, proofs) in enumerate(
        zip(ciphertexts, partial.factors, partial.proofs, strict=True), start=1
    ):
        for (alpha, _), factor, proof in zip(pairs, factors, proofs, strict=True):
            if not _factor_holds(group, public_key, prefix, alpha=alpha, factor=factor, proof=proof):
                raise InvalidDecryption(f"a proof of the decryption of question {number} does not hold")
    return partial


def combine(
    election: Election, trustees: Trustees, tally_raw: bytes, total_weight: int, decryptions: Mapping[int, bytes]
) -> list[list[Any]]:
    """The counts per question and answer, from checked partial decryptions by owner.

    Raises CountNotFound when the factors open a ciphertext to nothing up to `total_weight` (10^9 takes a tenth of a
    second), InvalidDecryption when one that is needed is missing.
    """
    ciphertexts = _tally(tally_raw, election)
    partials = {owner: _parse(raw, ciphertexts, election.group) for owner, raw in decryptions.items()}
    opened = openings(election, trustees, ciphertexts, partials)
    search = _CountSearch(election.group, total_weight)
    return [
        _counts(search, number, elements)
        if isinstance(question, HomomorphicQuestion)
        else [decode_ranks(element, len(question.answers)) for element in elements]
        for number, (question, elements) in enumerate(zip(election.questions, opened, strict=True), start=1)
    ]


def openings(
    election: Election, trustees: Trustees, ciphertexts: Ciphertexts, partials: Mapping[int, PartialDecryption]
) -> list[list[int]]:
    """What each ciphertext encrypts: beta divided by the product of the trustees' factors (g^count, or ranks)."""
    group, needed = election.group, _needed(trustees, partials)
    opened: list[list[int]] = []
    for question, pairs in enumerate(ciphertexts):
        opened.append([])
        for index, (_, beta) in enumerate(pairs):
            factors = [
                partials[owner].factors[question][index]
                if coefficient == 1
                else group.power(partials[owner].factors[question][index], coefficient)
                for owner, coefficient in needed.items()
            ]
            opened[-1].append(group.multiply(beta, group.inverse(group.product(factors))))
    return opened


def decode_ranks(element: int, answers: int) -> list[int]:
    """The small numbers of a ranked ballot: drop the 8 bits of padding, then one byte per answer, the first highest."""
    packed = int(element) >> 8
    return [packed >> (8 * place) & 255 for place in reversed(range(answers))]


def check_result(raw: bytes, election: Election, opened: Sequence[Sequence[int]], total_weight: int) -> list[list[Any]]:
    """The published result, if it is what the ciphertexts open to; raises InvalidResult."""
    try:
        (questions,) = members(parse_json(raw), "result")
        if len(array(questions)) != len(opened):
            raise InvalidResult("the result does not have one list per question")
        return [
            _check_counts(election.group, array(counts), elements, total_weight)
            if isinstance(question, HomomorphicQuestion)
            else _check_ranks(array(counts), elements, len(question.answers))
            for question, counts, elements in zip(election.questions, questions, opened, strict=True)
        ]
    except MalformedJson as error:
        raise InvalidResult(f"the result cannot be read: {error}") from error


def _check_counts(group: Group, counts: Sequence[Any], elements: Sequence[int], bound: int) -> list[int]:
    numbers = [natural(count) for count in counts]
    if len(numbers) != len(elements) or any(
        number > bound or group.power(group.g, number) != element
        for number, element in zip(numbers, elements, strict=True)
    ):
        raise InvalidResult("a count is not what the trustees' factors open the tally to")
    return numbers


def _check_ranks(ballots: Sequence[Any], elements: Sequence[int], answers: int) -> list[list[int]]:
    decoded = [decode_ranks(element, answers) for element in elements]
    if list(ballots) != decoded:
        raise InvalidResult("a ranked ballot is not what the trustees' factors open it to")
    return decoded


def render_result(counts: Sequence[Sequence[Any]]) -> bytes:
    """The result record; numbers beyond 2^30 - 1 become strings."""
    return render_json(
        {"result": [[render_natural(c) if isinstance(c, int) else list(c) for c in question] for question in counts]}
    )


def suspects(posts: Mapping[int, Sequence[bytes]]) -> list[int]:
    """The owners whose factors may be wrong, when all partial decryptions verify but no count is found.

    `posts` are all verified partial decryptions of each owner for this tally, oldest first. An owner is cleared when
    every factor of the last one was posted with two proofs of different challenges.
    """
    return sorted(owner for owner, raws in posts.items() if not _confirmed([parse_json(raw) for raw in raws]))


def _confirmed(partials: Sequence[dict[str, Any]]) -> bool:
    shares = [_shares(partial) for partial in partials]
    return all(
        len({post[place][1] for post in shares if post[place][0] == factor}) > 1
        for place, (factor, _) in enumerate(shares[-1])
    )


def _shares(partial: dict[str, Any]) -> list[tuple[str, str]]:
    """(factor, challenge) of every ciphertext."""
    questions = zip(partial["decryption_factors"], partial["decryption_proofs"], strict=True)
    return [
        (factor, proof["challenge"])
        for factors, proofs in questions
        for factor, proof in zip(factors, proofs, strict=True)
    ]


def _tally(raw: bytes, election: Election) -> list[list[Pair]]:
    try:
        return parse_ciphertexts(raw, election)
    except MalformedJson as error:
        raise InvalidDecryption(f"the encrypted tally cannot be read: {error}") from error


def _prefix(election: Election, public_key: int) -> str:
    return f"decrypt|{election.fingerprint}|{election.group.text(public_key)}|"


def _open(group: Group, alpha: int, private_key: int, prefix: str) -> tuple[int, Proof]:
    """alpha^x, and the proof that it has the exponent of g^x: c = H(prefix; g^w, alpha^w), response w - x c."""
    nonce = group.random_scalar()
    commitments = group.secret_power(group.g, nonce), group.secret_power(alpha, nonce)
    challenge = group.hash_to_scalar(prefix, *commitments)
    return group.secret_power(alpha, private_key), Proof(challenge, (nonce - private_key * challenge) % group.q)


def _factor_holds(group: Group, public_key: int, prefix: str, *, alpha: int, factor: int, proof: Proof) -> bool:
    """A = g^s X^c and B = alpha^s factor^c hash to the challenge, and the factor is in the group."""
    if not proof.in_range(group):
        return False
    (power,), inside = group.powers_and_membership(factor, [proof.challenge])
    first = group.multiply(group.g_power(proof.response), group.power(public_key, proof.challenge))
    second = group.multiply(group.power(alpha, proof.response), power)
    return inside and group.hash_to_scalar(prefix, first, second) == proof.challenge


def _parse(raw: bytes, ciphertexts: Ciphertexts, group: Group) -> PartialDecryption:
    """Read a canonical record in the shape of the tally; raises InvalidDecryption."""
    try:
        value = parse_json(raw)
        factors, proofs = members(value, "decryption_factors", "decryption_proofs")
        partial = PartialDecryption(
            tuple(tuple(group.parse(factor) for factor in array(several)) for several in array(factors)),
            tuple(tuple(Proof.parse(proof) for proof in array(several)) for several in array(proofs)),
        )
    except MalformedJson as error:
        raise InvalidDecryption(f"the partial decryption cannot be read: {error}") from error
    shape = [len(pairs) for pairs in ciphertexts]
    if [len(several) for several in partial.factors] != shape or [len(several) for several in partial.proofs] != shape:
        raise InvalidDecryption("the partial decryption does not have the shape of the tally")
    if render_json(value) != raw:
        raise InvalidDecryption("the partial decryption is not in canonical form")
    return partial


def _needed(trustees: Trustees, partials: Mapping[int, PartialDecryption]) -> dict[int, int]:
    """The owners whose factors are multiplied, each with its exponent; raises InvalidDecryption when one is missing."""
    needed: dict[int, int] = {}
    owner = 1
    for item in trustees.items:
        if isinstance(item, PedersenTrustees):
            places = [j for j in range(1, len(item.verification_keys) + 1) if owner + j - 1 in partials]
            if len(places) < item.threshold:
                raise InvalidDecryption("fewer trustees than the threshold have decrypted")
            coefficients = lagrange(places[: item.threshold], trustees.group)
            needed |= {owner + j - 1: coefficient for j, coefficient in coefficients.items()}
            owner += len(item.verification_keys)
        else:
            if owner not in partials:
                raise InvalidDecryption(f"the partial decryption of trustee {owner} is missing")
            needed[owner] = 1
            owner += 1
    return needed


def _counts(search: "_CountSearch", question: int, elements: Sequence[int]) -> list[int]:
    counts = []
    for answer, element in enumerate(elements, start=1):
        count = search.find(element)
        if count is None:
            raise CountNotFound(question, answer)
        counts.append(count)
    return counts


class _CountSearch:
    """The exponents up to a bound, found by baby steps and giant steps (Shanks)."""

    def __init__(self, group: Group, bound: int) -> None:
        self._group, self._bound, self._stride = group, bound, isqrt(bound) + 1
        self._baby_steps: dict[int, int] = {}
        element = group.power(group.g, 0)
        for exponent in range(self._stride):
            self._baby_steps[_short(element)] = exponent
            element = group.multiply(element, group.g)
        self._giant_step = group.inverse(element)

    def find(self, element: int) -> int | None:
        rest = element
        for giant in range(self._stride):
            baby = self._baby_steps.get(_short(rest))
            if baby is not None:
                count = giant * self._stride + baby
                if count <= self._bound and self._group.power(self._group.g, count) == element:
                    return count
            rest = self._group.multiply(rest, self._giant_step)
        return None


def _short(element: int) -> int:
    """A part of an element that tells it from others well enough for a table (a hit is checked in full)."""
    return int(element & 0xFFFF_FFFF_FFFF_FFFF)
