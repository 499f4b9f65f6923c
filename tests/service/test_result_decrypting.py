"""From the encrypted tally to the result: shares are kept aside, lies found out, and all is published at once."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import httpx
import pytest

from services.ballot.contract import EventType, Phase
from services.election.contract import Question, State
from services.result.contract import PartialDecryption, Tally
from services.voting.tally import partial_decryption
from tests.journeys.elections import Poll, Stage, at, make_stage
from tests.service.election_world import refused
from tests.service.harness import System
from tests.service.voter_world import eventually
from tests.voting_archives.forging import forge

QUESTION = Question(text="=Who?", options=["Ann", "Ben"], blank=True)
CHOICES = [[[0, 1, 0]], [[0, 0, 1]], [[0, 1, 0]], [[1, 0, 0]], [[0, 0, 1]]]


class Tool(Protocol):
    """The fixture `belenios_tool`."""

    def __call__(self, *arguments: str, cwd: Path) -> "CompletedProcess[str]":
        """Runs it."""


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    """All services."""
    async with make_stage(system) as stage:
        yield stage


async def closed(stage: Stage, *, voters: int = 5) -> Poll:
    """An election with two trustees in which everybody has voted, voter 0 twice."""
    poll = await stage.sealed(voters, trustees=2, questions=[QUESTION], closes=at("UTC", hours=24))
    await poll.change(Phase.OPEN, opens="now")
    await poll.cast(0, [[0, 0, 1]])
    for voter in range(voters):
        await poll.cast(voter, CHOICES[voter])
    await poll.close()
    return poll


@pytest.fixture(scope="module")
async def decrypted(stage: Stage) -> Poll:
    """The same, with its result."""
    poll = await closed(stage)
    await post(poll, 1)
    await post(poll, 2)
    await poll.become(State.DECRYPTED)
    return poll


async def encrypted(poll: Poll) -> bytes:
    tally = await poll.stage.result.read_tally(poll.uuid)
    assert tally.encrypted_tally is not None
    return tally.encrypted_tally.encode()


async def send(poll: Poll, owner: int, raw: bytes) -> Tally:
    share = PartialDecryption(owner=owner, partial_decryption=raw.decode())
    return await poll.stage.result.post_partial_decryption(poll.uuid, share)


async def post(poll: Poll, owner: int) -> Tally:
    """An honest trustee decrypts."""
    key = poll.trustees[owner - 1].private_key
    return await send(poll, owner, partial_decryption(await encrypted(poll), poll.definition, key))


def statuses(tally: Tally) -> list[str]:
    return [share.status for share in tally.shares]


async def types_on_board(poll: Poll) -> list[EventType]:
    page = await poll.stage.ballot.list_events(poll.uuid)
    return [event.type for event in page.events if event.type is not EventType.BALLOT]


AFTER_THE_CLOSE = [EventType.SETUP, EventType.END_BALLOTS, EventType.ENCRYPTED_TALLY]
AT_THE_END = [*AFTER_THE_CLOSE, EventType.PARTIAL_DECRYPTION, EventType.PARTIAL_DECRYPTION, EventType.RESULT]


async def test_the_last_ballot_of_each_voter_is_counted(decrypted: Poll) -> None:
    result = await decrypted.stage.result.read_result(decrypted.uuid)
    (question,) = result.questions
    assert [(option.option, option.votes) for option in question.options] == [("Ann", 2), ("Ben", 2)]
    assert (question.blank, question.tie, question.unanimous) == (1, True, False)
    assert (result.voters, result.voted, result.ballots) == (5, 5, 6)


async def test_a_share_is_kept_aside_until_all_are_there(stage: Stage) -> None:
    poll = await closed(stage)
    assert statuses(await post(poll, 2)) == ["missing", "kept"]
    assert await types_on_board(poll) == AFTER_THE_CLOSE
    assert statuses(await post(poll, 1)) == ["published", "published"]
    assert await types_on_board(poll) == AT_THE_END


async def test_a_forged_factor_with_a_valid_proof_does_not_block_the_election(stage: Stage) -> None:
    """Both are asked again; the honest trustee is cleared, and the other one's honest share ends the matter."""
    poll = await closed(stage)
    await post(poll, 1)
    forged = forge(poll.definition, poll.trustees[1].private_key, await encrypted(poll))
    assert statuses(await send(poll, 2, forged)) == ["unusable", "unusable"]
    assert statuses(await post(poll, 1)) == ["kept", "unusable"]
    again = forge(poll.definition, poll.trustees[1].private_key, await encrypted(poll))
    assert statuses(await send(poll, 2, again)) == ["kept", "unusable"]
    assert await types_on_board(poll) == AFTER_THE_CLOSE
    assert statuses(await post(poll, 2)) == ["published", "published"]
    await poll.become(State.DECRYPTED)


