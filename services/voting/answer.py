"""The encrypted answer to one question, and its proofs.

A homomorphic answer encrypts one bit per choice, (alpha, beta) = (g^r, y^r g^bit), proves that each is 0 or 1, and
that their sum is in range; where a blank vote is allowed, the first bit says "blank", and two more proofs say that a
blank vote has nothing else in it. A ranked answer encrypts all ranks in one element and proves knowledge of r.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import array, element_text, members
from services.voting.election import Election
from services.voting.group import Group
from services.voting.proofs import Claim, Proof, knowledge_holds, one_of_holds, prove_one_of
from services.voting.question import HomomorphicQuestion, NonHomomorphicQuestion, Question


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """An ElGamal ciphertext as texts; as hash inputs they are needed in this form."""

    alpha: str
    beta: str

    @classmethod
    def parse(cls, value: Any) -> "Ciphertext":
        alpha, beta = members(value, "alpha", "beta")
        return cls(element_text(alpha), element_text(beta))

    def to_json(self) -> dict[str, str]:
        return {"alpha": self.alpha, "beta": self.beta}

    def elements(self, group: Group) -> tuple[int, int]:
        """Both numbers; raises MalformedJson when one is not spelled canonically. Membership is not tested."""
        return group.parse(self.alpha), group.parse(self.beta)


@dataclass(frozen=True, slots=True)
class HomomorphicAnswer:
    choices: tuple[Ciphertext, ...]
    individual_proofs: tuple[tuple[Proof, ...], ...]
    overall_proof: tuple[Proof, ...]
    blank_proof: tuple[Proof, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        blank = {} if self.blank_proof is None else {"blank_proof": _proofs_json(self.blank_proof)}
        return {
            "choices": [choice.to_json() for choice in self.choices],
            "individual_proofs": [_proofs_json(proofs) for proofs in self.individual_proofs],
            "overall_proof": _proofs_json(self.overall_proof),
            **blank,
        }


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    choices: Ciphertext
    proof: Proof


Answer = HomomorphicAnswer | RankedAnswer


def parse_answer(value: Any) -> Answer:
    """An answer of either kind, told apart by its shape; raises MalformedJson."""
    if isinstance(value, dict) and "proof" in value:
        choices, proof = members(value, "choices", "proof")
        return RankedAnswer(Ciphertext.parse(choices), Proof.parse(proof))
    names = ("choices", "individual_proofs", "overall_proof", "blank_proof")
    choices, individual, overall, blank = members(value, *names, optional=("blank_proof",))
    return HomomorphicAnswer(
        tuple(Ciphertext.parse(choice) for choice in array(choices)),
        tuple(_parse_proofs(proofs) for proofs in array(individual)),
        _parse_proofs(overall),
        None if blank is None else _parse_proofs(blank),
    )


def make_answer(
    election: Election, binding: str, question: HomomorphicQuestion, bits: Sequence[int]
) -> HomomorphicAnswer:
    """Encrypt and prove one bit per choice; raises ValueError for a choice that the question does not allow."""
    if not question.allows(bits):
        raise ValueError("the question does not allow this choice")
    group = election.group
    randomness = [group.random_scalar() for _ in bits]
    choices = tuple(_encrypt(election, r, bit) for r, bit in zip(randomness, bits, strict=True))
    individual = []
    for r, bit, choice in zip(randomness, bits, choices, strict=True):
        claims = [Claim(r, bit, 0), Claim(r, bit, 1)]
        prefix = f"prove|{binding}|{choice.alpha},{choice.beta}|"
        individual.append(tuple(prove_one_of(group, election.y_power, claims, bit, prefix)))
    overall, blank = _prove_sum(election, binding, question, bits=bits, randomness=randomness, choices=choices)
    return HomomorphicAnswer(choices, tuple(individual), overall, blank)


def answer_holds(election: Election, binding: str, question: Question, answer: Answer) -> bool:
    """Whether all elements are in the group and all proofs hold; raises MalformedJson for misspelled numbers."""
    if isinstance(question, NonHomomorphicQuestion):
        return isinstance(answer, RankedAnswer) and _ranked_holds(election, binding, answer)
    if not isinstance(answer, HomomorphicAnswer) or not _shape_fits(question, answer):
        return False
    proofs = [*answer.individual_proofs, answer.overall_proof, answer.blank_proof or ()]
    if not all(proof.in_range(election.group) for several in proofs for proof in several):
        return False
    return _homomorphic_holds(election, binding, question, answer)


def _encrypt(election: Election, randomness: int, bit: int) -> Ciphertext:
    group = election.group
    masked = election.y_power(randomness)
    beta = group.multiply(masked, group.g) if bit else masked
    return Ciphertext(group.text(group.g_power(randomness)), group.text(beta))


def _prove_sum(
    election: Election,
    binding: str,
    question: HomomorphicQuestion,
    *,
    bits: Sequence[int],
    randomness: Sequence[int],
    choices: Sequence[Ciphertext],
) -> tuple[tuple[Proof, ...], tuple[Proof, ...] | None]:
    """The overall proof, and the blank proof where the question has one."""
    group, start = election.group, int(question.blank)
    r, total = sum(randomness[start:]) % group.q, sum(bits[start:])
    sums = [Claim(r, total, value) for value in question.values]
    everything = _everything(binding, choices)
    if not question.blank:
        prefix = _sum_prefix(group, everything, choices)
        return tuple(prove_one_of(group, election.y_power, sums, total - question.minimum, prefix)), None
    is_blank = Claim(randomness[0], bits[0], 1)
    not_blank, nothing = Claim(randomness[0], bits[0], 0), Claim(r, total, 0)
    true = 0 if bits[0] else 1 + total - question.minimum
    overall = prove_one_of(group, election.y_power, [is_blank, *sums], true, f"bproof1|{everything}|")
    blank = prove_one_of(group, election.y_power, [not_blank, nothing], bits[0], f"bproof0|{everything}|")
    return tuple(overall), tuple(blank)


def _everything(binding: str, choices: Sequence[Ciphertext]) -> str:
    return f"{binding}|" + ",".join(f"{choice.alpha},{choice.beta}" for choice in choices)


def _sum_prefix(group: Group, everything: str, choices: Sequence[Ciphertext]) -> str:
    alpha, beta = _product(group, choices)
    return f"prove|{everything}|{group.text(alpha)},{group.text(beta)}|"


def _product(group: Group, ciphertexts: Sequence[Ciphertext]) -> tuple[int, int]:
    alphas, betas = zip(*(ciphertext.elements(group) for ciphertext in ciphertexts), strict=True)
    return group.product(alphas), group.product(betas)


def _shape_fits(question: HomomorphicQuestion, answer: HomomorphicAnswer) -> bool:
    return (
        len(answer.choices) == len(answer.individual_proofs) == question.size
        and all(len(proofs) == 2 for proofs in answer.individual_proofs)
        and len(answer.overall_proof) == len(question.values) + question.blank
        and (None if answer.blank_proof is None else len(answer.blank_proof)) == (2 if question.blank else None)
    )


def _homomorphic_holds(
    election: Election, binding: str, question: HomomorphicQuestion, answer: HomomorphicAnswer
) -> bool:
    """All powers of one number are computed together with its membership test, because they share their squarings."""
    group = election.group
    about_blank = [answer.blank_proof[0], answer.overall_proof[0]] if answer.blank_proof else []
    blank_powers: list[_Power] = []
    for index, (choice, proofs) in enumerate(zip(answer.choices, answer.individual_proofs, strict=True)):
        powers = _powers_of_member(group, choice, [*proofs, *about_blank] if index == 0 else proofs)
        if powers is None:
            return False
        blank_powers = blank_powers or powers[2:]
        commitments = _commitments(election, powers[:2], proofs, (0, 1))
        if not one_of_holds(group, commitments, proofs, f"prove|{binding}|{choice.alpha},{choice.beta}|"):
            return False
    if answer.blank_proof:
        return _blank_sum_holds(election, binding, question, answer, blank_powers)
    return _sum_holds(election, binding, question, answer)


def _sum_holds(election: Election, binding: str, question: HomomorphicQuestion, answer: HomomorphicAnswer) -> bool:
    group = election.group
    powers = _powers(group, _product(group, answer.choices), answer.overall_proof)
    commitments = _commitments(election, powers, answer.overall_proof, question.values)
    prefix = _sum_prefix(group, _everything(binding, answer.choices), answer.choices)
    return one_of_holds(group, commitments, answer.overall_proof, prefix)


def _blank_sum_holds(
    election: Election,
    binding: str,
    question: HomomorphicQuestion,
    answer: HomomorphicAnswer,
    blank_powers: "Sequence[_Power]",
) -> bool:
    """`blank_powers`: the blank bit's ciphertext raised to the first challenges of the blank and the overall proof."""
    group, (overall, blank) = election.group, (answer.overall_proof, answer.blank_proof or ())
    product = _product(group, answer.choices[1:])
    first, *rest = _powers(group, product, [blank[1], *overall[1:]])
    everything = _everything(binding, answer.choices)
    in_blank = _commitments(election, [blank_powers[0], first], blank, (0, 0))
    in_overall = _commitments(election, [blank_powers[1], *rest], overall, (1, *question.values))
    return one_of_holds(group, in_blank, blank, f"bproof0|{everything}|") and one_of_holds(
        group, in_overall, overall, f"bproof1|{everything}|"
    )


