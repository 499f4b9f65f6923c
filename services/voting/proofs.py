"""Zero-knowledge proofs of the protocol: knowledge of a key, and "this encrypts one of these values".

All are Fiat-Shamir proofs in the form (challenge, response): the verifier recomputes the commitments from both and
hashes them again, so nothing here can be checked in batches; each commitment must be known exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import decimal, members
from services.voting.group import Group


@dataclass(frozen=True, slots=True)
class Proof:
    challenge: int
    response: int

    @classmethod
    def parse(cls, value: Any) -> "Proof":
        """Raises MalformedJson. Whether both are below q is for the group to say (`in_range`)."""
        challenge, response = members(value, "challenge", "response")
        return cls(decimal(challenge), decimal(response))

    def to_json(self) -> dict[str, str]:
        return {"challenge": str(self.challenge), "response": str(self.response)}

    def in_range(self, group: Group) -> bool:
        return group.is_scalar(self.challenge) and group.is_scalar(self.response)


def prove_knowledge(group: Group, secret: int, prefix: str) -> Proof:
    """Proof of knowing x in X = g^x (Schnorr), bound to the prefix: signatures and proofs of possession.

    A = g^w, challenge = H(prefix; A), response = w - x challenge mod q.
    """
    nonce = group.random_scalar()
    challenge = group.hash_to_scalar(prefix, group.secret_power(group.g, nonce))
    return Proof(challenge, (nonce - secret * challenge) % group.q)


def knowledge_holds(group: Group, public: int, prefix: str, proof: Proof) -> bool:
    """Check `prove_knowledge` for an element X: A = g^response X^challenge hashes to the challenge."""
    if not proof.in_range(group):
        return False
    commitment = group.multiply(group.g_power(proof.response), group.power(public, proof.challenge))
    return group.hash_to_scalar(prefix, commitment) == proof.challenge


@dataclass(frozen=True, slots=True)
class Claim:
    """That the ciphertext (g^randomness, y^randomness g^plaintext) encrypts `claimed`, which may be true or false."""

    randomness: int
    plaintext: int
    claimed: int


def prove_one_of(
    group: Group, y_power: Callable[[int], int], claims: Sequence[Claim], true: int, prefix: str
) -> list[Proof]:
    """Prove that one of the claims holds, without saying that it is number `true`.

    The others are simulated: challenge c and response s at random, commitments A = g^s alpha^c and
    B = y^s (beta / g^claimed)^c. Knowing how alpha and beta were made, the prover needs powers of g and y only:
    A = g^(s + rc), B = y^(s + rc) g^((plaintext - claimed) c).
    """
    simulated = [Proof(group.random_scalar(), group.random_scalar()) for _ in claims]
    nonce = group.random_scalar()
    commitments: list[int] = []
    for index, (claim, proof) in enumerate(zip(claims, simulated, strict=True)):
        exponent = nonce if index == true else (proof.response + claim.randomness * proof.challenge) % group.q
        shift = 0 if index == true else (claim.plaintext - claim.claimed) * proof.challenge % group.q
        commitments += [group.g_power(exponent), group.multiply(y_power(exponent), group.g_power(shift))]
    others = sum(proof.challenge for index, proof in enumerate(simulated) if index != true)
    challenge = (group.hash_to_scalar(prefix, *commitments) - others) % group.q
    simulated[true] = Proof(challenge, (nonce - claims[true].randomness * challenge) % group.q)
    return simulated


def one_of_holds(group: Group, commitments: Sequence[int], proofs: Sequence[Proof], prefix: str) -> bool:
    """Check `prove_one_of` from the recomputed commitments A_0, B_0, A_1, B_1, ..."""
    total = sum(proof.challenge for proof in proofs) % group.q
    return group.hash_to_scalar(prefix, *commitments) == total