async def test_a_share_whose_proofs_fail_is_refused_and_nothing_is_kept(stage: Stage) -> None:
    poll = await closed(stage)
    tally = await encrypted(poll)
    of_another = partial_decryption(tally, poll.definition, poll.trustees[1].private_key)
    async with refused(422, "invalid-partial-decryption"):
        await send(poll, 1, of_another)
    async with refused(422, "unknown-trustee"):
        await send(poll, 3, of_another)
    async with refused(422, "invalid-partial-decryption"):
        await send(poll, 1, b"{}")
    assert statuses(await poll.stage.result.read_tally(poll.uuid)) == ["missing", "missing"]


async def test_a_share_after_the_result_is_refused(decrypted: Poll) -> None:
    async with refused(409, "decrypted"):
        await post(decrypted, 1)
    assert await types_on_board(decrypted) == AT_THE_END


async def test_fewer_than_five_ballots_are_decrypted_only_when_that_is_confirmed(stage: Stage) -> None:
    poll = await closed(stage, voters=4)
    async with refused(409, "decryption-unconfirmed"):
        await post(poll, 1)
    await stage.world.election.confirm_decryption(poll.id, bearer=stage.token)
    await post(poll, 1)
    await post(poll, 2)
    await poll.become(State.DECRYPTED)


async def test_no_tally_is_shown_while_ballots_arrive(stage: Stage) -> None:
    """A product that changes with every ballot would say which one it was."""
    poll = await stage.opened(3, questions=[QUESTION])
    await poll.cast(0, [[1, 0, 0]])

    async def followed() -> bool:
        return bool(await stage.world.fetch("SELECT 1 FROM result.tallies WHERE uuid = $1 AND counted = 1", poll.uuid))

    await eventually(followed)
    tally = await stage.result.read_tally(poll.uuid)
    assert (tally.status, tally.counted, tally.total_weight) == ("following", 0, 0)
    assert tally.encrypted_tally is None
    assert tally.encrypted_tally_hash is None


@pytest.mark.parametrize("file", ["result", "result.csv", "archive"])
async def test_before_the_result_there_is_none_to_read(stage: Stage, file: str) -> None:
    poll = await stage.opened(3, questions=[QUESTION])
    async with httpx.AsyncClient() as client:
        for uuid in (poll.uuid, "1" * 22):
            answer = await client.get(f"{stage.system.url('result')}/v1/elections/{uuid}/{file}")
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


async def test_the_table_can_be_opened_in_a_spreadsheet(decrypted: Poll) -> None:
    rows = list(csv.reader(io.StringIO(await decrypted.stage.result.export_result(decrypted.uuid))))
    assert rows[1:] == [["'=Who?", "Ann", "2"], ["'=Who?", "Ben", "2"], ["'=Who?", "(blank)", "1"]]


async def read_archive(poll: Poll, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        url = f"{poll.stage.system.url('result')}/v1/elections/{poll.uuid}/archive"
        return await client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_belenios_tool_accepts_the_archive(decrypted: Poll, belenios_tool: Tool, tmp_path: Path) -> None:
    archive = await read_archive(decrypted)
    result = await decrypted.stage.result.read_result(decrypted.uuid)
    assert len(archive.content) == result.archive_bytes
    (tmp_path / f"{decrypted.uuid}.bel").write_bytes(archive.content)
    belenios_tool("election", "verify", cwd=tmp_path)


async def test_a_part_of_the_archive_can_be_downloaded(decrypted: Poll) -> None:
    whole = (await read_archive(decrypted)).content
    part = await read_archive(decrypted, range="bytes=1000-1999")
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    beyond = await read_archive(decrypted, range=f"bytes={len(whole)}-")
    assert (beyond.status_code, beyond.json()["type"]) == (416, "urn:uvote:problem:range-not-satisfiable")


async def test_a_killed_service_goes_on_where_it_was(stage: Stage) -> None:
    poll = await closed(stage)
    await post(poll, 1)
    stage.system.kill("result")
    await stage.system.ended("result")
    await stage.system.start("result")
    assert statuses(await stage.result.read_tally(poll.uuid)) == ["kept", "missing"]
    await post(poll, 2)
    await poll.become(State.DECRYPTED)
