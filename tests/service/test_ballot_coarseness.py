"""What is published of a board, byte for byte, from a real database: it says no more than the board's whole batches."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from observability.telemetry.metrics import measuring
from services.ballot.board import ChainEnd, beginning, link
from services.ballot.contract import EventType
from services.ballot.publishing import BATCH, Publisher
from services.ballot.rows import BallotLink, BoardRow
from services.ballot.schedule import Schedule
from services.ballot.store import Store
from services.shared.database import Database
from tests.service.harness import System

LISTED = 3 * BATCH + 5
NOW = datetime.now(UTC)
LETTERS = "abcdefghijkmnopqrstuvwxyz"
VOTED = re.compile(r"^uvote_credentials_voted{.*} (.*)$", re.MULTILINE)

Ballots = list[int]  # each named by its credential's place on the list
Cuts = list[int]  # how many ballots are on the board at each tick


def weight(place: int) -> int:
    """Some weigh more."""
    return place % 3 + 1


@dataclass
class Board:
    """A board whose ballots are bytes that nobody has checked: it is the counting that is looked at."""

    database: Database
    uuid: str
    end: ChainEnd
    voted: set[int]

    @classmethod
    async def set_up(cls, database: Database) -> "Board":
        """An empty one, and its list."""
        uuid = "".join(secrets.choice(LETTERS) for _ in range(14))
        end = link(beginning(0), EventType.SETUP, secrets.token_bytes(32), [5]).end
        row = BoardRow(
            now=NOW,
            uuid=uuid,
            election_id=uuid,
            fingerprint="f",
            archive_timestamp=0,
            revote_allowed=True,
            election_class="real",
            credentials=LISTED,
            credentials_hash=b"h",
            total_weight=sum(map(weight, range(LISTED))),
            schedule_revision=0,
            schedule_applied=True,
            schedule=Schedule(NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
            end=end,
            ballots=0,
            voted=0,
            voted_weight=0,
        )
        listed = [(uuid, place, bytes([place]), str(place), weight(place)) for place in range(LISTED)]
        async with database.transaction("set_up_board") as connection:
            await Store(database).insert_board(connection, row)
            await connection.executemany(
                "INSERT INTO credentials (uuid, position, digest, key, weight) VALUES ($1, $2, $3, $4, $5)", listed
            )
        return cls(database, uuid, end, set())

    async def append(self, ballots: Ballots) -> None:
        """More ballots."""
        links: list[BallotLink] = []
        for place in ballots:
            raw = secrets.token_bytes(9)
            following = link(self.end, EventType.BALLOT, secrets.token_bytes(32), [len(raw)])
            links.append(BallotLink(following, raw, place))
            self.end = following.end
        new = set(ballots) - self.voted
        self.voted |= new
        if links:
            async with self.database.transaction("cast_ballot") as connection:
                store = Store(self.database)
                await store.append_ballots(connection, self.uuid, links, len(new), sum(map(weight, new)))

    async def withdraw(self) -> None:
        """Nobody speaks of it any more."""
        async with self.database.transaction("withdraw_board") as connection:
            await Store(self.database).insert_withdrawal(connection, self.uuid)


@dataclass
class Stage:
    """A connection for the boards, and one for whoever publishes."""

    boards: Database
    speaking: Database

    async def publish(self, ballots: Ballots, cuts: Cuts, *, restarted: bool) -> list[str]:
        """What is exposed of a board after each tick; `restarted`: by another process each time."""
        board = await Board.set_up(self.boards)
        pages: list[str] = []
        publisher, before = Publisher(self.speaking), 0
        with measuring("ballot") as metrics:
            for cut in cuts:
                await board.append(ballots[before:cut])
                before = cut
                if restarted:
                    await publisher.close()
                    publisher = Publisher(self.speaking)
                await publisher.round()
                lines = generate_latest(metrics.collectors).decode().splitlines()
                pages.append("\n".join(line.replace(board.uuid, "it") for line in lines if board.uuid in line))
        await publisher.close()
        await board.withdraw()
        return pages


@pytest.fixture(scope="module")
async def url(system: System) -> str:
    """The board's tables, with the rights that the service has."""
    return system.installation.environment("ballot")["UVOTE_DATABASE_URL"]


def batch_ends(ballots: Ballots) -> list[int]:
    """After how many ballots a further batch of distinct credentials is whole; the empty board is the first."""
    seen: set[int] = set()
    ends = [0]
    for count, place in enumerate(ballots, 1):
        if place not in seen and len(seen | {place}) % BATCH == 0:
            ends.append(count)
        seen.add(place)
    return ends


@st.composite
def twins(draw: st.DrawFn) -> tuple[Ballots, Cuts, Cuts]:
    """A board, and two ways for it to grow that have the same whole batches at every tick."""
    ballots = draw(st.lists(st.integers(0, LISTED - 1), min_size=5, max_size=70))
    ends = [*batch_ends(ballots), len(ballots) + 1]
    batches = sorted(draw(st.lists(st.integers(0, len(ends) - 2), min_size=1, max_size=4)))
    cuts = [
        sorted(draw(st.integers(ends[batch], max(ends[batch], ends[batch + 1] - 1))) for batch in batches)
        for _ in range(2)
    ]
    return ballots, cuts[0], cuts[1]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(given_twins=twins())
async def test_boards_with_the_same_whole_batches_at_every_tick_are_exposed_in_the_same_bytes(
    url: str, given_twins: tuple[Ballots, Cuts, Cuts]
) -> None:
    """Also by a process that has just started, or by another replica that takes over at each tick."""
    ballots, cuts, other_cuts = given_twins
    boards, speaking = [await Database.open(url, schema="ballot", connections=1) for _ in range(2)]
    try:
        stage = Stage(boards, speaking)
        pages = await stage.publish(ballots, cuts, restarted=False)
        assert pages == await stage.publish(ballots, other_cuts, restarted=True)
    finally:
        await speaking.close()
        await boards.close()
    require_coarse(ballots, cuts, pages)


def require_coarse(ballots: Ballots, cuts: Cuts, pages: Sequence[str]) -> None:
    """Each step is of whole batches of distinct credentials, and below the first everything is 0 and withheld."""
    for cut, page in zip(cuts, pages, strict=True):
        whole = len(set(ballots[:cut])) // BATCH * BATCH
        assert VOTED.findall(page) == [f"{float(whole)}"]
        assert ('uvote_telemetry_withheld{election="it",election_class="real"} 1.0' in page) == (whole == 0)
        if whole == 0:
            assert 'uvote_ballots_accepted{election="it",election_class="real"} 0.0' in page
            assert 'uvote_weight_voted{election="it",election_class="real"} 0.0' in page
