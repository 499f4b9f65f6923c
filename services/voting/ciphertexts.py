"""The encrypted tally as it is published: for each question a list of ciphertexts, as elements of the group."""

from collections.abc import Sequence
from typing import Any

from services.voting.canonical import MalformedJson, array, members, parse_json, render_json
from services.voting.election import Election
from services.voting.group import Group
from services.voting.question import HomomorphicQuestion

Pair = tuple[int, int]  # (alpha, beta)
Ciphertexts = Sequence[Sequence[Pair]]


def parse_ciphertexts(raw: bytes, election: Election) -> list[list[Pair]]:
    """Read a tally record in its canonical form; raises MalformedJson. Every number is tested to be in the group.

    The test matters before decrypting: a number of small order raised to a private key would tell the key modulo
    that order.
    """
    value = parse_json(raw)
    questions = [parse_pairs(pairs, election.group) for pairs in array(value)]
    if len(questions) != len(election.questions):
        raise MalformedJson("the tally does not have one list per question")
    for question, pairs in zip(election.questions, questions, strict=True):
        if isinstance(question, HomomorphicQuestion) and len(pairs) != question.size:
            raise MalformedJson("the tally does not have one ciphertext per choice")
    if render_json(value) != raw:
        raise MalformedJson("the tally is not in canonical form")
    return questions


def render_ciphertexts(ciphertexts: Ciphertexts, group: Group) -> bytes:
    return render_json([pairs_json(pairs, group) for pairs in ciphertexts])


def parse_pairs(value: Any, group: Group) -> list[Pair]:
    return [
        (group.parse_member(alpha), group.parse_member(beta))
        for alpha, beta in (members(pair, "alpha", "beta") for pair in array(value))
    ]


def pairs_json(pairs: Sequence[Pair], group: Group) -> list[dict[str, str]]:
    return [{"alpha": group.text(alpha), "beta": group.text(beta)} for alpha, beta in pairs]
