"""What people say, and where from, stands nowhere in what the services say, however the day goes."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.shared.settings import SERVICES
from tests.journeys.elections import make_stage
from tests.service.canaries import ask_everything, live_through, stranger_at
from tests.service.harness import OwnWorkshop
from tests.service.sinks import watched
from tests.stack.searching import Secret, search

WARNING = "a-word-for-the-log"


@dataclass
class Day:
    """A day with everything in it: what was said, what must not have been, and how requests were answered."""

    sinks: dict[str, bytes]
    secrets: list[Secret]
    statuses: set[tuple[str, int]]
    election: str


@pytest.fixture
async def day(own_workshop: OwnWorkshop) -> AsyncIterator[Day]:
    async with watched(own_workshop) as told, stranger_at(told.system) as stranger:
        async with make_stage(told.system) as stage:
            organiser, _ = await told.system.organiser("Canary")
            poll = await live_through(stranger, stage, organiser.email)
            await told.say_to_postgresql(WARNING)
            await told.scrape()
            await own_workshop.stop_postgres()
            await ask_everything(stranger, poll)
            await told.scrape()
            await told.end()
        yield Day(told.read(), stranger.known, set(stranger.statuses), poll.uuid)
        await own_workshop.start_postgres()


# Acts of single voters, which are never told, not even when they fail.
UNSEEN = re.compile(rb"\b(cast_ballot|look_up_tracker|look_up_casts|read_credential)\b")
# What is found by the same search, because it may be said there.
CONTROLS = {
    "output of auth": "database_unavailable",
    "output of voter": "list_voters",
    "output of election": "create_election",
    "output of ballot": "database_unavailable",
    "output of result": "service_started",
    "output of frontend": "show_sign_in",
    "what was sent to identity": "list_voters",
    "what was sent to ballot": "casts_refused",
    "what was sent to Sentry": "services.shared.app",
    "PostgreSQL's log": WARNING,
}


async def test_nothing_that_people_say_is_said_again(day: Day) -> None:
    assert {status for _, status in day.statuses} >= {200, 401, 404, 405, 409, 413, 422, 429, 500, 503}
    assert {service for service, _ in day.statuses} == set(SERVICES)
    assert search(day.sinks, day.secrets) == []
    assert {sink: UNSEEN.search(content) for sink, content in day.sinks.items() if UNSEEN.search(content)} == {}
    controls = CONTROLS | {sink: "uvote_build_info" for sink in day.sinks if sink.startswith("metrics")}
    assert controls.keys() == day.sinks.keys()
    for sink, word in controls.items():
        assert search({sink: day.sinks[sink]}, [Secret("control", word, telling=False)]), sink
