"""Importing a CSV file into the roll.

- All rows that can be taken are taken in one transaction; with `all_or_nothing` none is when one is refused.
- The file is read outside the event loop, and written in portions, so that other requests go on.
- The report names every refused and duplicate row first.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from services.shared.database import Connection, Database
from services.shared.problems import Conflict, Invalid
from services.voter.contract import ImportReport, RowReport
from services.voter.csvfile import UnreadableFile
from services.voter.notices import note
from services.voter.processes import processes
from services.voter.roll import WEIGHT_MAX, Entry, ParsedRoll, new_voter_ids, parse_roll
from services.voter.store import Store

SMALL = 256 * 1024  # bytes that are read in less time than a process needs to start
PORTION = 2_000  # rows in one statement
ROWS_REPORTED = 1_000

Taken = Literal["added", "changed", "unchanged"]


class _NotApplied(Exception):
    """Rolls the transaction back."""


def _undo_unless(*, applied: bool) -> None:
    if not applied:
        raise _NotApplied


@dataclass(frozen=True)
class Importing:
    """Imports into the rolls of drafts."""

    database: Database

    async def import_roll(self, election_id: str, uuid: str, raw: bytes, *, all_or_nothing: bool) -> ImportReport:
        """Raises Invalid when the file cannot be read as a whole, Conflict when the roll is frozen or too heavy."""
        try:
            parsed = await _parse(raw)
        except UnreadableFile as error:
            raise Invalid(error.sentence, code=error.code) from None
        taken: dict[int, Taken] = {}
        applied = not (all_or_nothing and parsed.refused)
        with suppress(_NotApplied):
            async with self.database.transaction("import_roll") as connection:
                taken = await _put(connection, election_id, parsed)
                await note(connection, election_id, uuid, "roll_imported", {"rows": len(taken)})
                _undo_unless(applied=applied)
        return _report(parsed, taken, applied=applied)


async def _parse(raw: bytes) -> ParsedRoll:
    if len(raw) <= SMALL:
        return await asyncio.to_thread(parse_roll, raw)
    async with processes(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, parse_roll, raw)


async def _put(connection: Connection, election_id: str, parsed: ParsedRoll) -> dict[int, Taken]:
    store = Store(connection)
    await lock_draft(store, election_id)
    taken: dict[int, Taken] = {}
    for start in range(0, len(parsed.entries), PORTION):
        portion = parsed.entries[start : start + PORTION]
        ids = new_voter_ids(len(portion))
        changed = await store.put_voters(election_id, ids, portion, parsed.columns)
        taken |= {entry.row: _outcome(entry, voter_id, changed) for entry, voter_id in zip(portion, ids, strict=True)}
        await asyncio.sleep(0)
    if (await store.count_voters(election_id))["total_weight"] > WEIGHT_MAX:
        raise Conflict(f"The weights would add up to more than {WEIGHT_MAX}.", code="total-weight")
    await store.touch_roll(election_id)
    return taken


async def lock_draft(store: Store, election_id: str) -> None:
    """Holds the roll until the transaction ends; raises Conflict when it is frozen."""
    await store.ensure_roll(election_id)
    roll = await store.lock_roll(election_id)
    assert roll is not None
    if roll["frozen_uuid"] is not None:
        raise Conflict("The roll is frozen: the election has been sealed.", code="wrong-state")


def _outcome(entry: Entry, voter_id: str, changed: dict[str, str]) -> Taken:
    if entry.key not in changed:
        return "unchanged"
    return "added" if changed[entry.key] == voter_id else "changed"


def _report(parsed: ParsedRoll, taken: dict[int, Taken], *, applied: bool) -> ImportReport:
    outcomes = list(taken.values())
    rows = len(parsed.refused) + len(parsed.duplicates) + len(taken)
    return ImportReport(
        applied=applied,
        encoding=parsed.encoding,
        delimiter=parsed.delimiter,
        added=outcomes.count("added"),
        changed=outcomes.count("changed"),
        unchanged=outcomes.count("unchanged"),
        duplicate=len(parsed.duplicates),
        refused=len(parsed.refused),
        rows=[row for row, _ in zip(_rows(parsed, taken), range(ROWS_REPORTED), strict=False)],
        rows_left_out=max(0, rows - ROWS_REPORTED),
    )


def _rows(parsed: ParsedRoll, taken: dict[int, Taken]) -> Iterator[RowReport]:
    refused = (RowReport(row=row, outcome="refused", reason=reason) for row, reason in parsed.refused)
    duplicate = (RowReport(row=row, outcome="duplicate", reason=reason) for row, reason in parsed.duplicates)
    return chain(refused, duplicate, (RowReport(row=row, outcome=outcome) for row, outcome in taken.items()))
