"""Trustees: keys with proofs, alone or any t of n."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.voting.archive import ArchiveReader
from services.voting.canonical import render_json
from services.voting.group import BELENIOS_2048
from services.voting.trustee import (
    InvalidTrustee,
    check_public_key,
    generate_private_key,
    parse_private_key,
    parse_trustees,
    public_key_record,
    render_private_key,
    render_trustees,
)

GROUP = BELENIOS_2048
VECTORS = Path(__file__).parents[2] / "vectors"


def trustees_of(name: str) -> bytes:
    """The trustees' record of an archive."""
    with (VECTORS / f"{name}.bel").open("rb") as stream:
        reader = ArchiveReader(stream)
        return reader.read(next(iter(reader)).data[1])


def test_a_record_is_accepted_with_its_proof() -> None:
    private = generate_private_key(GROUP)
    record = public_key_record(private, GROUP, "Zo\u00eb")
    assert list(record) == ["pok", "public_key", "name"]
    assert check_public_key(record, GROUP) == GROUP.g_power(private)
    assert "name" not in public_key_record(private, GROUP)


def test_the_election_key_is_the_product_and_owners_count_from_one() -> None:
    keys = [generate_private_key(GROUP) for _ in range(3)]
    raw = render_trustees([public_key_record(key, GROUP, str(key % 10)) for key in keys])
    trustees = parse_trustees(raw, GROUP)
    assert trustees.public_key == GROUP.g_power(sum(keys) % GROUP.q)
    assert trustees.size == 3
    assert trustees.public_keys == {owner: GROUP.g_power(key) for owner, key in enumerate(keys, start=1)}


def test_a_key_that_cancels_another_has_no_proof() -> None:
    """The last trustee to publish could otherwise choose the election's key alone."""
    honest = public_key_record(generate_private_key(GROUP), GROUP)
    mine = GROUP.g_power(generate_private_key(GROUP))
    rogue = GROUP.multiply(mine, GROUP.inverse(GROUP.parse(honest["public_key"])))
    with pytest.raises(InvalidTrustee):
        check_public_key({**honest, "public_key": GROUP.text(rogue)}, GROUP)


@pytest.mark.parametrize(
    "changes",
    [
        {"public_key": "1"},
        {"public_key": "0"},
        {"public_key": str(GROUP.p - 1)},
        {"public_key": 4},
        {"pok": None},
        {"pok": {"challenge": "1", "response": "1"}},
        {"pok": {"challenge": "1"}},
        {"name": 7},
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidTrustee):
        check_public_key({**public_key_record(5, GROUP), **changes}, GROUP)


@pytest.mark.parametrize("record", [None, [], "x", {}, 7])
def test_what_is_no_record_is_refused(record: object) -> None:
    with pytest.raises(InvalidTrustee):
        check_public_key(record, GROUP)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"[[]]", b'[["Single"]]', b'[["Couple",{}]]', b'[["Pedersen",{}]]', b"[" * 10**6]
)
def test_what_is_no_list_of_trustees_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidTrustee):
        parse_trustees(raw, GROUP)


def test_the_key_file_is_a_json_string_of_the_decimal() -> None:
    private = generate_private_key(GROUP)
    assert render_private_key(private) == f'"{private}"'.encode()
    assert parse_private_key(render_private_key(private), GROUP) == private
    assert parse_private_key(f'"{private}"\n'.encode(), GROUP) == private


@pytest.mark.parametrize("raw", [b"", b"7", b'"x"', b'"-1"', f'"{GROUP.q}"'.encode(), b"\x00\x01", b'{"key":"1"}'])
def test_what_is_no_key_file_is_refused_without_being_quoted(raw: bytes) -> None:
    with pytest.raises(InvalidTrustee) as caught:
        parse_private_key(raw, GROUP)
    assert GROUP.text(GROUP.q) not in str(caught.value)


@pytest.mark.parametrize("name", ["threshold_old_format", "ok_threshold_superset"])
def test_groups_of_trustees_are_read_in_both_forms(name: str) -> None:
    trustees = parse_trustees(trustees_of(name), GROUP)
    assert trustees.size == len(trustees.public_keys) >= 3


def changed_leaves(value: Any) -> "list[Any]":
    """Copies in which one text has another last character, at every place."""
    if isinstance(value, str):
        return [value[:-1] + ("1" if value[-1] != "1" else "2")]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, list):
        return [[*value[:i], new, *value[i + 1 :]] for i, item in enumerate(value) for new in changed_leaves(item)]
    return [{**value, key: new} for key, item in value.items() for new in changed_leaves(item)]


@pytest.mark.parametrize("name", ["threshold_old_format", "ok_threshold_superset"])
def test_every_text_of_a_group_of_trustees_matters(name: str) -> None:
    """Names apart, which nothing can prove."""
    value = json.loads(trustees_of(name))
    kinds = [place for place, (kind, _) in enumerate(value) if kind == "Pedersen"]
    assert kinds
    for place in kinds:
        changes = changed_leaves({key: item for key, item in value[place][1].items() if key != "name"})
        assert len(changes) > 20
        for changed in changes:
            raw = render_json([*value[:place], ["Pedersen", changed], *value[place + 1 :]])
            with pytest.raises(InvalidTrustee):
                parse_trustees(raw, GROUP)


def test_a_verification_key_must_follow_from_the_coefficients() -> None:
    """A key of somebody's own, with a good proof, in the place of a member's."""
    value = json.loads(trustees_of("threshold_old_format"))
    group_of_trustees = next(item for kind, item in value if kind == "Pedersen")
    group_of_trustees["verification_keys"][1] = public_key_record(generate_private_key(GROUP), GROUP)
    with pytest.raises(InvalidTrustee, match="does not follow"):
        parse_trustees(render_json(value), GROUP)


def test_the_superset_form_is_of_these_trustees_only() -> None:
    """Leaving out a member and what belongs to it leaves signatures about a larger group."""
    value = json.loads(trustees_of("ok_threshold_superset"))
    group_of_trustees = next(item for kind, item in value if kind == "Pedersen")
    for member in ("certs", "coefexps", "signatures", "verification_keys"):
        group_of_trustees[member] = group_of_trustees[member][:-1]
    with pytest.raises(InvalidTrustee):
        parse_trustees(render_json(value), GROUP)
