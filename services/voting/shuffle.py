"""Shuffles of ranked ballots: checking the proof that one list of ciphertexts is another, permuted and re-encrypted.

The proof is that of the CHVote specification 1.3.2 (Haenni, Koenig, Locher, Dubuis, 2017; after Terelius and
Wikstroem), with the hash inputs of Belenios; the names of the numbers are theirs.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import MalformedJson, array, decimal, members, parse_json, render_json
from services.voting.ciphertexts import Pair, parse_pairs
from services.voting.election import Election
from services.voting.group import Group
from services.voting.question import NonHomomorphicQuestion


class InvalidShuffle(ValueError):
    """A shuffle cannot be read, or its proof does not hold."""


@dataclass(frozen=True, slots=True)
class _Proof:
    """Commitments t, responses s, the permutation's commitments c, and their chain c_hat."""

    t: list[int]  # t1, t2, t3, t41, t42
    t_hat: list[int]
    s: list[int]  # s1 to s4
    s_hat: list[int]
    s_prime: list[int]
    c: list[int]
    c_hat: list[int]


def check_shuffle(raw: bytes, ciphertexts: Sequence[Sequence[Pair]], election: Election) -> list[list[Pair]]:
    """The shuffled ciphertexts, one list per ranked question in order, if their proofs hold; raises InvalidShuffle.

    `ciphertexts` are those before this shuffle, of the ranked questions only.
    """
    try:
        value = parse_json(raw)
        shuffled, proofs = members(value, "ciphertexts", "proofs")
        after = [parse_pairs(pairs, election.group) for pairs in array(shuffled)]
        parsed = [_parse_proof(proof, election.group) for proof in array(proofs)]
    except MalformedJson as error:
        raise InvalidShuffle(f"the shuffle cannot be read: {error}") from error
    if render_json(value) != raw:
        raise InvalidShuffle("the shuffle is not in canonical form")
    if not len(after) == len(parsed) == len(ciphertexts):
        raise InvalidShuffle("the shuffle does not have one list per ranked question")
    for before, pairs, proof in zip(ciphertexts, after, parsed, strict=True):
        if not _fits(proof, len(before), len(pairs)) or not _holds(election, before, pairs, proof):
            raise InvalidShuffle("the proof of the shuffle does not hold")
    return after


def ranked_places(election: Election) -> list[int]:
    """The places of the ranked questions among all."""
    return [place for place, question in enumerate(election.questions) if isinstance(question, NonHomomorphicQuestion)]


def _parse_proof(value: Any, group: Group) -> _Proof:
    commitments, responses, c, c_hat = _items(value, 4)
    *firsts, t4, t_hat = _items(commitments, 5)
    *s, s_hat, s_prime = _items(responses, 6)
    t, t_hat, c, c_hat = (
        [group.parse_member(element) for element in array(elements)]
        for elements in ([*firsts, *_items(t4, 2)], t_hat, c, c_hat)
    )
    s, s_hat, s_prime = ([_scalar(scalar, group) for scalar in array(scalars)] for scalars in (s, s_hat, s_prime))
    return _Proof(t, t_hat, s, s_hat, s_prime, c, c_hat)


def _items(value: Any, count: int) -> list[Any]:
    if len(array(value)) != count:
        raise MalformedJson("the proof of a shuffle does not have its parts")
    return list(value)


def _scalar(value: Any, group: Group) -> int:
    scalar = decimal(value)
    if not group.is_scalar(scalar):
        raise MalformedJson("a number of the proof of a shuffle is too large")
    return scalar


def _fits(proof: _Proof, before: int, after: int) -> bool:
    lengths = {len(several) for several in (proof.t_hat, proof.s_hat, proof.s_prime, proof.c, proof.c_hat)}
    return lengths == {before} and before == after


def _holds(election: Election, before: Sequence[Pair], after: Sequence[Pair], proof: _Proof) -> bool:
    """Recompute every commitment t from the responses and the challenge, and compare."""
    group, statement = election.group, _serialise(election.group, [*_flat(before), *_flat(after), *proof.c])
    secondary, *generators = (_generator(group, index) for index in range(-1, len(before)))
    u = _permutation_challenges(election, statement, len(before))
    minus_c = -_challenge(election, statement, proof) % group.q

    def commitment(known: int, *powers: int) -> int:
        return group.product([group.power(known, minus_c), *powers])

    def weighted(elements: Iterable[int], exponents: Iterable[int]) -> int:
        return group.product([group.power(base, e) for base, e in zip(elements, exponents, strict=True)])

    s1, s2, s3, s4 = proof.s
    chain = [secondary, *proof.c_hat]
    all_u = 1
    for factor in u:
        all_u = all_u * factor % group.q
    c_bar = group.multiply(group.product(proof.c), group.inverse(group.product(generators)))
    c_hat = group.multiply(chain[-1], group.inverse(group.power(secondary, all_u)))
    alphas, betas = [alpha for alpha, _ in before], [beta for _, beta in before]
    new_alphas, new_betas = [alpha for alpha, _ in after], [beta for _, beta in after]
    t = [
        commitment(c_bar, group.g_power(s1)),
        commitment(c_hat, group.g_power(s2)),
        commitment(weighted(proof.c, u), group.g_power(s3), weighted(generators, proof.s_prime)),
        commitment(weighted(betas, u), election.y_power(-s4 % group.q), weighted(new_betas, proof.s_prime)),
        commitment(weighted(alphas, u), group.g_power(-s4 % group.q), weighted(new_alphas, proof.s_prime)),
    ]
    t_hat = [
        commitment(link, group.g_power(s_hat), group.power(previous, s_prime))
        for link, previous, s_hat, s_prime in zip(proof.c_hat, chain, proof.s_hat, proof.s_prime, strict=False)
    ]
    return t == proof.t and t_hat == proof.t_hat


def _permutation_challenges(election: Election, statement: str, count: int) -> list[int]:
    """u_i = SHA256(H0 || SHA256hex(i)) mod q, with H0 over the fingerprint and the statement."""
    seed = hashlib.sha256(f"shuffle-challenges|{election.fingerprint}|{statement}".encode("ascii")).hexdigest()
    indices = (hashlib.sha256(str(index).encode("ascii")).hexdigest() for index in range(count))
    return [_hash(seed + index) % election.group.q for index in indices]


def _challenge(election: Election, statement: str, proof: _Proof) -> int:
    group = election.group
    commitments, chain = _serialise(group, [*proof.t, *proof.t_hat]), _serialise(group, proof.c_hat)
    y = group.text(election.public_key)
    return _hash(f"shuffle-challenge|{election.fingerprint}|{commitments}{statement}{chain}{y}") % group.q


def _generator(group: Group, index: int) -> int:
    """Generators whose relations nobody knows: SHA256("ggen|" i) raised to the cofactor; -1 is the secondary one."""
    return group.power(_hash(f"ggen|{index}"), (group.p - 1) // group.q)


def _flat(pairs: Sequence[Pair]) -> list[int]:
    return [element for pair in pairs for element in pair]


def _serialise(group: Group, elements: Iterable[int]) -> str:
    return "".join(group.text(element) + "," for element in elements)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest(), "big")
