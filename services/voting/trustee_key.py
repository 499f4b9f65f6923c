"""A trustee's public key with its proof of possession, as it stands in the trustees' record."""

from dataclasses import dataclass
from typing import Any

from services.voting.canonical import MalformedJson, text
from services.voting.group import Group
from services.voting.proofs import Proof, knowledge_holds


class InvalidTrustee(ValueError):
    """A trustee's key, a proof about it, or the record of trustees is not right."""


@dataclass(frozen=True, slots=True)
class TrusteeKey:
    public_key: int
    name: str | None


def possession_prefix(group: Group, public_key: int) -> str:
    return f"pok|{group.name}|{group.text(public_key)}|"


def parse_trustee_key(value: Any, group: Group) -> TrusteeKey:
    """Read a key and check its proof; raises InvalidTrustee, or MalformedJson. Unknown members are passed over."""
    if not isinstance(value, dict):
        raise MalformedJson("a trustee's key is not an object")
    public_key, proof = group.parse_member(value.get("public_key")), Proof.parse(value.get("pok"))
    if not knowledge_holds(group, public_key, possession_prefix(group, public_key), proof):
        raise InvalidTrustee("the proof that a trustee knows the private key does not hold")
    name = value.get("name")
    return TrusteeKey(public_key, None if name is None else text(name))
