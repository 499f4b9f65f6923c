"""The definition of an election: frozen bytes, strictly read."""

import json
import pickle
from typing import Any

import pytest

from services.voting.canonical import base64_digest, render_json
from services.voting.election import Election, InvalidElection, generate_uuid, is_uuid, render_election
from services.voting.group import BELENIOS_2048, RFC_3526_2048
from services.voting.question import HomomorphicQuestion, NonHomomorphicQuestion, parse_question

QUESTION = HomomorphicQuestion("Who?", ("\u00c4da", "Ben"), 1, 1)
BLANK = HomomorphicQuestion("Who?", ("a",), 0, 1, blank=True)
RAW = render_election(
    name="N\u00e4me", description="d", uuid="kagvfzaf5hTSSH", public_key=BELENIOS_2048.g, questions=[QUESTION, BLANK]
)


def test_what_is_rendered_is_what_is_read() -> None:
    election = Election.parse(RAW)
    assert (election.name, election.description, election.uuid) == ("N\u00e4me", "d", "kagvfzaf5hTSSH")
    assert election.questions == (QUESTION, BLANK)
    assert election.public_key == BELENIOS_2048.g
    assert election.group is BELENIOS_2048


def test_members_stand_in_the_order_of_the_protocol() -> None:
    raw = render_election(
        name="n",
        description="d",
        uuid="u" * 22,
        public_key=4,
        questions=[BLANK],
        administrator="A",
        credential_authority="C",
    )
    assert raw == (
        b'{"version":1,"description":"d","name":"n","group":"BELENIOS-2048","public_key":"4","questions":'
        b'[{"answers":["a"],"blank":true,"min":0,"max":1,"question":"Who?"}],"uuid":"uuuuuuuuuuuuuuuuuuuuuu",'
        b'"administrator":"A","credential_authority":"C"}'
    )


def test_the_fingerprint_is_that_of_the_exact_bytes() -> None:
    pretty = json.dumps(json.loads(RAW), indent=1).encode()
    assert Election.parse(RAW).fingerprint == base64_digest(RAW)
    assert Election.parse(pretty).fingerprint == base64_digest(pretty) != base64_digest(RAW)


def test_members_that_nobody_knows_are_passed_over() -> None:
    value = json.loads(RAW)
    value["colour"] = {"nested": [1.5, None]}
    value["questions"][0]["hint"] = "h"
    assert Election.parse(render_json(value)).questions == (QUESTION, BLANK)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"version": True},
        {"version": "1"},
        {"uuid": "short"},
        {"uuid": "kagvfzaf5hTSSH0"},
        {"uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
        {"uuid": 7},
        {"name": None},
        {"description": 1},
        {"group": "MODP-1"},
        {"public_key": "0"},
        {"public_key": str(BELENIOS_2048.p - 1)},
        {"public_key": 4},
        {"questions": {}},
        {"questions": [7]},
        {"questions": [{"answers": [], "min": 0, "max": 1, "question": "q"}]},
        {"questions": [{"answers": ["a"], "min": 2, "max": 1, "question": "q"}]},
        {"questions": [{"answers": ["a"], "min": -1, "max": 1, "question": "q"}]},
        {"questions": [{"answers": ["a"], "min": 0, "max": 1e9, "question": "q"}]},
        {"questions": [{"answers": ["a"], "min": 0, "max": 10**30, "question": "q"}]},
        {"questions": [{"answers": ["a"], "min": 0, "max": 1, "blank": 1, "question": "q"}]},
        {"questions": [{"answers": [1], "min": 0, "max": 1, "question": "q"}]},
        {"questions": [{"type": "Lottery", "value": {}}]},
        {"questions": [{"type": "NonHomomorphic", "value": {"answers": ["a"], "question": "q"}}]},
    ],
)
def test_a_definition_that_breaks_a_rule_is_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidElection):
        Election.parse(render_json({**json.loads(RAW), **changes}))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 10**6, RAW[:-1]])
def test_what_is_no_definition_is_invalid(raw: bytes) -> None:
    with pytest.raises(InvalidElection):
        Election.parse(raw)


def test_ranked_questions_need_the_group_with_a_safe_prime() -> None:
    question = NonHomomorphicQuestion("q", ("a", "b"), {"method": "Schulze", "blank": True})
    value = json.loads(RAW) | {
        "questions": [question.to_json()],
        "group": RFC_3526_2048.name,
        "public_key": str(RFC_3526_2048.g),
    }
    assert Election.parse(render_json(value)).questions == (question,)
    assert parse_question(question.to_json()) == question


def test_uuids_are_long_and_unlike() -> None:
    uuids = {generate_uuid() for _ in range(100)}
    assert len(uuids) == 100
    assert all(is_uuid(uuid) and len(uuid) == 22 for uuid in uuids)


def test_an_election_travels_to_another_process_without_its_tables() -> None:
    election = Election.parse(RAW)
    small = len(pickle.dumps(election))
    assert election.y_power(1) == election.public_key
    assert len(pickle.dumps(election)) == small
    assert pickle.loads(pickle.dumps(election)).fingerprint == election.fingerprint  # noqa: S301 # made here
