"""`uvote trustee`: keys and shares that belenios-tool and `result` take, and refusals that keep a trustee safe."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.election.contract import State
from services.result.contract import PartialDecryption
from services.voting.archive import record_hash, render_owned
from services.voting.canonical import render_json
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.trustee import parse_private_key, public_key_record, render_private_key
from tests.chaos.decryption import insist
from tests.journeys.elections import Stage, make_stage
from tests.service.harness import System
from tests.voting_archives.builder import BuiltElection
from tests.voting_archives.tool_election import ToolElection

DONE, REFUSED, UNUSABLE = 0, 1, 2
PICK = HomomorphicQuestion("pick", ("a", "b", "c"), 1, 1)


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    complained: str


def trustee(*arguments: str | Path) -> Ended:
    command = (sys.executable, "-m", "services.uvote", "trustee", *arguments)
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return Ended(done.returncode, done.stdout, done.stderr)


def assert_sentence(ended: Ended, code: int, *words: str) -> None:
    """It ended so, for a reason said in one line that has these words."""
    assert (ended.code, ended.said) == (code, "")
    assert ended.complained.startswith("uvote trustee: ")
    assert ended.complained.count("\n") == 1
    for word in words:
        assert word in ended.complained


def make_key(folder: Path) -> Path:
    file = folder / "private.key"
    ended = trustee("key", file)
    assert (ended.code, ended.complained) == (DONE, "")
    assert str(file) in ended.said
    return file


def secret_in(file: Path) -> int:
    return parse_private_key(file.read_bytes().strip(), BELENIOS_2048)


def test_a_key_is_its_owners_alone_and_never_written_over_another(tmp_path: Path) -> None:
    file = make_key(tmp_path)
    kept = file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    assert_sentence(trustee("key", file), UNUSABLE, str(file), "File exists")
    assert file.read_bytes() == kept
    (tmp_path / "other").mkdir()
    assert make_key(tmp_path / "other").read_bytes() != kept


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "private.key"
    said = trustee("key", file).said
    assert str(secret_in(file)) not in said


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "missing" / "private.key"
    assert_sentence(trustee("key", file), UNUSABLE, str(file), "No such file or directory")


def test_keys_and_shares_are_those_of_belenios_tool(tmp_path: Path) -> None:
    """Two trustees: one has a key of ours, the other one of the tool's. Each key works in both programs."""
    poll = ToolElection(tmp_path / "poll", "BELENIOS-2048", [PICK.to_json()])
    ours = make_key(tmp_path).rename(poll.folder / "ours.privkey")
    record = render_json(public_key_record(secret_in(ours), BELENIOS_2048))
    ours.with_suffix(".pubkey").write_bytes(record)
    poll.trustee_files.append(ours)
    poll.make_single_trustees(1)
    poll.open()
    for voter, vote in enumerate([[1, 0, 0], [0, 1, 0], [0, 1, 0]]):
        poll.cast(voter, [vote])
    poll.close()
    for owner, key in enumerate(poll.trustee_files, start=1):
        poll.run("election", "decrypt", "--privkey", key.name, "--trustee-id", str(owner))
        ended = trustee("decrypt", poll.path, key)
        assert (ended.code, ended.complained) == (DONE, "")
        share = PartialDecryption.model_validate_json(ended.said)
        assert share.owner == owner
        poll.append("PartialDecryption", as_the_tool_prints_it(share))
    assert json.loads(poll.publish()) == {"result": [[1, 2, 0]]}
    poll.run("election", "verify")


def as_the_tool_prints_it(share: PartialDecryption) -> str:
    """The two records that `election decrypt` prints, too."""
    record = share.partial_decryption.encode()
    return f"{share.partial_decryption}\n{render_owned(share.owner, record_hash(record)).decode()}\n"


