"""What engineers on call read off the metrics is what has happened: attempts, acts, owed steps, mails, tallies."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import httpx
import jwt
import pytest
from prometheus_client.parser import text_string_to_metric_families

from observability.telemetry.metrics import Metrics, measuring
from services.auth.client import AuthClient
from services.auth.contract import Credentials
from services.ballot.contract import Phase
from services.ballot.publishing import BATCH, Publisher
from services.ballot.store_publishing import PublishingStore
from services.election.contract import Report, Step
from services.shared.client import Refused
from services.shared.database import Database
from services.voter.metrics import MailWatch
from tests.service.ballot_world import BallotWorld, eventually, make_ballot_world
from tests.service.harness import System, free_port
from tests.service.test_voter_queue import fill


@dataclass
class Watched:
    """A system whose services serve their metrics."""

    system: System
    ports: dict[str, int] = field(default_factory=dict)

    async def start(self, service: str) -> None:
        """Starts a service, again if it runs."""
        if service in self.system.processes:
            self.system.kill(service)
            await self.system.ended(service)
        self.ports[service] = free_port()
        await self.system.start(service, metrics_port=self.ports[service])

    async def read(self, service: str, name: str, **labels: str) -> float | None:
        """The sum of the series with these labels; None when there is none."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"http://127.0.0.1:{self.ports[service]}/metrics")).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        found = [each.value for each in samples if each.name == name and labels.items() <= each.labels.items()]
        return sum(found) if found else None

    async def becomes(self, number: float, service: str, name: str, **labels: str) -> None:
        """Waits for a value."""

        async def reached() -> bool:
            return await self.read(service, name, **labels) == number

        await eventually(reached, f"{service} does not say {name}{labels} {number}")


@pytest.fixture(scope="module")
async def watched(system: System) -> Watched:
    return Watched(system)


@pytest.fixture(scope="module")
async def world(system: System, watched: Watched) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        for service in ("election", "ballot", "result"):
            await watched.start(service)
        yield world


async def test_sign_ins_are_counted_by_what_became_of_them(fresh_system: System) -> None:
    watched = Watched(fresh_system)
    await watched.start("auth")
    organiser, _ = await fresh_system.organiser()
    auth = AuthClient(fresh_system.url("auth"))
    with pytest.raises(Refused):
        await auth.sign_in(Credentials(email=organiser.email, password="something else"))  # nobody's
    await auth.close()
    for outcome, number in {"done": 1, "wrong": 1, "throttled": 0, "busy": 0, "failed": 0}.items():
        assert await watched.read("auth", "uvote_sign_ins_total", outcome=outcome) == number
    assert await watched.read("auth", "uvote_signing_key_age_seconds") is not None


async def test_tokens_are_refused_by_what_is_wrong_with_them(fresh_system: System) -> None:
    watched = Watched(fresh_system)
    await watched.start("auth")
    _, access = await fresh_system.organiser()
    right = access["auth"]
    head, claims, signature = right.split(".")
    unknown = base64.urlsafe_b64encode(json.dumps({**jwt.get_unverified_header(right), "kid": "x"}).encode()).decode()
    tokens = {
        "missing": None,
        "malformed": "not.a.token",
        "wrong-audience": access["election"],
        "wrong-signature": f"{head}.{claims}.{'A' * len(signature)}",
        "unknown-key": f"{unknown.rstrip('=')}.{claims}.{signature}",
    }
    async with httpx.AsyncClient(base_url=fresh_system.url("auth")) as client:
        for token in tokens.values():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            assert (await client.get("/v1/organisers/me", headers=headers)).status_code == 401
        assert (await client.post("/v1/operator/keys", headers={"Authorization": "Bearer x.y.z"})).status_code == 401
    for reason in tokens:
        assert await watched.read("auth", "uvote_tokens_refused_total", token="organiser", reason=reason) == 1, reason
    assert await watched.read("auth", "uvote_tokens_refused_total", token="service") == 1


async def test_acts_are_counted_once_and_steps_are_owed_until_they_are_done(
    world: BallotWorld, watched: Watched
) -> None:
    acts = {
        name: await watched.read("election", "uvote_acts_total", act=name) or 0
        for name in ("add_trustee", "seal_election")
    }
    view, voters = await world.list_made(3)
    for name, number in acts.items():
        assert await watched.read("election", "uvote_acts_total", act=name, election_class="real") == number + 1
    await watched.becomes(1, "election", "uvote_steps_owed", owed="freeze_roll", election_class="real")
    assert await watched.read("election", "uvote_step_oldest_seconds", owed="freeze_roll") is not None
    facts: dict[str, str | int] = {"voters": 3, "total_weight": 3, "credentials": await world.send_list(view, voters)}
    await world.elections.voter.report_step(view.id, Step.FREEZE_ROLL, Report(uuid=view.uuid, facts=facts))
    await watched.becomes(0, "election", "uvote_steps_owed", owed="freeze_roll", election_class="real")


