"""The roll and its mails, as organisers see them."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from asyncpg import Record

from services.shared.database import Connection, Database
from services.shared.problems import Conflict, NotFound
from services.voter.contract import MailKind, MailStatus, MailTotals, MailView, Roll, RollPage, Voter
from services.voter.importing import lock_draft
from services.voter.notices import note
from services.voter.roll import COLUMNS, fold, render_rows
from services.voter.store import Store
from services.voter.store_mail import MailStore

EXPORTED_AT_ONCE = 2_000
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else


@dataclass(frozen=True)
class Reading:
    """Reads rolls, and takes voters off the rolls of drafts."""

    database: Database

    async def read_roll(self, election_id: str) -> Roll:
        """The roll in numbers; an empty one where none was imported."""
        async with self.database.transaction("read_roll", isolation="repeatable_read", readonly=True) as connection:
            store = Store(connection)
            roll = await store.read_roll(election_id)
            frozen_uuid = roll["frozen_uuid"] if roll else None
            totals = await store.count_voters(election_id)
            return Roll(
                voters=totals["voters"],
                total_weight=totals["total_weight"],
                groups=await store.count_by_group(election_id),
                weights=await store.count_by_weight(election_id),
                frozen=frozen_uuid is not None,
                address_corrections=await store.count_corrections(election_id, frozen_uuid),
                sealing_done=roll["sealing_done"] if roll else 0,
            )

    async def list_voters(self, election_id: str, query: str, after: str, limit: int) -> RollPage:
        """A page in the order of the addresses."""
        async with self.database.transaction("list_voters", readonly=True) as connection:
            rows = await Store(connection).list_voters(election_id, fold(query.strip()), after, limit)
            voters = await _with_mails(connection, rows)
        return RollPage(voters=voters, next=rows[-1]["address_key"] if len(rows) == limit else None)

    async def read_voter(self, election_id: str, voter_id: str) -> Voter:
        """Raises NotFound."""
        async with self.database.transaction("read_voter", readonly=True) as connection:
            row = await Store(connection).read_voter(election_id, voter_id)
            if row is None:
                raise NotFound("There is no such voter.")
            return (await _with_mails(connection, [row]))[0]

    async def read_mail_totals(self, election_id: str) -> MailTotals:
        """How many mails have come how far."""
        async with self.database.transaction("read_mail_totals", readonly=True) as connection:
            store = MailStore(connection)
            rows = await store.read_mail_totals(election_id)
            oldest = await store.read_oldest_unsent(election_id)
        totals: dict[MailKind, dict[MailStatus, int]] = {}
        for row in rows:
            totals.setdefault(MailKind(row["kind"]), {})[MailStatus(row["status"])] = row["mails"]
        return MailTotals(totals=totals, oldest_unsent_seconds=None if oldest is None else int(oldest))

    async def export_roll(self, election_id: str) -> AsyncIterator[str]:
        """The roll as a CSV file, in portions."""
        yield BYTE_ORDER_MARK + render_rows([COLUMNS])
        after = ""
        while True:
            async with self.database.transaction("export_roll", readonly=True) as connection:
                rows = await Store(connection).list_voters(election_id, "", after, EXPORTED_AT_ONCE)
            yield render_rows((row["address"], row["name"], row["weight"], row["group_label"]) for row in rows)
            if len(rows) < EXPORTED_AT_ONCE:
                return
            after = rows[-1]["address_key"]

    async def remove_voter(self, election_id: str, voter_id: str) -> None:
        """Takes a voter off the roll; raises NotFound, and Conflict when the roll is frozen."""
        async with self.database.transaction("remove_voter") as connection:
            store = Store(connection)
            await lock_draft(store, election_id)
            await _refuse_while_untold(connection, election_id, voter_id)
            if not await store.remove_voter(election_id, voter_id):
                raise NotFound("There is no such voter.")
            await store.touch_roll(election_id)

    async def delete_roll(self, election_id: str, uuid: str) -> None:
        """Takes everybody off the roll; raises Conflict when it is frozen."""
        async with self.database.transaction("delete_roll") as connection:
            store = Store(connection)
            await lock_draft(store, election_id)
            await _refuse_while_untold(connection, election_id, None)
            if voters := await store.delete_voters(election_id):
                await note(connection, election_id, uuid, "roll_deleted", {"voters": voters})
            await store.touch_roll(election_id)


async def _refuse_while_untold(connection: Connection, election_id: str, voter_id: str | None) -> None:
    """Who is off the roll has no address, and could not be told any more that a code is dead."""
    if await MailStore(connection).has_withdrawals(election_id, voter_id):
        raise Conflict("Mails that tell of dead codes are still on their way; try again later.", code="mails-waiting")


async def _with_mails(connection: Connection, rows: list[Record]) -> list[Voter]:
    mails: dict[str, list[MailView]] = {row["id"]: [] for row in rows}
    for row in await MailStore(connection).list_mails(list(mails)):
        mails[row["voter_id"]].append(_mail(row))
    return [_voter(row, mails[row["id"]]) for row in rows]


def _mail(row: Record) -> MailView:
    return MailView(
        kind=row["kind"],
        status=row["status"],
        queued_at=row["queued_at"],
        next_try_at=row["next_try_at"],
        reply=row["reply"],
    )


def _voter(row: Record, mails: Iterable[MailView]) -> Voter:
    return Voter(
        id=row["id"],
        address=row["address"],
        name=row["name"],
        weight=row["weight"],
        group=row["group_label"],
        mails=list(mails),
    )