@dataclass(frozen=True)
class Built:
    """An election with its archive, and the key of its second trustee."""

    election: BuiltElection
    archive: Path
    key: Path


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """With one ballot; the board has not ended."""
    election = BuiltElection([PICK], trustees=2)
    election.cast(election.make_ballot(0, [1, 0, 0]))
    key = tmp_path / "private.key"
    key.write_bytes(render_private_key(election.private_keys[1]))
    return Built(election, election.write(tmp_path / "poll"), key)


def closed(built: Built) -> Built:
    built.election.close()
    built.election.write(built.archive.parent)
    return built


def test_nothing_is_decrypted_before_the_tally(built: Built) -> None:
    assert_sentence(trustee("decrypt", built.archive, built.key), REFUSED, "no tally yet")


def test_nothing_is_decrypted_of_an_archive_that_is_rejected(built: Built) -> None:
    """Here the tally is not that of the ballots: it is that of one ballot alone, which it would open."""
    election = built.election
    alone = election.tally.render()
    election.cast(election.make_ballot(1, [0, 1, 0]))
    election.tally = type(election.tally).parse(alone, election.election, 1, 1)
    ended = trustee("decrypt", closed(built).archive, built.key)
    assert_sentence(ended, REFUSED, "rejected", "event 4")


def test_a_key_of_somebody_else_is_refused(built: Built, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    foreign = make_key(tmp_path / "elsewhere")
    assert_sentence(trustee("decrypt", closed(built).archive, foreign), REFUSED, "not that of a trustee")


@pytest.mark.parametrize("content", ["", "null", '"12', '"-5"', "{}", '"' + "9" * 700 + '"', "\x00\xff"])
def test_a_file_that_holds_no_key_is_named_as_such(built: Built, content: str) -> None:
    built.key.write_text(content)
    assert_sentence(trustee("decrypt", built.archive, built.key), UNUSABLE)


def test_files_that_cannot_be_read_are_named(built: Built, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert_sentence(trustee("decrypt", missing, built.key), UNUSABLE, str(missing))
    assert_sentence(trustee("decrypt", built.archive, missing), UNUSABLE, str(missing))
    assert_sentence(trustee("decrypt", tmp_path, built.key), UNUSABLE, str(tmp_path))
    assert_sentence(trustee("decrypt", built.key, built.key), UNUSABLE)


def test_a_share_is_never_written_over_anything(built: Built, tmp_path: Path) -> None:
    """Least of all over the key."""
    kept = built.key.read_bytes()
    ended = trustee("decrypt", closed(built).archive, built.key, "--out", built.key)
    assert_sentence(ended, UNUSABLE, str(built.key), "File exists")
    assert built.key.read_bytes() == kept
    share = tmp_path / "share.json"
    assert trustee("decrypt", built.archive, built.key, "--out", share).code == DONE
    assert PartialDecryption.model_validate_json(share.read_text()).owner == 2


@pytest.fixture
async def stage(system: System) -> AsyncIterator[Stage]:
    async with make_stage(system) as stage:
        yield stage


async def test_the_share_is_taken_by_result(stage: Stage, tmp_path: Path) -> None:
    poll = await stage.opened(5)
    for voter in range(5):
        await poll.cast(voter, [[0, 1, 0, 0, 0, 0], [0, 0, 0, 1]])
    await poll.close()
    archive, key, share = (tmp_path / name for name in ("poll.bel", "private.key", "share.json"))
    async with stage.ballot.download_archive(poll.uuid) as response:
        archive.write_bytes(await response.aread())
    key.write_bytes(render_private_key(poll.trustees[0].private_key))
    ended = await asyncio.to_thread(trustee, "decrypt", archive, key, "--out", share)
    assert (ended.code, ended.complained) == (DONE, "")
    assert "5 ballots" in ended.said
    await insist(stage.result, poll.uuid, PartialDecryption.model_validate_json(share.read_text()))
    await poll.become(State.DECRYPTED)
    result = await stage.result.read_result(poll.uuid)
    assert [question.winners for question in result.questions] == [["Amina"], ["Robotics club"]]