_Power = tuple[int, int]  # (alpha^challenge, beta^challenge)


def _powers_of_member(group: Group, choice: Ciphertext, proofs: Sequence[Proof]) -> list[_Power] | None:
    """The ciphertext to the challenges of the proofs, or None when it is not in the group."""
    alpha, beta = choice.elements(group)
    challenges = [proof.challenge for proof in proofs]
    alphas, alpha_is_member = group.powers_and_membership(alpha, challenges)
    betas, beta_is_member = group.powers_and_membership(beta, challenges)
    return list(zip(alphas, betas, strict=True)) if alpha_is_member and beta_is_member else None


def _powers(group: Group, ciphertext: tuple[int, int], proofs: Sequence[Proof]) -> list[_Power]:
    alpha, beta = ciphertext
    challenges = [proof.challenge for proof in proofs]
    return list(zip(group.powers(alpha, challenges), group.powers(beta, challenges), strict=True))


def _commitments(
    election: Election, powers: Sequence[_Power], proofs: Sequence[Proof], values: Sequence[int]
) -> list[int]:
    """A = g^response alpha^challenge and B = y^response (beta / g^value)^challenge for each proof."""
    group = election.group
    commitments = []
    for (alpha, beta), proof, value in zip(powers, proofs, values, strict=True):
        unshifted = group.multiply(election.y_power(proof.response), beta)
        shift = -value * proof.challenge % group.q
        commitments.append(group.multiply(group.g_power(proof.response), alpha))
        commitments.append(group.multiply(unshifted, group.g_power(shift)) if shift else unshifted)
    return commitments


def _ranked_holds(election: Election, binding: str, answer: RankedAnswer) -> bool:
    """The prover knows the randomness r of alpha = g^r; which ranks they are nobody can tell before decryption."""
    group = election.group
    alpha, beta = answer.choices.elements(group)
    public_key = group.text(election.public_key)
    prefix = f"raweg|{binding}|{public_key},{answer.choices.alpha},{answer.choices.beta}|"
    inside = group.is_element(alpha) and group.is_element(beta)
    return inside and knowledge_holds(group, alpha, prefix, answer.proof)


def _parse_proofs(value: Any) -> tuple[Proof, ...]:
    return tuple(Proof.parse(proof) for proof in array(value))


def _proofs_json(proofs: Sequence[Proof]) -> list[dict[str, str]]:
    return [proof.to_json() for proof in proofs]
