"""Service and database are killed while fifty voters cast: every tracker that was answered is on the board once."""

import asyncio
import io
import os
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest

from services.ballot.client import BallotClient
from services.shared.client import DependencyDown
from services.uvote.postgres import PrivatePostgres
from services.voting.archive import ArchiveReader
from services.voting.ballot import tracker
from tests.service.ballot_world import BallotWorld, Poll, eventually, make_ballot_world
from tests.service.harness import Workshop

VOTERS = 50
BALLOTS = 4  # of each voter

Tool = Callable[..., "CompletedProcess[str]"]


class OwnServer:
    """A database server of this test's own, which may be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = PrivatePostgres.start(folder, settings={"max_connections": "100"})

    def crash(self) -> None:
        """Kills the server as a failure of its machine would, but for the disk, and starts it again."""
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()
        self.server = PrivatePostgres.start(self.folder, settings={"max_connections": "100"})


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[OwnServer]:
    own = await asyncio.to_thread(OwnServer, tmp_path / "postgres")
    yield own
    own.server.stop()
    shutil.rmtree(own.server.directory)


@pytest.fixture
async def world(workshop: Workshop, own_server: OwnServer, tmp_path: Path) -> AsyncIterator[BallotWorld]:
    own = Workshop(own_server.server, workshop.launcher, tmp_path)
    await own.prepare()
    async with own.system() as system, make_ballot_world(system) as world:
        yield world


class Crowd:
    """Voters who send their ballots one after the other, each until it has its tracker."""

    def __init__(self, poll: Poll, client: BallotClient) -> None:
        self.poll = poll
        self.client = client
        self.answered: list[str] = []
        self.failures = 0

    async def vote(self, ballots: list[bytes]) -> None:
        for ballot in ballots:
            while True:
                try:
                    receipt = await self.client.cast_ballot(self.poll.uuid, ballot)
                except DependencyDown:
                    self.failures += 1
                    await asyncio.sleep(0.1)
                else:
                    assert receipt.tracker == tracker(ballot)
                    self.answered.append(receipt.tracker)
                    break

    async def reach(self, number: int) -> None:
        """Waits until so many ballots are answered."""

        async def reached() -> bool:
            return len(self.answered) >= number

        await eventually(reached, f"only {len(self.answered)} ballots of {number} were answered")


def all_ballots(poll: Poll) -> list[list[bytes]]:
    return [[poll.ballot(voter) for _ in range(BALLOTS)] for voter in range(VOTERS)]


async def test_what_was_answered_is_on_the_board_once(
    world: BallotWorld, own_server: OwnServer, belenios_tool: Tool, tmp_path: Path
) -> None:
    poll = await world.poll(voters=VOTERS)
    ballots = await asyncio.to_thread(all_ballots, poll)
    crowd = Crowd(poll, world.anyone)
    voting = [asyncio.create_task(crowd.vote(own)) for own in ballots]
    await crowd.reach(20)
    world.system.kill("ballot", signal.SIGKILL)
    await world.system.start("ballot")
    await crowd.reach(70)
    await asyncio.to_thread(own_server.crash)
    await crowd.reach(120)
    world.system.kill("ballot", signal.SIGKILL)
    await world.system.start("ballot")
    await asyncio.gather(*voting)
    assert crowd.failures > 0
    await check_board(poll, crowd, belenios_tool, tmp_path)


async def check_board(poll: Poll, crowd: Crowd, belenios_tool: Tool, folder: Path) -> None:
    archive = await poll.archive()
    entries = list(ArchiveReader(io.BytesIO(archive)))
    cast = Counter(tracker(entry.data[0].content or b"") for entry in entries if entry.event.type == "Ballot")
    assert cast == Counter(crowd.answered)
    assert set(cast.values()) == {1}
    board = await poll.board()
    assert (board.ballots, board.voted, board.height) == (VOTERS * BALLOTS, VOTERS, VOTERS * BALLOTS)
    assert (board.head, board.archive_bytes) == (entries[-1].event.hash, len(archive))
    place = folder / "archive"
    place.mkdir()
    (place / f"{poll.uuid}.bel").write_bytes(archive)
    belenios_tool("election", "verify", "--dir", place)


async def test_a_restart_loses_no_request_that_was_accepted(workshop: Workshop) -> None:
    """SIGTERM drains: whoever was connected gets an answer to the one request that was sent."""
    async with workshop.system() as system, make_ballot_world(system) as world:
        poll = await world.poll(voters=20)
        ballots = await asyncio.to_thread(lambda: [poll.ballot(voter) for voter in range(20)])
        path, headers = f"/v1/elections/{poll.uuid}/ballots", {"Content-Type": "application/json"}
        async with httpx.AsyncClient(base_url=system.url("ballot"), timeout=60) as browser:
            sending = [asyncio.create_task(browser.post(path, content=ballot, headers=headers)) for ballot in ballots]

            async def some_are_answered() -> bool:
                return sum(task.done() for task in sending) >= 2

            await eventually(some_are_answered, "no ballot is answered")
            system.kill("ballot", signal.SIGTERM)
            responses = await asyncio.gather(*sending)
        assert [response.status_code for response in responses] == [200] * 20
        assert await system.ended("ballot") == 0
        await system.start("ballot")
        assert (await poll.board()).ballots == 20