async def test_a_tally_is_followed_compared_and_counted_after_the_end(world: BallotWorld, watched: Watched) -> None:
    poll = await world.poll(BATCH + 1)
    await poll.reach(Phase.OPEN)
    for voter in range(BATCH + 1):
        await poll.cast(voter)
    labels = {"election": poll.uuid, "election_class": "real"}
    await watched.becomes(1, "result", "uvote_numbers_match", **labels)
    await watched.becomes(1, "ballot", "uvote_numbers_match", **labels)
    assert await watched.read("result", "uvote_tally_counted", **labels) == 0
    assert await watched.read("result", "uvote_tally_trustees", **labels, share="missing") == 1
    assert await watched.read("result", "uvote_board_broken", **labels) == 0
    await poll.close()
    await watched.becomes(1, "result", "uvote_tallies", phase="awaiting_trustees", election_class="real")
    await watched.becomes(BATCH, "result", "uvote_tally_counted", **labels)


async def test_a_board_whose_counters_are_not_what_stands_on_it_does_not_match(world: BallotWorld) -> None:
    poll = await world.poll(3)
    await poll.reach(Phase.OPEN)
    await poll.cast(0)
    await poll.cast(0)
    await poll.cast(1)

    async def matches() -> bool:
        async with world.database() as database, database.transaction("test") as connection:
            return await PublishingStore().compare_numbers(connection, poll.uuid)

    assert await matches()
    connection = await asyncpg.connect(world.system.database_url)
    for column in ("ballots", "voted", "voted_weight", "height"):
        change = f"UPDATE ballot.boards SET {column} = {column} + $2 WHERE uuid = $1"  # noqa: S608  # a name from above
        await connection.execute(change, poll.uuid, 1)
        assert not await matches(), column
        await connection.execute(change, poll.uuid, -1)
    assert await matches()
    await connection.execute("DELETE FROM ballot.records WHERE uuid = $1 AND height = 2", poll.uuid)
    assert not await matches()
    await connection.close()


async def test_a_counter_that_runs_ahead_of_the_board_is_told_and_holds_up_nothing(world: BallotWorld) -> None:
    poll = await world.poll(3)
    await poll.reach(Phase.OPEN)
    await poll.cast(0)
    world.system.kill("ballot")  # it would speak itself
    await world.system.ended("ballot")
    connection = await asyncpg.connect(world.system.database_url)
    await connection.execute("UPDATE ballot.boards SET voted = voted + $2 WHERE uuid = $1", poll.uuid, BATCH)
    await connection.close()
    with measuring("ballot") as metrics:
        async with world.database() as database, asyncio.timeout(30):
            publisher = Publisher(database)
            await publisher.round()
            await publisher.close()
        assert value(metrics, "uvote_numbers_match", poll.uuid, "real") == 0
        assert value(metrics, "uvote_credentials_voted", poll.uuid, "real") == 0
        assert value(metrics, "uvote_telemetry_withheld", poll.uuid, "real") == 1
    await world.system.start("ballot")


async def test_waiting_mails_are_told_apart_by_whether_they_were_tried(fresh_system: System) -> None:
    database = await Database.open(fresh_system.database_url, schema="voter")
    await fill(database, "e", 3)
    async with database.transaction("test") as connection:
        await connection.execute(
            """UPDATE mail SET status = 'deferred', queued_at = now() - interval '1 hour'
               WHERE id = (SELECT id FROM mail LIMIT 1)"""
        )
    with measuring("voter") as metrics:
        await MailWatch(database).look()
        assert value(metrics, "uvote_mails_waiting", "invitation", "queued") == 2
        assert value(metrics, "uvote_mails_waiting", "invitation", "deferred") == 1
        assert value(metrics, "uvote_mails_oldest_seconds", "deferred") >= 3600
        assert value(metrics, "uvote_mails_oldest_seconds", "queued") < 3600
    await database.close()


def value(metrics: Metrics, name: str, *labels: str) -> float:
    return float(next(iter(metrics.children[name, labels].collect())).samples[0].value)
