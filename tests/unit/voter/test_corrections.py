"""The chain of corrected addresses."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from services.voter.corrections import Correction

RECORD = Correction(
    election_id="e" * 22,
    number=2,
    uuid="u" * 22,
    at=datetime(2026, 11, 20, 12, tzinfo=UTC),
    organiser_id="o" * 22,
    voter_id="v" * 22,
    former_address="anna@example.org",
    address="anna@example.com",
    reason="moved",
    previous="0" * 64,
).sealed()


@pytest.mark.parametrize("member", [field.name for field in fields(Correction) if field.name != "hash"])
def test_every_member_is_part_of_the_hash(member: str) -> None:
    others = {"number": 3, "at": datetime(2026, 11, 20, 13, tzinfo=UTC)}
    changed = replace(RECORD, **{member: others.get(member, "other")}).sealed()  # type: ignore[arg-type]  # by name
    assert changed.hash != RECORD.hash


def test_the_hash_does_not_depend_on_itself() -> None:
    assert RECORD.sealed() == RECORD
