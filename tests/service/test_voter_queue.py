"""The queue by itself: its pace, its order, and how it rests while the mail server is in trouble."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from asyncpg import Record

from services.shared.database import Database
from services.voter.mails import Envelope
from services.voter.queue import Queue
from services.voter.store_mail import MailStore
from tests.service.harness import System, free_port
from tests.service.test_voter_mail_server import mail, settings

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(fresh_system: System) -> AsyncIterator[Database]:
    database = await Database.open(fresh_system.database_url, schema="voter")
    yield database
    await database.close()


async def fill(database: Database, election: str, voters: int) -> None:
    """An election whose invitations are queued."""
    async with database.transaction("fill") as connection:
        await connection.execute("INSERT INTO roll (election_id) VALUES ($1)", election)
        await connection.execute(
            "INSERT INTO edition (uuid, election_id, announcement) VALUES ($1, $1, '{}')", election
        )
        await connection.execute(
            """INSERT INTO voter (id, election_id, address, address_key, name, weight, group_label, address_folded,
                 name_folded)
               SELECT $1 || number, $1, number, number, '', 1, '', '', '' FROM generate_series(1, $2) AS number""",
            election,
            voters,
        )
        assert await MailStore(connection).queue_invitations(election, election) == voters


def queue_of(database: Database, port: int) -> Queue:
    async def compose(_: Record) -> Envelope:
        return mail()

    return Queue(database, settings(port, mails_per_minute=100_000, poll_seconds=0.1), compose)


async def test_nobody_is_given_a_turn_while_nothing_is_due(database: Database) -> None:
    async with database.transaction("test") as connection:
        assert await MailStore(connection).reserve_sending(HOUR) is None


async def test_all_who_ask_share_one_pace(database: Database) -> None:
    await fill(database, "e", 3)
    waits: list[float] = []
    for _ in range(3):
        async with database.transaction("test") as connection:
            wait = await MailStore(connection).reserve_sending(HOUR)
            assert wait is not None
            waits.append(wait)
    assert [round(wait / 3600, 1) for wait in waits] == [0, 1, 2]


async def test_a_small_election_does_not_wait_for_a_large_one(database: Database) -> None:
    await fill(database, "large", 50)
    await fill(database, "small", 3)
    order: list[str] = []
    for _ in range(8):
        async with database.transaction("test") as connection:
            store = MailStore(connection)
            claimed = await store.claim_mail()
            assert claimed is not None
            order.append(claimed["election_id"])
            await store.note_final(claimed["id"], "accepted", "")
    assert order.count("small") == 3
    assert set(order[6:]) == {"large"}


async def test_a_mail_that_is_held_is_passed_over_by_others(database: Database) -> None:
    await fill(database, "e", 2)
    async with database.transaction("one") as one, database.transaction("other") as other:
        first, second = await MailStore(one).claim_mail(), await MailStore(other).claim_mail()
        assert first is not None
        assert second is not None
        assert first["id"] != second["id"]
        async with database.transaction("third") as third:
            assert await MailStore(third).claim_mail() is None


async def test_while_the_mail_server_is_in_trouble_the_queue_rests_longer_each_time(database: Database) -> None:
    await fill(database, "e", 5)
    queue = queue_of(database, free_port())
    rests = [await queue.send_next() for _ in range(3)]
    assert rests == [0.2, 0.4, 0.8]
    async with database.transaction("test") as connection:
        rows = await connection.fetch("SELECT status, reply FROM mail ORDER BY status")
    assert [row["status"] for row in rows] == ["deferred"] * 3 + ["queued"] * 2
    assert rows[0]["reply"] == "The connection to the mail server failed."


async def test_a_mail_that_cannot_be_made_does_not_stop_the_others(database: Database) -> None:
    await fill(database, "e", 2)
    made: list[str] = []

    async def compose(row: Record) -> Envelope | str | None:
        made.append(row["voter_id"])
        if len(made) == 1:
            raise ValueError
        return "There is no such mailbox."

    queue = queue_of(database, free_port())
    queue.compose = compose
    for _ in range(2):
        await queue.send_next()
    async with database.transaction("test") as connection:
        rows = await connection.fetch("SELECT status, reply FROM mail ORDER BY status")
    assert [(row["status"], row["reply"]) for row in rows] == [
        ("deferred", "The mail could not be made yet."),
        ("refused", "There is no such mailbox."),
    ]


async def test_nobody_is_invited_twice(database: Database) -> None:
    await fill(database, "e", 2)
    async with database.transaction("test") as connection:
        assert await MailStore(connection).queue_invitations("e", "e") == 0
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction("test") as connection:
            await connection.execute(
                "INSERT INTO mail (kind, election_id, uuid, voter_id, turn) VALUES ('invitation', 'e', 'e', 'e1', 1)"
            )
