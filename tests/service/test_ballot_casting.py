"""Casting a ballot: what is refused, in which order, and what an accepted ballot can rely on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.ballot.contract import BALLOT_LIMIT, BALLOTS_PER_CREDENTIAL, Phase
from services.shared.client import Refused
from services.voting.ballot import make_ballot, tracker
from services.voting.canonical import base64_digest, render_json
from services.voting.credential import private_key
from services.voting.election import generate_uuid
from services.voting.proofs import prove_knowledge
from tests.service.ballot_world import BallotWorld, Poll, eventually, make_ballot_world, make_voter
from tests.service.election_world import refused, soon
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[BallotWorld]:
    async with make_ballot_world(system) as world:
        yield world


@pytest.fixture(scope="module")
async def http(world: BallotWorld) -> AsyncIterator[httpx.AsyncClient]:
    """A plain client."""
    async with httpx.AsyncClient(base_url=world.system.url("ballot")) as client:
        yield client


@pytest.fixture(scope="module")
async def open_poll(world: BallotWorld) -> Poll:
    return await world.poll(voters=6)


@pytest.fixture(scope="module")
async def closed_poll(world: BallotWorld) -> Poll:
    poll = await world.poll()
    await poll.cast(0)
    await poll.close()
    return poll


def signed(poll: Poll, ballot: dict[str, Any], code: str) -> bytes:
    """The ballot with its signature made anew."""
    body = {name: member for name, member in ballot.items() if name != "signature"}
    group = poll.election.group
    digest = base64_digest(render_json(body))
    proof = prove_knowledge(group, private_key(code, poll.uuid, group), f"sig|{digest}|")
    return render_json({**body, "signature": {"hash": digest, "proof": proof.to_json()}})


def with_false_proof(poll: Poll, voter: int = 0) -> bytes:
    ballot = json.loads(poll.ballot(voter))
    ballot["answers"][0]["overall_proof"].reverse()
    ballot["answers"][0]["individual_proofs"].reverse()
    return signed(poll, ballot, poll.voters[voter].code)


def with_false_signature(poll: Poll, voter: int = 0) -> bytes:
    ballot = json.loads(poll.ballot(voter))
    ballot["signature"]["proof"]["response"] = "1"
    return render_json(ballot)


def of_another_election(poll: Poll) -> bytes:
    ballot = json.loads(poll.ballot())
    return signed(poll, {**ballot, "election_hash": "A" * 43}, poll.voters[0].code)


def of_a_stranger(poll: Poll) -> bytes:
    return make_ballot(poll.election, make_voter(poll.uuid, 999, 1).code, [[1, 0]])


async def test_a_ballot_is_answered_with_its_tracker_and_counts(world: BallotWorld, open_poll: Poll) -> None:
    ballot = open_poll.ballot(0)
    receipt = await world.anyone.cast_ballot(open_poll.uuid, ballot)
    assert receipt.tracker == tracker(ballot)
    found = await world.anyone.look_up_tracker(open_poll.uuid, receipt.tracker)
    assert (found.status, found.ballot.encode()) == ("counts", ballot)


async def test_the_same_bytes_are_one_ballot_however_often_they_come(world: BallotWorld, open_poll: Poll) -> None:
    before = (await open_poll.board()).ballots
    ballot = open_poll.ballot(1)
    receipts = await asyncio.gather(*(world.anyone.cast_ballot(open_poll.uuid, ballot) for _ in range(10)))
    receipts.append(await world.anyone.cast_ballot(open_poll.uuid, ballot))
    assert {receipt.tracker for receipt in receipts} == {tracker(ballot)}
    assert (await open_poll.board()).ballots == before + 1


async def test_bytes_on_the_board_get_their_tracker_after_the_close(world: BallotWorld, closed_poll: Poll) -> None:
    page = await world.anyone.list_events(closed_poll.uuid)
    cast = page.events[1].tracker
    assert cast
    ballot = (await world.anyone.look_up_tracker(closed_poll.uuid, cast)).ballot.encode()
    assert (await world.anyone.cast_ballot(closed_poll.uuid, ballot)).tracker == cast
    assert await world.anyone.list_events(closed_poll.uuid) == page


@pytest.mark.parametrize(
    ("make", "code", "status"),
    [
        (lambda _: b"{", "malformed-ballot", 400),
        (lambda poll: poll.ballot().replace(b":", b": ", 1), "malformed-ballot", 400),
        (lambda poll: poll.ballot() + b" ", "malformed-ballot", 400),
        (lambda poll: poll.ballot().replace(b'"credential":"', b'"credential":"0'), "malformed-ballot", 400),
        (of_another_election, "foreign-ballot", 422),
        (of_a_stranger, "unknown-credential", 422),
        (with_false_signature, "invalid-signature", 422),
        (with_false_proof, "invalid-proof", 422),
    ],
)
async def test_a_ballot_that_is_not_right_is_refused(
    world: BallotWorld, open_poll: Poll, make: Callable[[Poll], bytes], code: str, status: int
) -> None:
    before = await open_poll.board()
    async with refused(status, code):
        await world.anyone.cast_ballot(open_poll.uuid, make(open_poll))
    assert (await open_poll.board()).head == before.head


async def test_the_first_reason_is_the_one_that_is_named(world: BallotWorld, closed_poll: Poll) -> None:
    """Each of these ballots breaks a rule and all that are looked at after it; the proofs are looked at last."""
    poll = closed_poll
    stranger = make_voter(poll.uuid, 999, 1)
    false = json.loads(with_false_signature(poll))
    false["answers"][0]["overall_proof"].reverse()
    unknown = {**false, "credential": stranger.credential}
    foreign = {**unknown, "election_uuid": generate_uuid()}
    for ballot, code in (
        (render_json(foreign) + b"\n", "malformed-ballot"),
        (render_json(foreign), "foreign-ballot"),
        (render_json(unknown), "unknown-credential"),
        (render_json(false), "invalid-signature"),
        (with_false_proof(poll), "closed"),
    ):
        with pytest.raises(Refused) as refusal:
            await world.anyone.cast_ballot(poll.uuid, ballot)
        assert refusal.value.type == code


async def test_an_unknown_election_is_not_found(world: BallotWorld, open_poll: Poll) -> None:
    async with refused(404, "not-found"):
        await world.anyone.cast_ballot(generate_uuid(), open_poll.ballot())


async def test_a_ballot_is_sent_as_json(http: httpx.AsyncClient, open_poll: Poll) -> None:
    path = f"/v1/elections/{open_poll.uuid}/ballots"
    for headers in ({}, {"Content-Type": "text/plain"}):
        response = await http.post(path, content=open_poll.ballot(), headers=headers)
        assert (response.status_code, response.json()["type"]) == (415, "urn:uvote:problem:wrong-media-type")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_not_read(http: httpx.AsyncClient, open_poll: Poll, *, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BALLOT_LIMIT // 4096 + 1):
            yield b"x" * 4096

    content = pieces() if chunked else b"x" * (BALLOT_LIMIT + 1)
    headers = {"Content-Type": "application/json"}
    response = await http.post(f"/v1/elections/{open_poll.uuid}/ballots", content=content, headers=headers)
    assert response.status_code == 413


async def test_cookies_and_authorization_change_nothing(http: httpx.AsyncClient, open_poll: Poll) -> None:
    ballot = open_poll.ballot(2)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer nonsense", "Cookie": "session=x"}
    response = await http.post(f"/v1/elections/{open_poll.uuid}/ballots", content=ballot, headers=headers)
    assert (response.status_code, response.json()) == (200, {"tracker": tracker(ballot)})
    assert "set-cookie" not in response.headers


async def test_a_later_ballot_replaces_the_earlier(world: BallotWorld) -> None:
    poll = await world.poll(voters=2, weights=[5])
    first, second = await poll.cast(0), await poll.cast(0)
    assert (await world.anyone.look_up_tracker(poll.uuid, first)).status == "replaced"
    assert (await world.anyone.look_up_tracker(poll.uuid, second)).status == "counts"
    await poll.cast(1)
    board = await poll.board()
    assert (board.ballots, board.voted, board.voted_weight, board.total_weight) == (3, 2, 6, 6)


async def test_where_revotes_are_forbidden_the_first_ballot_stays(world: BallotWorld) -> None:
    poll = await world.poll(revote_allowed=False)
    ballot = poll.ballot(0)
    cast = await world.anyone.cast_ballot(poll.uuid, ballot)
    async with refused(409, "already-voted"):
        await poll.cast(0)
    assert await world.anyone.cast_ballot(poll.uuid, ballot) == cast
    assert (await poll.board()).ballots == 1


async def test_a_code_casts_so_many_ballots(world: BallotWorld) -> None:
    poll = await world.poll()
    trackers = [await poll.cast(0) for _ in range(BALLOTS_PER_CREDENTIAL)]
    async with refused(409, "too-many-ballots"):
        await poll.cast(0)
    assert (await world.anyone.look_up_tracker(poll.uuid, trackers[-1])).status == "counts"
    await poll.cast(1)


async def test_one_ballot_of_a_code_is_checked_at_a_time(http: httpx.AsyncClient, world: BallotWorld) -> None:
    poll = await world.poll()
    path, headers = f"/v1/elections/{poll.uuid}/ballots", {"Content-Type": "application/json"}
    ballots = [poll.ballot(0) for _ in range(6)]
    responses = await asyncio.gather(*(http.post(path, content=ballot, headers=headers) for ballot in ballots))
    refusals = [response for response in responses if response.status_code != 200]
    assert refusals
    for refusal in refusals:
        assert (refusal.status_code, refusal.json()["type"]) == (503, "urn:uvote:problem:in-flight")
        assert refusal.headers["retry-after"] == "1"
    assert (await poll.board()).ballots == len(responses) - len(refusals)


async def test_before_the_opening_nothing_is_taken(world: BallotWorld) -> None:
    poll = await world.poll(opens=soon(hours=1), phase=Phase.NOT_YET)
    async with refused(409, "not-yet"):
        await poll.cast()
    await poll.change(opens="now")
    await poll.reach(Phase.OPEN)
    await poll.cast()


async def test_a_pause_interrupts_until_voting_is_resumed(world: BallotWorld) -> None:
    poll = await world.poll()
    await poll.cast(0)
    await poll.change(opens="pause")
    await poll.reach(Phase.PAUSED)
    ballot = poll.ballot(1)
    async with refused(409, "paused"):
        await world.anyone.cast_ballot(poll.uuid, ballot)
    await poll.change(opens="now")
    await poll.reach(Phase.OPEN)
    await world.anyone.cast_ballot(poll.uuid, ballot)
    assert (await poll.board()).voted == 2


async def test_the_instants_of_the_clock_decide(world: BallotWorld) -> None:
    """What was answered before the opening or sent after the close is refused; what lies between is accepted.

    The database runs on this machine, so its clock is ours.
    """
    poll = await world.poll(voters=1, opens=soon(seconds=4), closes=soon(seconds=6), phase=Phase.NOT_YET)
    board = await poll.board()
    assert board.opens_at
    sent_then = board.now
    accepted = 0
    while sent_then < board.closes_at + timedelta(seconds=0.3):
        sent_then = datetime.now(UTC)
        try:
            await poll.cast()
            answer = "accepted"
        except Refused as refusal:
            answer = refusal.type
        answered_then = datetime.now(UTC)
        accepted += answer == "accepted"
        if answered_then < board.opens_at:
            assert answer == "not-yet"
        elif sent_then >= board.closes_at:
            assert answer == "closed"
        elif sent_then >= board.opens_at and answered_then < board.closes_at:
            assert answer == "accepted" or accepted == BALLOTS_PER_CREDENTIAL
    assert 0 < (await poll.board()).ballots == accepted


async def until_commits_wait(connection: "asyncpg.Connection[Any]", url: str) -> None:
    """A process of the server's own takes the setting over, in its own time."""
    probe = await asyncpg.connect(url)
    waiting = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'"

    async def waits() -> bool:
        commit = asyncio.create_task(probe.execute("SELECT pg_logical_emit_message(true, 'probe', '')"))

        async def is_settled() -> bool:
            return commit.done() or await connection.fetchrow(waiting, probe.get_server_pid()) is not None

        await eventually(is_settled, "a commit neither waits nor ends")
        is_waiting = not commit.done()
        if is_waiting:
            await connection.execute("SELECT pg_cancel_backend($1)", probe.get_server_pid())
        await commit
        return is_waiting

    await eventually(waits, "commits are answered without the standby")
    await probe.close()


