"""We and belenios-tool 2.0 accept each other's ballots, keys, tallies, decryptions, shuffles and whole archives."""

import io
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from services.voting.archive import ArchiveReader, record_hash, render_owned
from services.voting.ballot import check_election, check_proofs, check_signature, make_ballot, parse_ballot
from services.voting.canonical import render_json
from services.voting.credential import normalise_code, public_credential
from services.voting.election import Election
from services.voting.group import BELENIOS_2048, RFC_3526_2048
from services.voting.question import HomomorphicQuestion
from services.voting.tally import EncryptedTally, partial_decryption
from services.voting.trustee import parse_private_key, parse_trustees, render_private_key
from services.voting.verify import verify
from tests.voting_archives.builder import BuiltElection, Chain, chosen
from tests.voting_archives.remembering import remember_good_ballots
from tests.voting_archives.tool_election import ToolElection

VECTORS = Path(__file__).parents[1] / "vectors"
PICK = HomomorphicQuestion("pick", ("a", "b", "c"), 1, 1)
BLANK = HomomorphicQuestion("approve", ("a", "b"), 0, 2, blank=True)
RANK = {"type": "NonHomomorphic", "value": {"answers": ["a", "b", "c"], "question": "rank"}}
VOTES = [[[1, 0, 0], [0, 1, 1]], [[0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 0, 0]]]


@pytest.fixture(autouse=True)
def _remember_ballots(monkeypatch: pytest.MonkeyPatch) -> None:
    remember_good_ballots(monkeypatch)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> ToolElection:
    """An election of the tool with two trustees, open."""
    folder = tmp_path_factory.mktemp("tool")
    election = ToolElection(folder, "BELENIOS-2048", [PICK.to_json(), BLANK.to_json()])
    election.make_single_trustees(2)
    election.open()
    return election


def test_our_whole_election_is_accepted_by_the_tool(belenios_tool: Callable[..., object], tmp_path: Path) -> None:
    built = BuiltElection([PICK, BLANK], weights=(1, 3, 2, 1), trustees=3)
    for voter, vote in enumerate(VOTES):
        built.cast(built.make_ballot(voter, *vote))
    built.cast(built.make_ballot(0, *VOTES[1]))
    assert built.publish() == [[0, 4, 2], [4, 0, 0]]
    built.write(tmp_path)
    belenios_tool("election", "verify", "--dir", tmp_path)
    assert verify(io.BytesIO(built.chain.render())).complete


def test_the_tool_rejects_what_we_reject(belenios_tool: Callable[..., object], tmp_path: Path) -> None:
    """So its acceptance above means something."""
    built = BuiltElection()
    built.chain.append("Ballot", built.make_ballot(0, chosen(1)).replace(b'"response":"', b'"response":"1', 1))
    path = built.write(tmp_path)
    done = belenios_tool("election", "verify", "--dir", tmp_path, check=False)
    assert getattr(done, "returncode", 0) != 0
    assert not verify(io.BytesIO(path.read_bytes())).accepted


def test_codes_of_the_tool_are_codes_and_have_the_same_public_credential(tools: ToolElection) -> None:
    listed = json.loads((tools.folder / "public_creds.json").read_text())
    ours = {public_credential(normalise_code(code), tools.uuid, BELENIOS_2048) for code in tools.codes}
    assert ours == {line.split(",")[0] for line in listed}


