"""Every statement on elections, their reports and what is frozen of them; see also store_trustees and store_audit.

All of them belong to the transaction of the connection. Instants are UTC.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from services.election.contract import Draft, ElectionSummary, Notice, Report, RollSummary, ScheduleOrder, State, Step
from services.election.definition import Frozen
from services.election.lifecycle import Life
from services.shared.database import Connection

# Every column of an election as `StoredElection` knows it.
ELECTION = """
SELECT elections.id, elections.uuid, owner, revision, draft, roll, state, decryption_confirmed, retention_due, problem,
  problem_of, opens_at, closes_at, schedule, applied_revision, fingerprint,
  (SELECT jsonb_object_agg(step, report) FROM reports WHERE reports.uuid = elections.uuid) AS reports
FROM elections LEFT JOIN frozen ON frozen.uuid = elections.uuid
"""


@dataclass(frozen=True)
class StoredElection:
    """An election as it is stored. `order` is None in a draft, `fingerprint` too."""

    id: str
    owner: str
    revision: int
    draft: Draft
    opens_at: datetime | None
    closes_at: datetime | None
    life: Life
    order: ScheduleOrder | None = None
    applied_revision: int = 0
    fingerprint: str | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of ELECTION."""
        return cls(
            id=row["id"],
            owner=row["owner"],
            revision=row["revision"],
            draft=Draft.model_validate_json(row["draft"]),
            opens_at=row["opens_at"],
            closes_at=row["closes_at"],
            life=_life(row),
            order=ScheduleOrder.model_validate_json(row["schedule"]) if row["schedule"] else None,
            applied_revision=row["applied_revision"],
            fingerprint=row["fingerprint"],
        )


def _life(row: Any) -> Life:
    reports = json.loads(row["reports"] or "{}")
    return Life(
        uuid=row["uuid"],
        roll=RollSummary.model_validate_json(row["roll"]),
        state=State(row["state"]),
        reports={Step(step): Report.model_validate(report) for step, report in reports.items()},
        decryption_confirmed=row["decryption_confirmed"],
        retention_due=row["retention_due"],
        problem=row["problem"],
        problem_of=Step(row["problem_of"]) if row["problem_of"] else None,
    )


