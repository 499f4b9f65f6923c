"""The audit chain shows every way of tampering with it."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from services.election.audit import BrokenChain, canonical, chain, verify_chain
from services.election.contract import AuditRecord

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def a_log(length: int = 5) -> list[str]:
    records: list[AuditRecord] = []
    for number in range(length):
        last = records[-1] if records else None
        facts = {"revision": number, "reason": "Größer ✓\u2028", "nested": {"b": [1, "x"], "a": None}}
        records.append(chain(last, at=AT, actor="organiser:A", action="replace_draft", facts=facts))
    return [canonical(record) for record in records]


def edit(line: str, **changes: object) -> str:
    """The line with other members, and a hash that fits them."""
    members = {**json.loads(line), **changes}
    hashed = {name: value for name, value in members.items() if name != "hash"}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    members["hash"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def broken_at(log: list[str]) -> int:
    with pytest.raises(BrokenChain) as caught:
        verify_chain(log)
    return caught.value.number


def test_an_untouched_log_verifies_and_ends_in_the_hash_of_its_last_record() -> None:
    log = a_log()
    assert verify_chain(log) == json.loads(log[-1])["hash"]
    assert verify_chain(f"{line}\n" for line in log) == json.loads(log[-1])["hash"]
    assert verify_chain([]) is None


def test_the_hash_is_that_of_the_canonical_json_without_it() -> None:
    line = a_log(1)[0]
    assert edit(line) == line


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": {}},
        {"actor": "organiser:B"},
        {"action": "seal_election"},
        {"at": "2026-11-20T09:00:01Z"},
        {"previous": None},
        {"hash": "0" * 64},
    ],
)
def test_a_record_that_was_changed_is_found(changes: dict[str, object]) -> None:
    log = a_log()
    members = {**json.loads(log[2]), **changes}
    log[2] = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert broken_at(log) == 3


def test_a_record_that_was_changed_together_with_its_hash_breaks_the_next() -> None:
    log = a_log()
    log[2] = edit(log[2], facts={})
    assert broken_at(log) == 4


def test_a_record_that_was_taken_out_is_found() -> None:
    log = a_log()
    assert broken_at(log[:1] + log[2:]) == 2
    assert broken_at(log[1:]) == 1


def test_a_record_that_was_put_in_is_found() -> None:
    log = a_log()
    log.insert(3, edit(log[3], action="seal_election"))
    assert broken_at(log) == 5


def test_a_record_that_is_doubled_or_moved_is_found() -> None:
    log = a_log()
    assert broken_at([*log[:2], *log[1:]]) == 3
    assert broken_at([log[0], log[2], log[1], *log[3:]]) == 2


def test_records_missing_at_the_end_show_in_the_last_hash() -> None:
    log = a_log()
    assert verify_chain(log[:-1]) != verify_chain(log)


@pytest.mark.parametrize("line", ["", "{}", "null", "[1]", "{"])
def test_a_line_that_is_no_record_is_found(line: str) -> None:
    log = a_log()
    log[1] = line
    assert broken_at(log) == 2


def test_another_spelling_of_the_same_record_is_found() -> None:
    log = a_log()
    log[1] = json.dumps(json.loads(log[1]))
    assert broken_at(log) == 2