@asynccontextmanager
async def absent_standby(connection: "asyncpg.Connection[Any]", url: str) -> AsyncIterator[None]:
    """No COMMIT that has written anything is answered in this block."""

    async def configure(standby: str) -> None:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        await connection.execute("SELECT pg_reload_conf()")

    await connection.execute("SET synchronous_commit = local")
    await configure("nobody")
    try:
        await until_commits_wait(connection, url)
        yield
    finally:
        await configure("")


async def waiting_commits(connection: "asyncpg.Connection[Any]") -> list[int]:
    rows = await connection.fetch(
        "SELECT pid FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep' AND usename = 'ballot_runtime' AND datname = current_database()"
    )
    return [row["pid"] for row in rows]


@pytest.mark.parametrize("repeated", [False, True])
async def test_a_tracker_is_answered_only_when_the_standby_has_the_ballot(
    world: BallotWorld, open_poll: Poll, *, repeated: bool
) -> None:
    """Also for bytes that were on the board before: they may have been answered to nobody yet."""
    connection = await asyncpg.connect(world.system.database_url)
    ballot = open_poll.ballot(3)
    if repeated:
        await world.anyone.cast_ballot(open_poll.uuid, ballot)
    async with absent_standby(connection, world.system.database_url):
        casting = asyncio.create_task(world.anyone.cast_ballot(open_poll.uuid, ballot))

        async def waits() -> bool:
            assert not casting.done()
            return bool(await waiting_commits(connection))

        await eventually(waits, "no commit waits for the standby")
    assert (await casting).tracker == tracker(ballot)
    await connection.close()


