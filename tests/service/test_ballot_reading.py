"""What anyone can read of a board: head, events, trackers, codes, and the growing archive with its ranges."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote

import httpx
import pytest

from services.ballot.contract import EventType
from services.shared.client import Refused
from services.voting.archive import ArchiveReader, record_hash
from services.voting.credential import parse_credentials
from services.voting.election import generate_uuid
from tests.service.ballot_world import BallotWorld, Poll, make_ballot_world, public_credentials, sorted_lines
from tests.service.election_world import refused
from tests.service.harness import System

VOTERS = 12
WEIGHTS = [3, 2]

Tool = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        yield world


@pytest.fixture(scope="module")
async def http(world: BallotWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.system.url("ballot") + "/v1/elections") as client:
        yield client


@pytest.fixture(scope="module")
async def voted(world: BallotWorld) -> tuple[Poll, list[str]]:
    """A board with seven ballots, two of them of the first voter, and their trackers."""
    poll = await world.poll(voters=VOTERS, weights=WEIGHTS, pages=4)
    return poll, [await poll.cast(voter) for voter in (0, 1, 2, 0, 3, 4, 5)]


@pytest.fixture(scope="module")
def poll(voted: tuple[Poll, list[str]]) -> Poll:
    return voted[0]


@pytest.fixture(scope="module")
def trackers(voted: tuple[Poll, list[str]]) -> list[str]:
    return voted[1]


async def test_events_come_in_pages_and_form_a_chain(world: BallotWorld, poll: Poll, trackers: list[str]) -> None:
    events, after, sizes = [], -1, []
    while True:
        page = await world.anyone.list_events(poll.uuid, after=after, limit=3)
        events += page.events
        sizes.append(len(page.events))
        if page.next is None:
            break
        after = page.next
    assert sizes == [3, 3, 2]
    assert [event.height for event in events] == list(range(8))
    assert [event.parent for event in events] == [None, *(event.hash for event in events[:-1])]
    assert [event.type for event in events] == [EventType.SETUP, *[EventType.BALLOT] * 7]
    assert [event.tracker for event in events[1:]] == trackers
    assert [event.counts for event in events] == [None, False, *[True] * 6]
    assert [event.credential for event in events[1:5]] == [poll.voters[voter].credential for voter in (0, 1, 2, 0)]


async def test_the_head_sums_up_the_events(world: BallotWorld, poll: Poll) -> None:
    board = await poll.board()
    page = await world.anyone.list_events(poll.uuid, after=6)
    assert (board.height, board.head) == (7, page.events[0].hash)
    assert (board.credentials, board.total_weight) == (VOTERS, VOTERS + 3)
    assert (board.ballots, board.voted, board.voted_weight) == (7, 6, 9)
    assert board.fingerprint == poll.election.fingerprint


async def test_full_events_hold_the_exact_data(world: BallotWorld, poll: Poll) -> None:
    page = await world.result.list_full_events(poll.uuid, limit=5)
    assert page.next == 4
    rest = await world.result.list_full_events(poll.uuid, after=4, limit=5)
    assert rest.next is None
    entries = list(ArchiveReader(io.BytesIO(await poll.archive())))
    for event, entry in zip([*page.events, *rest.events], entries, strict=True):
        assert event.event.encode() == entry.event.render()
        assert [record_hash(text.encode()) for text in event.data] == [record.hash for record in entry.data]


@pytest.mark.parametrize("spell", [str, lambda tracker: tracker.replace("+", "-").replace("/", "_")])
async def test_trackers_are_found_in_either_alphabet(
    http: httpx.AsyncClient, poll: Poll, trackers: list[str], spell: Callable[[str], str]
) -> None:
    for tracker in trackers:
        response = await http.get(f"/{poll.uuid}/trackers/{quote(spell(tracker), safe='')}")
        assert response.json()["tracker"] == tracker
        assert response.json()["status"] == ("replaced" if tracker == trackers[0] else "counts")


@pytest.mark.parametrize(
    ("tracker", "status", "code"),
    [("A" * 43, 404, "unknown-tracker"), ("A" * 42, 422, "not-a-tracker"), ("%00" * 43, 422, "not-a-tracker")],
)
async def test_what_is_no_tracker_of_the_board_is_not_found(
    http: httpx.AsyncClient, poll: Poll, tracker: str, status: int, code: str
) -> None:
    response = await http.get(f"/{poll.uuid}/trackers/{tracker}")
    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (status, code)


async def test_a_code_is_known_by_the_digest_of_its_credential(world: BallotWorld, poll: Poll) -> None:
    digests = [poll.voters[0].digest, poll.voters[11].digest, "0" * 64]
    found = [await world.anyone.read_credential(poll.uuid, digest) for digest in digests]
    assert [(status.listed, status.ballots, status.weight) for status in found] == [
        (True, 2, 3),
        (True, 0, 1),
        (False, 0, None),
    ]


async def test_used_credentials_are_listed_for_reminders(world: BallotWorld, poll: Poll) -> None:
    used = await world.voter.list_used(poll.uuid)
    ordered = sorted((voter.credential for voter in poll.voters[:6]), key=int)
    assert used.credentials == ordered
    assert used.next is None
    assert (await world.voter.list_used(poll.uuid, after=ordered[3])).credentials == ordered[4:]
    async with refused(422, "invalid"):
        await world.voter.list_used(poll.uuid, after="1")


async def test_the_frozen_records_are_served_as_they_are(world: BallotWorld, poll: Poll) -> None:
    definition = await world.anyone.read_definition(poll.uuid)
    assert definition == poll.election.raw
    trustees = await world.anyone.read_trustees(poll.uuid)
    assert trustees == await world.elections.anyone.read_trustees(poll.uuid)
    credentials = await world.anyone.read_credentials(poll.uuid)
    assert hashlib.sha256(credentials).hexdigest() == (await poll.board()).credentials_hash
    assert [line.render() for line in parse_credentials(credentials)] == sorted_lines(poll.voters)
    assert set(parse_credentials(credentials)) == set(public_credentials(poll.voters))


async def test_an_unknown_election_has_no_board(world: BallotWorld, http: httpx.AsyncClient) -> None:
    uuid = generate_uuid()
    paths = ["", "/events", "/definition", "/trustees", "/credentials", "/archive"]
    for path in [*paths, f"/trackers/{'A' * 43}", f"/credentials/{'0' * 64}"]:
        response = await http.get(f"/{uuid}{path}")
        assert response.status_code == 404, path
        assert response.headers["content-type"] == "application/problem+json"
    with pytest.raises(Refused):
        await world.result.list_full_events(uuid)
    with pytest.raises(Refused):
        await world.voter.list_used(uuid)


async def test_belenios_accepts_the_growing_archive(belenios_tool: Tool, world: BallotWorld, tmp_path: Path) -> None:
    poll = await world.poll(voters=3, weights=[2], pages=2)
    older = await poll.archive()
    await poll.cast(0)
    newer = await poll.archive()
    await poll.close()
    ended = await poll.archive()
    assert newer.startswith(older)
    assert ended.startswith(newer)
    for number, archive in enumerate((older, newer, ended)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "election.bel").write_bytes(archive)
        await asyncio.to_thread(belenios_tool, "election", "verify", "--dir", folder)
    belenios_tool("election", "verify-diff", "--dir1", tmp_path / "0", "--dir2", tmp_path / "2")


@pytest.fixture(scope="module")
async def archive(poll: Poll) -> bytes:
    return await poll.archive()


async def test_every_part_of_the_archive_can_be_had(http: httpx.AsyncClient, poll: Poll, archive: bytes) -> None:
    """Parts that begin and end on both sides of every boundary: of members, of pieces of the list, of pages."""
    total = len(archive)
    starts = [
        0,
        1,
        511,
        512,
        1023,
        1024,
        1025,
        1536,
        1537,
        2100,
        4000,
        6000,
        9000,
        total // 3,
        total // 2,
        total - 513,
        total - 512,
        total - 1,
    ]
    for start in starts:
        for size in (1, 511, 512, 513, 5000, total):
            response = await http.get(f"/{poll.uuid}/archive", headers={"Range": f"bytes={start}-{start + size - 1}"})
            stop = min(start + size, total)
            assert response.status_code == 206
            assert response.content == archive[start:stop]
            assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{total}"
            assert response.headers["content-length"] == str(stop - start)


async def test_the_end_of_the_archive_can_be_had(http: httpx.AsyncClient, poll: Poll, archive: bytes) -> None:
    response = await http.get(f"/{poll.uuid}/archive", headers={"Range": "bytes=-1000"})
    assert (response.status_code, response.content) == (206, archive[-1000:])


async def test_several_ranges_get_the_whole(http: httpx.AsyncClient, poll: Poll, archive: bytes) -> None:
    response = await http.get(f"/{poll.uuid}/archive", headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, response.content) == (200, archive)
    assert response.headers["accept-ranges"] == "bytes"


async def test_a_range_beyond_the_end_says_how_long_the_archive_is(
    http: httpx.AsyncClient, poll: Poll, archive: bytes
) -> None:
    response = await http.get(f"/{poll.uuid}/archive", headers={"Range": f"bytes={len(archive)}-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(archive)}"


async def test_head_tells_what_get_would_send(http: httpx.AsyncClient, poll: Poll, archive: bytes) -> None:
    head = await http.head(f"/{poll.uuid}/archive", headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(archive))
    assert head.headers["etag"] == f'"{(await poll.board()).head}"'


async def test_a_part_of_another_archive_is_not_sent(http: httpx.AsyncClient, poll: Poll, archive: bytes) -> None:
    tag = (await http.head(f"/{poll.uuid}/archive")).headers["etag"]
    for condition, status in ((tag, 206), ('"older"', 200)):
        headers = {"Range": "bytes=5-9", "If-Range": condition}
        response = await http.get(f"/{poll.uuid}/archive", headers=headers)
        assert response.status_code == status
        assert response.content == (archive[5:10] if status == 206 else archive)
