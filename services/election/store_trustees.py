"""Every statement on trustees. All of them belong to the transaction of the connection."""

from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import asyncpg

from services.election.contract import TrusteeKey, TrusteeView
from services.shared.database import Connection
from services.shared.problems import Conflict


@dataclass(frozen=True)
class StoredTrustee:
    """A trustee. `generation` counts the invitations, from 1."""

    id: str
    election_id: str
    name: str
    address: str
    generation: int
    invitation: Literal["waiting", "sent", "refused"]
    key: TrusteeKey | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a row of `trustees`."""
        return cls(
            id=row["id"],
            election_id=row["election_id"],
            name=row["name"],
            address=row["address"],
            generation=row["generation"],
            invitation=cast("Literal['waiting', 'sent', 'refused']", row["invitation"]),
            key=TrusteeKey.model_validate_json(row["key"]) if row["key"] else None,
        )

    @property
    def view(self) -> TrusteeView:
        """As an organiser sees the trustee."""
        public_key = self.key.public_key if self.key else None
        return TrusteeView(
            id=self.id, name=self.name, address=self.address, invitation=self.invitation, public_key=public_key
        )


class TrusteeStore:
    """Statements, by name."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def insert_trustee(self, election_id: str, trustee_id: str, name: str, address: str) -> StoredTrustee:
        """A trustee whose first invitation is waiting."""
        row = await self.connection.fetchrow(
            """-- insert_trustee
            INSERT INTO trustees (id, election_id, name, address) VALUES ($1, $2, $3, $4)
            RETURNING id, election_id, name, address, generation, invitation, key""",
            trustee_id,
            election_id,
            name,
            address,
        )
        return StoredTrustee.of(row)

    async def list_trustees(self, election_id: str) -> list[StoredTrustee]:
        """In the order of the record: owner 1 first."""
        rows = await self.connection.fetch(
            """-- list_trustees
            SELECT id, election_id, name, address, generation, invitation, key FROM trustees WHERE election_id = $1
            ORDER BY place""",
            election_id,
        )
        return [StoredTrustee.of(row) for row in rows]

    async def read_trustee(self, trustee_id: str) -> StoredTrustee | None:
        """The trustee as they are now."""
        row = await self.connection.fetchrow(
            """-- read_trustee
            SELECT id, election_id, name, address, generation, invitation, key FROM trustees WHERE id = $1""",
            trustee_id,
        )
        return StoredTrustee.of(row) if row else None

    async def list_waiting(self) -> list[tuple[StoredTrustee, str, str | None]]:
        """Those whose invitation is to be sent, each with the election's name and reply-to."""
        rows = await self.connection.fetch(
            """-- list_waiting
            SELECT trustees.id, election_id, name, address, generation, invitation, key,
              draft ->> 'name' AS election_name, draft ->> 'reply_to' AS reply_to
            FROM trustees JOIN elections ON elections.id = election_id
            WHERE invitation = 'waiting' AND NOT (state = 'draft' AND retention_due) ORDER BY trustees.id"""
        )
        return [(StoredTrustee.of(row), row["election_name"], row["reply_to"]) for row in rows]

    async def delete_trustee(self, trustee_id: str) -> None:
        """The trustee is none any more."""
        await self.connection.execute("-- delete_trustee\nDELETE FROM trustees WHERE id = $1", trustee_id)

    async def renew_invitation(self, trustee_id: str) -> int:
        """The next generation, which is waiting."""
        generation: int = await self.connection.fetchval(
            """-- renew_invitation
            UPDATE trustees SET generation = generation + 1, invitation = 'waiting' WHERE id = $1
            RETURNING generation""",
            trustee_id,
        )
        return generation

    async def set_invitation(self, trustee_id: str, fate: str) -> None:
        """What became of the present generation's mail."""
        await self.connection.execute(
            "-- set_invitation\nUPDATE trustees SET invitation = $2 WHERE id = $1", trustee_id, fate
        )

    async def set_key(self, trustee_id: str, key: TrusteeKey) -> None:
        """The trustee's key, in place of the one before; raises Conflict when another trustee has it."""
        try:
            await self.connection.execute(
                "-- set_key\nUPDATE trustees SET key = $2 WHERE id = $1", trustee_id, key.model_dump_json()
            )
        except asyncpg.UniqueViolationError:
            raise Conflict("Another trustee has published this key.", code="key-taken") from None
