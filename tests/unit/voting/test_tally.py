"""The tally counts what it should in any order, and the result is what the trustees' factors open it to."""

import json
import random
from pathlib import Path

import pytest

from services.voting.archive import record_hash
from services.voting.ballot import parse_ballot
from services.voting.canonical import parse_json, render_json
from services.voting.decryption import decode_ranks
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.tally import (
    CountNotFound,
    EncryptedTally,
    InvalidDecryption,
    InvalidTally,
    check_partial_decryption,
    combine,
    partial_decryption,
    render_result,
    render_sized,
    suspects,
)
from tests.voting_archives.builder import BuiltElection
from tests.voting_archives.forging import forge

GROUP = BELENIOS_2048
PICK = HomomorphicQuestion("pick", ("a", "b"), 0, 2)
WEIGHTS = (1, 2, 5, 0)
VOTES = ([1, 0], [0, 1], [1, 1], [1, 1])


@pytest.fixture(scope="module")
def built() -> BuiltElection:
    election = BuiltElection([PICK], weights=WEIGHTS, trustees=2)
    for voter, bits in enumerate(VOTES):
        election.cast(election.make_ballot(voter, bits))
    return election


@pytest.fixture(scope="module")
def tally_raw(built: BuiltElection) -> bytes:
    return built.tally.render()


@pytest.fixture(scope="module")
def partials(built: BuiltElection, tally_raw: bytes) -> dict[int, bytes]:
    return {
        owner: partial_decryption(tally_raw, built.election, key)
        for owner, key in enumerate(built.private_keys, start=1)
    }


def test_counts_are_the_sums_of_the_weights(built: BuiltElection, tally_raw: bytes, partials: dict[int, bytes]) -> None:
    for owner, raw in partials.items():
        check_partial_decryption(raw, tally_raw, built.election, built.trustees.public_keys[owner])
    counts = combine(built.election, built.trustees, tally_raw, built.tally.total_weight, partials)
    assert counts == [[1 + 5, 2 + 5]]
    assert (built.tally.num_tallied, built.tally.total_weight) == (4, 8)


def test_the_order_of_the_ballots_does_not_matter(built: BuiltElection, tally_raw: bytes) -> None:
    ballots = [(parse_ballot(raw), built.weights[parse_ballot(raw).credential]) for raw in built._last.values()]
    random.Random(7).shuffle(ballots)
    tally = EncryptedTally.empty(built.election)
    for ballot, weight in ballots:
        tally.add(ballot, weight)
    assert tally.render() == tally_raw


def test_removing_undoes_adding(built: BuiltElection, tally_raw: bytes) -> None:
    tally = EncryptedTally.parse(tally_raw, built.election, 4, 8)
    for weight in (1, 5, 0):
        ballot = parse_ballot(built.make_ballot(0, [1, 1]))
        tally.add(ballot, weight)
        assert tally.num_tallied == 5
        tally.remove(ballot, weight)
    assert tally.render() == tally_raw
    assert (tally.num_tallied, tally.total_weight) == (4, 8)


def test_merging_is_adding_all_ballots(built: BuiltElection, tally_raw: bytes) -> None:
    merged = EncryptedTally.empty(built.election)
    for raw in built._last.values():
        part = EncryptedTally.empty(built.election)
        part.add(parse_ballot(raw), built.weights[parse_ballot(raw).credential])
        merged.merge(part.ciphertexts, part.num_tallied, part.total_weight)
    assert merged.render() == tally_raw
    assert merged.total_weight == 8


def test_an_empty_tally_counts_zero(built: BuiltElection) -> None:
    raw = EncryptedTally.empty(built.election).render()
    assert raw == b'[[{"alpha":"1","beta":"1"},{"alpha":"1","beta":"1"}]]'
    partials = {
        owner: partial_decryption(raw, built.election, key) for owner, key in enumerate(built.private_keys, start=1)
    }
    assert combine(built.election, built.trustees, raw, 0, partials) == [[0, 0]]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw + b" ",
        lambda _: b"[]",
        lambda _: b"[[]]",
        lambda raw: raw.replace(b'"alpha":"', b'"alpha":"0', 1),
        lambda _: b'[[{"alpha":"1","beta":"0"},{"alpha":"1","beta":"1"}]]',
        lambda _: f'[[{{"alpha":"{GROUP.p - 1}","beta":"1"}},{{"alpha":"1","beta":"1"}}]]'.encode(),
        lambda raw: raw[:-1],
    ],
)
def test_a_tally_that_is_not_canonical_or_not_in_the_group_is_refused(
    built: BuiltElection, tally_raw: bytes, change: object
) -> None:
    """A trustee who decrypted a number of small order would tell the key modulo that order."""
    assert callable(change)
    changed = change(tally_raw)
    with pytest.raises(InvalidTally):
        EncryptedTally.parse(changed, built.election, 0, 0)
    with pytest.raises(InvalidDecryption):
        partial_decryption(changed, built.election, built.private_keys[0])


