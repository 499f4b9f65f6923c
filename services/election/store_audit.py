"""The statements on the audit log. All of them belong to the transaction of the connection."""

import json
from collections.abc import Mapping
from typing import Any

from services.election import audit
from services.election.contract import AuditRecord
from services.shared.database import Connection


class AuditStore:
    """Statements, by name."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def append_audit(self, election_id: str, actor: str, action: str, facts: Mapping[str, Any]) -> None:
        """The next record; the caller holds the lock of the election, which makes the log a line."""
        at = await self.connection.fetchval("-- read_clock\nSELECT clock_timestamp()")
        last = await self._read_last(election_id)
        record = audit.chain(last, at=at, actor=actor, action=action, facts=facts)
        await self.connection.execute(
            """-- append_audit
            INSERT INTO audit (election_id, number, at, actor, action, facts, previous, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
            election_id,
            record.number,
            record.at,
            record.actor,
            record.action,
            json.dumps(record.facts),
            record.previous,
            record.hash,
        )

    async def _read_last(self, election_id: str) -> AuditRecord | None:
        row = await self.connection.fetchrow(
            """-- read_last_audit
            SELECT number, at, actor, action, facts, previous, hash FROM audit WHERE election_id = $1
            ORDER BY number DESC LIMIT 1""",
            election_id,
        )
        return _record(row) if row else None

    async def list_audit(self, election_id: str, after: int, limit: int) -> list[AuditRecord]:
        """Records with a higher number than `after`, oldest first."""
        rows = await self.connection.fetch(
            """-- list_audit
            SELECT number, at, actor, action, facts, previous, hash FROM audit WHERE election_id = $1 AND number > $2
            ORDER BY number LIMIT $3""",
            election_id,
            after,
            limit,
        )
        return [_record(row) for row in rows]


def _record(row: Any) -> AuditRecord:
    return AuditRecord.model_validate({**row, "facts": json.loads(row["facts"])})
