"""Trustees: their keys, and the record that names all of them.

Promises:
- A public key is accepted only with a proof that its owner knows the private key; so nobody can choose a key that
  cancels the others out.
- Private keys pass through constant-time powers only.
- `Trustees.public_key` is the product of what the record holds; an election whose key differs is not theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import MalformedJson, array, decimal, parse_json, render_json, text
from services.voting.group import Group
from services.voting.pedersen import PedersenTrustees, parse_pedersen
from services.voting.proofs import prove_knowledge
from services.voting.trustee_key import InvalidTrustee, TrusteeKey, parse_trustee_key, possession_prefix

__all__ = [
    "InvalidTrustee",
    "Trustees",
    "check_public_key",
    "generate_private_key",
    "parse_private_key",
    "parse_trustees",
    "public_key_record",
    "render_private_key",
    "render_trustees",
]


@dataclass(frozen=True, slots=True)
class Trustees:
    """The trustees of an election, in the order of their record; owners are numbered from 1 over all of them."""

    group: Group
    items: tuple[TrusteeKey | PedersenTrustees, ...]

    @property
    def public_key(self) -> int:
        """The election's public key: the product of the items' keys."""
        return self.group.product([item.public_key for item in self.items])

    @property
    def members(self) -> tuple[TrusteeKey, ...]:
        """One key per owner: owner 1 first."""
        return tuple(
            key
            for item in self.items
            for key in (item.verification_keys if isinstance(item, PedersenTrustees) else (item,))
        )

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def public_keys(self) -> dict[int, int]:
        """The key against which the partial decryption of each owner is checked."""
        return {owner: member.public_key for owner, member in enumerate(self.members, start=1)}


def generate_private_key(group: Group) -> int:
    return group.random_scalar()


def public_key_record(private: int, group: Group, name: str | None = None) -> dict[str, Any]:
    """What a trustee publishes: the key with its proof of possession, and a name for people to read."""
    public = group.secret_power(group.g, private)
    proof = prove_knowledge(group, private, possession_prefix(group, public))
    named = {} if name is None else {"name": name}
    return {"pok": proof.to_json(), "public_key": group.text(public), **named}


def check_public_key(record: Any, group: Group) -> int:
    """The public key of a record whose proof holds; raises InvalidTrustee."""
    try:
        return parse_trustee_key(record, group).public_key
    except MalformedJson as error:
        raise InvalidTrustee(f"the trustee's key cannot be read: {error}") from error


def parse_trustees(raw: bytes, group: Group) -> Trustees:
    """Read the record and check every key and proof in it; raises InvalidTrustee."""
    try:
        items = [_parse_item(item, group) for item in array(parse_json(raw))]
    except MalformedJson as error:
        raise InvalidTrustee(f"the trustees cannot be read: {error}") from error
    if not items:
        raise InvalidTrustee("there is no trustee")
    return Trustees(group, tuple(items))


def render_trustees(records: Sequence[dict[str, Any]]) -> bytes:
    """The record of trustees who are all needed, from what each of them published."""
    return render_json([["Single", record] for record in records])


def parse_private_key(raw: bytes, group: Group) -> int:
    """The key in a trustee's file (as belenios-tool writes it: a JSON string of the decimal); raises InvalidTrustee."""
    try:
        private = decimal(parse_json(raw))
    except MalformedJson as error:
        raise InvalidTrustee("this is not the file of a trustee's private key") from error
    if not group.is_scalar(private):
        raise InvalidTrustee("the private key is too large for the election's group")
    return private


def render_private_key(private: int) -> bytes:
    return render_json(str(private))


def _parse_item(item: Any, group: Group) -> TrusteeKey | PedersenTrustees:
    if len(array(item)) != 2:
        raise MalformedJson("an item is not a kind and its value")
    kind, value = text(item[0]), item[1]
    if kind == "Single":
        return parse_trustee_key(value, group)
    if kind == "Pedersen":
        return parse_pedersen(value, group)
    raise MalformedJson("the kind of a trustee is unknown")
