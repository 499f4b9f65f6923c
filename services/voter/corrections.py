"""Corrected addresses of a frozen roll, as a chain.

- Each record names the hash of the one before, so that none can be changed or left out unnoticed.
- The chain holds addresses, so it stays in this service; the public learns how many records there are.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self


@dataclass(frozen=True)
class Correction:
    """One corrected address. `hash` is the SHA-256 of the other members in canonical JSON."""

    election_id: str
    number: int
    uuid: str
    at: datetime
    organiser_id: str
    voter_id: str
    former_address: str
    address: str
    reason: str
    previous: str | None
    hash: str = ""

    def sealed(self) -> Self:
        """The same with its hash."""
        members = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "hash"}
        members["at"] = self.at.isoformat()
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return type(self)(**{**members, "at": self.at}, hash=hashlib.sha256(canonical.encode()).hexdigest())
