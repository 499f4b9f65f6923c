"""Correcting an address, also after the roll was frozen. The code stays.

Of a frozen roll a correction is appended to the chain, announced to the former and to the new address, and counted in
public; all in one transaction with the correction itself. Doing it again with the same address changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from services.election.contract import Rights
from services.shared.database import Connection, Database
from services.shared.problems import Conflict, Invalid, NotFound
from services.voter.addresses import InvalidAddress, MailAddress, parse_address
from services.voter.contract import AddressCorrection
from services.voter.corrections import Correction
from services.voter.notices import note
from services.voter.store import Store
from services.voter.store_mail import MailStore


@dataclass(frozen=True)
class Correcting:
    """Corrects addresses."""

    database: Database

    async def correct_address(
        self, rights: Rights, organiser_id: str, voter_id: str, correction: AddressCorrection
    ) -> None:
        """Raises NotFound, Invalid for what is no address, Conflict when it is another voter's."""
        try:
            address = parse_address(correction.address)
        except InvalidAddress as error:
            raise Invalid(str(error), code="invalid-address") from None
        act = Act(rights.election_id, organiser_id, voter_id, address, correction.reason)
        try:
            async with self.database.transaction("correct_address") as connection:
                await act.correct(connection)
        except asyncpg.UniqueViolationError:
            raise Conflict("Another voter has this address.", code="address-taken") from None


@dataclass(frozen=True)
class Act:
    """One correction."""

    election_id: str
    organiser_id: str
    voter_id: str
    address: MailAddress
    reason: str

    async def correct(self, connection: Connection) -> None:
        """Changes the address, with all that belongs to it."""
        store = Store(connection)
        roll = await store.lock_roll(self.election_id)
        voter = await store.read_voter(self.election_id, self.voter_id)
        if roll is None or voter is None:
            raise NotFound("There is no such voter.")
        if voter["address"] == self.address.written:
            return
        await store.change_address(self.voter_id, self.address.written, self.address.key)
        if roll["frozen_uuid"] is not None:
            await self._record(connection, roll["frozen_uuid"], voter["address"])

    async def _record(self, connection: Connection, uuid: str, former_address: str) -> None:
        store = Store(connection)
        last = await store.last_correction(self.election_id)
        record = Correction(
            election_id=self.election_id,
            number=last["number"] + 1 if last else 1,
            uuid=uuid,
            at=datetime.now(UTC),
            organiser_id=self.organiser_id,
            voter_id=self.voter_id,
            former_address=former_address,
            address=self.address.written,
            reason=self.reason,
            previous=last["hash"] if last else None,
        ).sealed()
        await store.add_correction(record)
        await MailStore(connection).announce_correction(self.election_id, uuid, self.voter_id, record.number)
        await note(connection, self.election_id, uuid, "voter_address_corrected", {})
