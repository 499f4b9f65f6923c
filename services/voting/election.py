"""The definition of an election: bytes that are frozen once, and what they say.

Promise: the fingerprint is that of the exact bytes; they are never written again from what was parsed.
"""

import functools
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.voting.canonical import MalformedJson, array, base64_digest, parse_json, render_json, text
from services.voting.credential import ALPHABET
from services.voting.group import BELENIOS_2048, FixedBase, Group, SafePrimeGroup, group_by_name
from services.voting.question import NonHomomorphicQuestion, Question, parse_question

_UUID = re.compile(f"[{ALPHABET}]{{14,}}", re.ASCII)


class InvalidElection(ValueError):
    """The bytes are not the definition of an election."""


@dataclass(frozen=True)
class Election:
    """An election as its frozen bytes define it. Costly tables are made on first use and kept with the object."""

    raw: bytes
    uuid: str
    name: str
    description: str
    group: Group
    public_key: int
    questions: tuple[Question, ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Election":
        """Read a definition; raises InvalidElection. Unknown members are accepted: the protocol allows them."""
        try:
            return cls._parse(raw, parse_json(raw))
        except MalformedJson as error:
            raise InvalidElection(f"the election cannot be read: {error}") from error

    @classmethod
    def _parse(cls, raw: bytes, value: Any) -> "Election":
        if not isinstance(value, dict) or value.get("version") != 1 or isinstance(value["version"], bool):
            raise InvalidElection("the election is not of version 1 of the protocol")
        uuid, name, description = (text(value.get(member)) for member in ("uuid", "name", "description"))
        if not is_uuid(uuid):
            raise InvalidElection("the election's uuid is not at least 14 base-58 characters")
        group = group_by_name(text(value.get("group")))
        questions = tuple(parse_question(question) for question in array(value.get("questions")))
        if any(isinstance(question, NonHomomorphicQuestion) for question in questions) and not _can_rank(group):
            raise InvalidElection(f"ranked questions are not possible in the group {group.name}")
        return cls(raw, uuid, name, description, group, group.parse_member(value.get("public_key")), questions)

    def __reduce__(self) -> tuple[Callable[[bytes], "Election"], tuple[bytes]]:
        """Travels between processes as its bytes, without the tables."""
        return Election.parse, (self.raw,)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the definition, in base64 without padding (43 characters)."""
        return base64_digest(self.raw)

    @functools.cached_property
    def _y(self) -> FixedBase:
        return self.group.fixed_base(self.public_key)

    def y_power(self, exponent: int) -> int:
        """public_key^exponent for 0 <= exponent < q, from a table that the first call makes (some 15 ms)."""
        return self._y.power(exponent)

    def binding(self, credential: str) -> str:
        """The prefix that binds every proof of a ballot to this election and this voter."""
        return f"{self.fingerprint}|{credential}"


def is_uuid(uuid: str) -> bool:
    return _UUID.fullmatch(uuid) is not None


def generate_uuid(length: int = 22) -> str:
    """A random name of an election, in base 58 (22 characters hold 128 bits)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def render_election(
    *,
    name: str,
    description: str,
    uuid: str,
    public_key: int,
    questions: Sequence[Question],
    administrator: str | None = None,
    credential_authority: str | None = None,
) -> bytes:
    """The bytes of a new election in BELENIOS-2048, to be frozen and served as they are."""
    people = {"administrator": administrator, "credential_authority": credential_authority}
    return render_json(
        {
            "version": 1,
            "description": description,
            "name": name,
            "group": BELENIOS_2048.name,
            "public_key": BELENIOS_2048.text(public_key),
            "questions": [question.to_json() for question in questions],
            "uuid": uuid,
            **{member: person for member, person in people.items() if person is not None},
        }
    )


def _can_rank(group: Group) -> bool:
    """Ranks are encoded as an element, which finds one in two numbers only where every second one is in the group."""
    return isinstance(group, SafePrimeGroup)