def test_every_number_of_a_partial_decryption_matters(
    built: BuiltElection, tally_raw: bytes, partials: dict[int, bytes]
) -> None:
    value, key = json.loads(partials[1]), built.trustees.public_keys[1]
    for place in range(2):
        for member in ("challenge", "response"):
            changed = json.loads(partials[1])
            proof = changed["decryption_proofs"][0][place]
            proof[member] = str((int(proof[member]) + 1) % GROUP.q)
            with pytest.raises(InvalidDecryption):
                check_partial_decryption(render_json(changed), tally_raw, built.election, key)
        changed = json.loads(partials[1])
        changed["decryption_factors"][0][place] = value["decryption_factors"][0][1 - place]
        with pytest.raises(InvalidDecryption):
            check_partial_decryption(render_json(changed), tally_raw, built.election, key)
        changed["decryption_factors"][0][place] = str(GROUP.p - int(value["decryption_factors"][0][place]))
        with pytest.raises(InvalidDecryption):
            check_partial_decryption(render_json(changed), tally_raw, built.election, key)
    with pytest.raises(InvalidDecryption):
        check_partial_decryption(partials[1], tally_raw, built.election, built.trustees.public_keys[2])


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"decryption_factors":[],"decryption_proofs":[]}', b"[" * 10**6])
def test_what_is_no_partial_decryption_is_refused(built: BuiltElection, tally_raw: bytes, raw: bytes) -> None:
    with pytest.raises(InvalidDecryption):
        check_partial_decryption(raw, tally_raw, built.election, built.trustees.public_keys[1])


def test_every_trustee_is_needed(built: BuiltElection, tally_raw: bytes, partials: dict[int, bytes]) -> None:
    with pytest.raises(InvalidDecryption, match="trustee 2 is missing"):
        combine(built.election, built.trustees, tally_raw, 8, {1: partials[1]})


def test_a_forged_factor_passes_its_proof_and_is_found_at_the_count(
    built: BuiltElection, tally_raw: bytes, partials: dict[int, bytes]
) -> None:
    forged = forge(built.election, built.private_keys[1], tally_raw)
    check_partial_decryption(forged, tally_raw, built.election, built.trustees.public_keys[2])
    with pytest.raises(CountNotFound) as caught:
        combine(built.election, built.trustees, tally_raw, 8, {**partials, 2: forged})
    assert (caught.value.question, caught.value.answer) == (1, 1)


def test_whoever_arrives_at_the_same_factors_again_is_cleared(
    built: BuiltElection, tally_raw: bytes, partials: dict[int, bytes]
) -> None:
    """The forger can decrypt again as often as he likes: the wrong factor has no second proof."""
    again = {
        owner: partial_decryption(tally_raw, built.election, key)
        for owner, key in enumerate(built.private_keys, start=1)
    }
    forged = forge(built.election, built.private_keys[1], tally_raw)
    assert suspects({1: [partials[1]], 2: [forged]}) == [1, 2]
    assert suspects({1: [partials[1], partials[1]], 2: [forged]}) == [1, 2]
    assert suspects({1: [partials[1], again[1]], 2: [forged, forged]}) == [2]
    assert suspects(
        {1: [partials[1], again[1]], 2: [forged, forge(built.election, built.private_keys[1], tally_raw)]}
    ) == [2]
    assert suspects({1: [partials[1], again[1]], 2: [forged, partials[2], again[2]]}) == []


def test_a_count_up_to_a_thousand_million_is_found(built: BuiltElection) -> None:
    from services.voting.decryption import _CountSearch

    search = _CountSearch(GROUP, 10**9)
    for count in (0, 1, 31622, 31623, 123_456_789, 10**9):
        assert search.find(GROUP.g_power(count)) == count
    assert search.find(GROUP.g_power(10**9 + 1)) is None
    assert search.find(GROUP.g_power(GROUP.q - 1)) is None


def test_the_size_names_ballots_weight_and_record() -> None:
    tally_hash = record_hash(b"[]")
    assert parse_json(render_sized(3, 7, tally_hash)) == {
        "num_tallied": 3,
        "total_weight": 7,
        "encrypted_tally": tally_hash,
    }
    assert parse_json(render_sized(3, 2**30, tally_hash))["total_weight"] == str(2**30)


def test_large_counts_are_strings_and_ranks_are_lists() -> None:
    assert render_result([[1, 2**30], [[1, 2], [2, 1]]]) == b'{"result":[[1,"1073741824"],[[1,2],[2,1]]]}'


def test_ranks_are_the_low_bytes_above_the_padding() -> None:
    packed = (1 << 16 | 2 << 8 | 3) << 8 | 77
    assert decode_ranks(packed, 3) == [1, 2, 3]
    assert decode_ranks(packed + 2**2000, 3) == [1, 2, 3]


def test_our_tally_of_the_vectors_is_byte_for_byte_theirs() -> None:
    """Four archives by another program: the verifier compares with what it would have written itself."""
    from services.voting.verify import verify

    for name in ("ok_single", "ok_two_single", "ok_weighted", "ok_threshold_superset"):
        with (Path(__file__).parents[2] / "vectors" / f"{name}.bel").open("rb") as stream:
            assert verify(stream).checks["encrypted tally"] == "passed"