async def test_a_commit_that_is_cut_off_is_no_acknowledgement(
    world: BallotWorld, open_poll: Poll, http: httpx.AsyncClient
) -> None:
    connection = await asyncpg.connect(world.system.database_url)
    ballot = open_poll.ballot(4)
    path, headers = f"/v1/elections/{open_poll.uuid}/ballots", {"Content-Type": "application/json"}
    async with absent_standby(connection, world.system.database_url):
        casting = asyncio.create_task(http.post(path, content=ballot, headers=headers, timeout=30))

        async def cut_off() -> bool:
            for pid in await waiting_commits(connection):
                await connection.execute("SELECT pg_cancel_backend($1)", pid)
            return casting.done()

        await eventually(cut_off, "the commit is not cut off")
    response = await casting
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert (await world.anyone.cast_ballot(open_poll.uuid, ballot)).tracker == tracker(ballot)
    await connection.close()


async def test_five_hundred_voters_behind_one_address_are_all_served(world: BallotWorld) -> None:
    poll = await world.poll(voters=500)
    ballots = await asyncio.to_thread(lambda: [poll.ballot(voter) for voter in range(500)])
    limits = httpx.Limits(max_connections=500)
    path, headers = f"/v1/elections/{poll.uuid}/ballots", {"Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=world.system.url("ballot"), limits=limits, timeout=120) as crowd:
        responses = await asyncio.gather(*(crowd.post(path, content=ballot, headers=headers) for ballot in ballots))
    assert [response.status_code for response in responses] == [200] * 500
    assert (await poll.board()).voted == 500
