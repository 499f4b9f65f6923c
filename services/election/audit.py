"""The audit log of an election: what was done, when and by whom, in a chain that shows when it was tampered with.

Promises:
- `hash` is the SHA-256 of the record's canonical JSON without it: members sorted, no blanks, UTF-8.
- `previous` is the hash of the record before; the first has none. Numbers count from 1 without a gap.
- `verify_chain` finds a record that was changed, taken out, put in, doubled or moved. Records missing at the end are
  found by comparing the last hash with one that was written down elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from services.election.contract import AuditRecord
from services.shared.fields import json_of

# Stands in for the hash while it is being computed; it is no part of what is hashed.
NO_HASH = "0" * 64


class BrokenChain(ValueError):
    """The log is not what was written. `number` is the place, from 1, of the first record that does not fit."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"record {number}: {reason}")
        self.number = number


def canonical(record: AuditRecord) -> str:
    """The record's line in the export."""
    return _render(json_of(record))


def chain(
    previous: AuditRecord | None, *, at: datetime, actor: str, action: str, facts: Mapping[str, Any]
) -> AuditRecord:
    """The record that follows `previous`."""
    record = AuditRecord(
        number=previous.number + 1 if previous else 1,
        at=at,
        actor=actor,
        action=action,
        facts=dict(facts),
        previous=previous.hash if previous else None,
        hash=NO_HASH,
    )
    return record.model_copy(update={"hash": _hash(json_of(record))})


def verify_chain(lines: Iterable[str]) -> str | None:
    """The hash of the last record of an exported log (None when it is empty); raises BrokenChain."""
    head: AuditRecord | None = None
    for number, line in enumerate(lines, start=1):
        record = _parse(number, line)
        if record.hash != _hash(json_of(record)) or canonical(record) != line.rstrip("\n"):
            raise BrokenChain(number, "its hash is not that of its contents")
        if (record.number, record.previous) != (number, head.hash if head else None):
            raise BrokenChain(number, "it does not follow the record before it")
        head = record
    return head.hash if head else None


def _parse(number: int, line: str) -> AuditRecord:
    try:
        return AuditRecord.model_validate_json(line)
    except ValidationError:
        raise BrokenChain(number, "it cannot be read") from None


def _hash(members: Mapping[str, Any]) -> str:
    hashed = {name: value for name, value in members.items() if name != "hash"}
    return hashlib.sha256(_render(hashed).encode()).hexdigest()


def _render(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