class Store:
    """Statements, by name."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def read_clock(self) -> datetime:
        """The database's time."""
        now: datetime = await self.connection.fetchval("-- read_clock\nSELECT clock_timestamp()")
        return now

    async def insert_election(self, election: StoredElection) -> None:
        """A new draft."""
        await self.connection.execute(
            """-- insert_election
            INSERT INTO elections (id, owner, draft, roll, uuid, opens_at, closes_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            election.id,
            election.owner,
            election.draft.model_dump_json(),
            election.life.roll.model_dump_json(),
            election.life.uuid,
            election.opens_at,
            election.closes_at,
        )

    async def lock_election(self, election_id: str) -> StoredElection | None:
        """The election, which nobody else changes until the transaction ends."""
        # Locked before it is read: a statement that waits would go on to read the reports of before its wait.
        await self.connection.execute("-- lock_election\nSELECT FROM elections WHERE id = $1 FOR UPDATE", election_id)
        return await self.read_election(election_id)

    async def read_election(self, election_id: str) -> StoredElection | None:
        """The election as it is now."""
        row = await self.connection.fetchrow(f"-- read_election{ELECTION}WHERE elections.id = $1", election_id)
        return StoredElection.of(row) if row else None

    async def read_edition(self, uuid: str) -> StoredElection | None:
        """The election whose present edition this is."""
        row = await self.connection.fetchrow(f"-- read_edition{ELECTION}WHERE elections.uuid = $1", uuid)
        return StoredElection.of(row) if row else None

    async def list_under_way(self) -> list[StoredElection]:
        """The elections in which a service has to do something, or may have to."""
        rows = await self.connection.fetch(
            f"""-- list_under_way{ELECTION}
            WHERE state NOT IN ('draft', 'published', 'archived') OR retention_due ORDER BY elections.id"""
        )
        return [StoredElection.of(row) for row in rows]

    async def list_elections(self, owner: str) -> list[ElectionSummary]:
        """The organiser's elections, newest first."""
        rows = await self.connection.fetch(
            """-- list_elections
            SELECT id, uuid, draft ->> 'name' AS name, state, opens_at, closes_at FROM elections
            WHERE owner = $1 AND NOT (state = 'draft' AND retention_due) ORDER BY created_at DESC, id""",
            owner,
        )
        return [ElectionSummary.model_validate(dict(row)) for row in rows]

    async def save_election(self, election: StoredElection) -> None:
        """Writes all that may change; the caller holds the lock."""
        life = election.life
        await self.connection.execute(
            """-- save_election
            UPDATE elections SET revision = $2, draft = $3, roll = $4, uuid = $5, state = $6, decryption_confirmed = $7,
              retention_due = $8, problem = $9, problem_of = $10, opens_at = $11, closes_at = $12, schedule = $13,
              applied_revision = $14
            WHERE id = $1""",
            election.id,
            election.revision,
            election.draft.model_dump_json(),
            life.roll.model_dump_json(),
            life.uuid,
            life.state.value,
            life.decryption_confirmed,
            life.retention_due,
            life.problem,
            life.problem_of.value if life.problem_of else None,
            election.opens_at,
            election.closes_at,
            election.order.model_dump_json() if election.order else None,
            election.applied_revision,
        )
        await self.connection.execute(
            "-- forget_reports\nDELETE FROM reports WHERE uuid = $1 AND step <> ALL ($2::text[])",
            life.uuid,
            [step.value for step in life.reports],
        )

    async def save_report(self, election_id: str, step: Step, report: Report) -> None:
        """The last report of a step, in place of the one before."""
        await self.connection.execute(
            """-- save_report
            INSERT INTO reports (uuid, election_id, step, report) VALUES ($1, $2, $3, $4)
            ON CONFLICT (uuid, step) DO UPDATE SET report = EXCLUDED.report""",
            report.uuid,
            election_id,
            step.value,
            report.model_dump_json(),
        )

    async def read_report(self, election_id: str, uuid: str, step: Step) -> Report | None:
        """The last report of a step, of whatever edition."""
        row = await self.connection.fetchval(
            "-- read_report\nSELECT report FROM reports WHERE election_id = $1 AND uuid = $2 AND step = $3",
            election_id,
            uuid,
            step.value,
        )
        return Report.model_validate_json(row) if row else None

    async def delete_election(self, election_id: str) -> None:
        """A deleted draft goes away, with everything about it."""
        await self.connection.execute("-- delete_election\nDELETE FROM elections WHERE id = $1", election_id)

    async def insert_frozen(self, election_id: str, uuid: str, frozen: Frozen) -> None:
        """The bytes of an edition, for ever."""
        await self.connection.execute(
            """-- insert_frozen
            INSERT INTO frozen (uuid, election_id, definition, trustees, fingerprint) VALUES ($1, $2, $3, $4, $5)""",
            uuid,
            election_id,
            frozen.definition,
            frozen.trustees,
            frozen.fingerprint,
        )

    async def read_frozen(self, uuid: str) -> Frozen | None:
        """The bytes of an edition, dead or alive."""
        row = await self.connection.fetchrow(
            "-- read_frozen\nSELECT definition, trustees, fingerprint FROM frozen WHERE uuid = $1", uuid
        )
        return Frozen(row["definition"], row["trustees"], row["fingerprint"]) if row else None

    async def insert_withdrawn(self, uuid: str) -> None:
        """An edition is dead."""
        await self.connection.execute("-- insert_withdrawn\nINSERT INTO withdrawn (uuid) VALUES ($1)", uuid)

    async def is_withdrawn(self, uuid: str) -> bool:
        """Whether the edition is dead."""
        found: bool = await self.connection.fetchval(
            "-- is_withdrawn\nSELECT EXISTS (SELECT FROM withdrawn WHERE uuid = $1)", uuid
        )
        return found

    async def insert_notice(self, election: StoredElection, notice: Notice) -> bool:
        """False when the notice was there already."""
        inserted = await self.connection.fetchval(
            """-- insert_notice
            INSERT INTO notices (election_id, key, uuid, action, since_sealing) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT DO NOTHING RETURNING key""",
            election.id,
            notice.key,
            notice.uuid,
            notice.action,
            election.life.state is not State.DRAFT,
        )
        return inserted is not None

    async def count_address_corrections(self, uuid: str) -> int:
        """Corrections since the edition was sealed."""
        count: int = await self.connection.fetchval(
            """-- count_address_corrections
            SELECT count(*) FROM notices JOIN elections ON elections.id = notices.election_id
            WHERE elections.uuid = $1 AND notices.uuid = $1 AND action = 'voter_address_corrected' AND since_sealing""",
            uuid,
        )
        return count