def test_ballots_of_the_tool_are_accepted_and_it_counts_ours(tools: ToolElection) -> None:
    """Ballots by turns, closed, decrypted and counted by both: the same bytes, the same result."""
    election = Election.parse((tools.folder / "election.json").read_bytes().strip())
    trustees = parse_trustees((tools.folder / "trustees.json").read_bytes(), BELENIOS_2048)
    assert trustees.public_key == election.public_key
    tally = EncryptedTally.empty(election)
    for voter, vote in enumerate(VOTES):
        raw = tools.make_ballot(voter, vote).strip().encode() if voter else make_ballot(election, tools.codes[0], vote)
        ballot = parse_ballot(raw)
        check_election(ballot, election)
        check_signature(ballot, election)
        check_proofs(ballot, election)
        tally.add(ballot)
        tools.append("Ballot", raw.decode())
    tools.run("election", "verify")
    encrypted = tools.run("election", "compute-encrypted-tally").splitlines()[0]
    assert encrypted.encode() == tally.render()
    tools.close()
    key = parse_private_key(tools.trustee_files[0].read_bytes(), BELENIOS_2048)
    mine = partial_decryption(tally.render(), election, key)
    tools.append("PartialDecryption", f"{mine.decode()}\n{render_owned(1, record_hash(mine)).decode()}\n")
    second = tools.run("election", "decrypt", "--privkey", tools.trustee_files[1].name, "--trustee-id", "2")
    tools.append("PartialDecryption", second)
    assert tools.publish() == '{"result":[[1,1,1],[1,1,1]]}'
    tools.run("election", "verify")
    report = verify(io.BytesIO(tools.path.read_bytes()))
    assert report.complete, report.rejected


def test_the_tool_decrypts_with_our_key_file(belenios_tool: Callable[..., object], tmp_path: Path) -> None:
    built = BuiltElection(trustees=1)
    built.cast(built.make_ballot(0, chosen(2)))
    built.close()
    built.write(tmp_path)
    (tmp_path / "key").write_bytes(render_private_key(built.private_keys[0]))
    done = belenios_tool("election", "decrypt", "--privkey", tmp_path / "key", "--trustee-id", "1", cwd=tmp_path)
    partial, owned = str(getattr(done, "stdout", "")).splitlines()
    built.chain.append("PartialDecryption", partial.encode(), owned.encode())
    built.chain.append("Result", b'{"result":[[0,0,1,0,0]]}')
    assert verify(io.BytesIO(built.chain.render())).complete


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> ToolElection:
    """A complete election of the tool with a ranked and a plain question, two mixers."""
    election = ToolElection(tmp_path_factory.mktemp("ranked"), "RFC-3526-2048", [RANK, PICK.to_json()])
    election.make_single_trustees(2)
    election.open()
    for voter, ranks in enumerate(([1, 2, 3], [2, 1, 3], [3, 0, 255])):
        election.cast(voter, [ranks, chosen(voter, 3)])
    election.cast(0, [[1, 1, 1], [0, 1, 0]])
    election.close()
    election.shuffle(1, 2)
    election.decrypt()
    election.publish()
    election.run("election", "verify")
    return election


def test_ranked_elections_of_the_tool_are_accepted(ranked: ToolElection) -> None:
    report = verify(io.BytesIO(ranked.path.read_bytes()))
    assert report.complete, report.rejected
    assert report.result
    assert sorted(report.result[0]) == [[1, 1, 1], [2, 1, 3], [3, 0, 255]]
    assert report.result[1] == [0, 2, 1]
    assert report.checks["shuffles"] == "passed"


def events_of(path: Path) -> list[tuple[str, list[bytes]]]:
    """Types and data of the events of an archive."""
    with path.open("rb") as stream:
        reader = ArchiveReader(stream)
        return [(entry.event.type, [reader.read(record) for record in entry.data]) for entry in reader]


def archive_of(events: list[tuple[str, list[bytes]]]) -> bytes:
    chain = Chain()
    for kind, data in events:
        chain.append(kind, *data)
    return chain.render()


def numbers(value: object, path: tuple[object, ...] = ()) -> "list[tuple[object, ...]]":
    """Where in a JSON value texts stand."""
    if isinstance(value, str):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in numbers(item, (*path, key))]


def changed_at(value: object, path: tuple[object, ...]) -> object:
    if not path:
        return str(int(str(value)) + 1)
    if isinstance(value, dict):
        return {key: changed_at(item, path[1:]) if key == path[0] else item for key, item in value.items()}
    assert isinstance(value, list)
    return [changed_at(item, path[1:]) if index == path[0] else item for index, item in enumerate(value)]


