"""The bytes of an election, made once when it is sealed.

Promises:
- The election's key is the product of the trustees' keys, in the order of their record.
- What is frozen is what is served, fingerprinted and put on the board; nothing is rendered twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.election.contract import Draft, TrusteeKey
from services.voting.canonical import base64_digest
from services.voting.election import render_election
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.trustee import render_trustees

GROUP = BELENIOS_2048


@dataclass(frozen=True)
class Frozen:
    """Definition and trustees as bytes; `fingerprint` is that of the definition."""

    definition: bytes
    trustees: bytes
    fingerprint: str


def freeze(draft: Draft, uuid: str, trustees: Sequence[tuple[str, TrusteeKey]]) -> Frozen:
    """The bytes of a draft with its trustees (name and key each)."""
    definition = render_election(
        name=draft.name,
        description=draft.description,
        uuid=uuid,
        public_key=GROUP.product([int(key.public_key) for _, key in trustees]),
        questions=questions(draft),
    )
    records = [key_record(key) | {"name": name} for name, key in trustees]
    return Frozen(definition, render_trustees(records), base64_digest(definition))


def questions(draft: Draft) -> list[HomomorphicQuestion]:
    """The questions in the words of the ballot protocol."""
    return [
        HomomorphicQuestion(each.text, tuple(each.options), each.minimum, each.maximum, each.blank)
        for each in draft.questions
    ]


def key_record(key: TrusteeKey) -> dict[str, object]:
    """A trustee's key as it stands in the record of trustees."""
    return {"pok": {"challenge": key.challenge, "response": key.response}, "public_key": key.public_key}
