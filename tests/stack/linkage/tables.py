"""All tables of `ballot` and `result` as the adversary reads them: of each ballot every number, `xmin` and `ctid`."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.voting.ballot import parse_ballot

BLOCK = 10_000
SCHEMAS = ("ballot", "result")

Columns = dict[str, list[float]]


async def read_columns(url: str, uuid: str, opening: float) -> tuple[list[bytes], Columns]:
    """The ballots of a board in its order, and of each the numbers that stand in rows that name it.

    Rows name a ballot by its height, its tracker, its event's hash, or its credential (position or digest). A column
    that does not tell of every ballot is left out. Times count from the opening.
    """
    connection = await asyncpg.connect(url)
    try:
        board = await connection.fetch(
            """SELECT e.height, e.hash, e.payload, e.credential, r.content FROM ballot.events e
            JOIN ballot.records r USING (uuid, height) WHERE e.uuid = $1 AND e.credential IS NOT NULL ORDER BY height
            """,
            uuid,
        )
        columns: Columns = {}
        names = [_names(dict(row.items())) for row in board]
        for schema, table in await _tables(connection):
            query = f"SELECT xmin::text::bigint AS xmin, ctid, t.* FROM {schema}.{table} t"  # noqa: S608  # of the catalogue
            rows = [dict(row.items()) for row in await connection.fetch(query)]
            columns |= _columns(f"{schema}.{table}", [row for row in rows if row.get("uuid", uuid) == uuid], names)
    finally:
        await connection.close()
    times = {name: values for name, values in columns.items() if min(values) > 1e9}
    columns |= {name: [value - opening for value in values] for name, values in times.items()}
    return [row["content"] for row in board], columns


async def _tables(connection: asyncpg.Connection) -> list[tuple[str, str]]:
    rows = await connection.fetch(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY ($1) ORDER BY 1, 2", list(SCHEMAS)
    )
    return [(row[0], row[1]) for row in rows]


def _names(row: Mapping[str, Any]) -> dict[str, set[Any]]:
    digest = hashlib.sha256(parse_ballot(row["content"]).credential.encode()).digest()
    return {
        "height": {row["height"]},
        "payload": {row["payload"]},
        "hash": {row["hash"], row["payload"]},
        "credential": {row["credential"], digest},
        "position": {row["credential"]},
        "digest": {digest},
    }


def _columns(table: str, rows: Sequence[Mapping[str, Any]], ballots: Sequence[Mapping[str, set[Any]]]) -> Columns:
    columns: Columns = {}
    for naming in ballots[0] if rows else ():
        if naming in rows[0]:
            found = {row[naming]: row for row in rows}
            own = [next((found[name] for name in names[naming] if name in found), None) for names in ballots]
            if all(row is not None for row in own):
                columns |= _numbers(table, [row for row in own if row is not None])
    return columns


def _numbers(table: str, rows: Sequence[Mapping[str, Any]]) -> Columns:
    columns: Columns = {}
    for name in rows[0]:
        values = [_number(row[name]) for row in rows]
        if all(value is not None for value in values) and len(set(values)) > 1:
            columns[f"{table}.{name}"] = [value for value in values if value is not None]
    return columns


def _number(value: Any) -> float | None:
    if isinstance(value, tuple):  # ctid: block and place
        return float(value[0] * BLOCK + value[1])
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes | str):
        return float(len(value))
    return float(value) if isinstance(value, int | float) else None