def test_every_number_of_a_ranked_election_matters(ranked: ToolElection) -> None:
    """A sample of the numbers in ballots, shuffles and decryptions, each changed by one in an intact chain."""
    events = events_of(ranked.path)
    sample = random.Random(2)
    for place, (kind, data) in enumerate(events):
        if kind not in {"Ballot", "EncryptedTally", "Shuffle", "PartialDecryption"}:
            continue
        value = json.loads(data[0])
        paths = [path for path in numbers(value) if path[0] not in {"election_uuid", "election_hash", "signature"}]
        for path in sample.sample(paths, min(len(paths), 12 if kind == "Shuffle" else 4)):
            raw = render_json(changed_at(value, path))
            owned = kind in {"Shuffle", "PartialDecryption"}
            rest = [render_owned(json.loads(data[1])["owner"], record_hash(raw))] if owned else data[1:]
            report = verify(io.BytesIO(archive_of([*events[:place], (kind, [raw, *rest])])))
            assert report.rejected, (kind, path)
            assert report.rejected.height == place


def test_a_shuffle_that_drops_doubles_or_replaces_a_ballot_is_rejected(ranked: ToolElection) -> None:
    events = events_of(ranked.path)
    place = next(place for place, (kind, _) in enumerate(events) if kind == "Shuffle")
    value = json.loads(events[place][1][0])
    pairs = value["ciphertexts"][0]
    for changed in ([pairs[0], *pairs[:-1]], pairs[1:], pairs[::-1], [*pairs, pairs[0]], []):
        raw = render_json({**value, "ciphertexts": [changed]})
        tail = [("Shuffle", [raw, render_owned(1, record_hash(raw))])]
        report = verify(io.BytesIO(archive_of(events[:place] + tail)))
        assert report.rejected
        assert report.rejected.check == "shuffles"


def test_moving_or_dropping_events_of_a_ranked_election_is_noticed(ranked: ToolElection) -> None:
    """All orders of two neighbours, and all archives with one event left out (the last apart).

    The first ballot was replaced by the fourth, so nothing tells that it ever was there; EndBallots may be absent.
    """
    events = events_of(ranked.path)
    kinds = [kind for kind, _ in events]
    for place in range(len(events) - 1):
        dropped = verify(io.BytesIO(archive_of(events[:place] + events[place + 1 :])))
        assert dropped.accepted == (place == 1 or kinds[place] == "EndBallots"), kinds[place]
    for place in range(len(events) - 1):
        swapped = [*events[:place], events[place + 1], events[place], *events[place + 2 :]]
        report = verify(io.BytesIO(archive_of(swapped)))
        equivalent = kinds[place] == kinds[place + 1] and (kinds[place] in {"PartialDecryption", "Ballot"})
        assert report.accepted == equivalent, (place, kinds[place])


def test_ranks_are_encoded_only_where_the_group_allows_it(ranked: ToolElection) -> None:
    election = Election.parse(events_of(ranked.path)[0][1][0])
    assert election.group is RFC_3526_2048
    assert len(list(itertools.chain(election.questions))) == 2
    with pytest.raises(ValueError, match="not made here"):
        make_ballot(election, ranked.codes[0], [[1, 2, 3], [1, 0, 0]])


def test_threshold_trustees_of_the_tool_are_accepted(tmp_path: Path) -> None:
    election = ToolElection(tmp_path, "BELENIOS-2048", [PICK.to_json()])
    election.make_threshold_trustees(2, 3)
    election.open()
    election.cast(0, [[0, 1, 0]])
    election.close()
    election.decrypt_threshold(3, 1)
    assert election.publish() == '{"result":[[0,1,0]]}'
    election.run("election", "verify")
    report = verify(io.BytesIO(election.path.read_bytes()))
    assert report.complete, report.rejected
    assert (len(report.trustees), report.decrypted_by) == (3, [1, 3])


def test_fewer_threshold_trustees_than_needed_are_no_result(tmp_path: Path) -> None:
    """One of two is there, and the right result."""
    events = events_of(VECTORS / "ok_threshold_superset.bel")
    decryptions = [place for place, (kind, _) in enumerate(events) if kind == "PartialDecryption"]
    for place in decryptions:
        rejected = verify(io.BytesIO(archive_of(events[:place] + events[place + 1 :]))).rejected
        assert rejected
        assert rejected.check == "result"
