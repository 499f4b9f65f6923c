"""The encrypted tally holds the last ballot of each credential and nothing else, however the board is read."""

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from services.ballot.contract import FullEvent
from services.result.counting import BrokenBoard, Position, apply, change_of, digest, read_page
from services.voting.archive import Event, record_hash
from services.voting.ballot import Ballot, make_ballot, parse_ballot
from services.voting.credential import derive_code
from services.voting.election import Election, generate_uuid, render_election
from services.voting.group import group_by_name
from services.voting.question import HomomorphicQuestion
from services.voting.tally import EncryptedTally
from services.voting.trustee import generate_private_key

SETUP = Event(None, 0, "Setup", "0" * 64)
START = Position(0, SETUP.hash, ended=False, ballots=0)


@cache
def election() -> Election:
    group = group_by_name("BELENIOS-2048")
    question = HomomorphicQuestion(answers=("yes", "no"), blank=False, minimum=1, maximum=1, text="?")
    raw = render_election(
        name="Test",
        description="",
        uuid=generate_uuid(),
        public_key=group.g_power(generate_private_key(group)),
        questions=[question],
    )
    return Election.parse(raw)


@cache
def ballot(voter: int, number: int) -> bytes:
    code = derive_code(b"secret" * 6, str(voter))
    return make_ballot(election(), code, [[1, 0] if number % 2 else [0, 1]])


def board(*casts: tuple[int, int], end: bool = True) -> Iterator[FullEvent]:
    parent = SETUP
    for voter, number in casts:
        raw = ballot(voter, number)
        parent = Event(parent.hash, parent.height + 1, "Ballot", record_hash(raw))
        yield FullEvent(height=parent.height, event=parent.render().decode(), data=[raw.decode()])
    if end:
        last = Event(parent.hash, parent.height + 1, "EndBallots", None)
        yield FullEvent(height=last.height, event=last.render().decode(), data=[])


def count(events: list[FullEvent], page: int, weights: dict[bytes, int]) -> tuple[Position, EncryptedTally]:
    """Follows the board page by page, as the service does."""
    position, tally = START, EncryptedTally.empty(election())
    counted: dict[bytes, tuple[int, Ballot]] = {}
    for begin in range(0, len(events), page):
        reading = read_page(position, events[begin : begin + page])
        change = change_of(reading, {credential: height for credential, (height, _) in counted.items()})
        replaced = {credential: counted[credential][1] for credential in change.remove}
        tally = apply(tally, change, replaced, weights)
        counted |= {credential: (cast.height, cast.ballot) for credential, cast in change.add.items()}
        position = reading.position
    return position, tally


CASTS = [(1, 1), (2, 1), (1, 2), (3, 2), (1, 3), (2, 4)]


@pytest.mark.parametrize("page", [1, 2, 3, 100])
def test_the_tally_is_the_product_of_the_last_ballots_however_many_are_read_at_a_time(page: int) -> None:
    weights = {digest(parse_ballot(ballot(2, 1)).credential): 5}
    position, tally = count(list(board(*CASTS)), page, weights)
    expected = EncryptedTally.empty(election())
    expected.add(parse_ballot(ballot(1, 3)))
    expected.add(parse_ballot(ballot(2, 4)), 5)
    expected.add(parse_ballot(ballot(3, 2)))
    assert tally.render() == expected.render()
    assert (tally.num_tallied, tally.total_weight) == (3, 7)
    assert position == Position(7, position.head, ended=True, ballots=6)


def test_nothing_after_the_end_of_ballots_is_read() -> None:
    events = list(board((1, 1)))
    end = Event.parse(events[-1].event.encode())
    late = Event(end.hash, end.height + 1, "Ballot", record_hash(ballot(2, 1)))
    events.append(FullEvent(height=late.height, event=late.render().decode(), data=[ballot(2, 1).decode()]))
    reading = read_page(START, events)
    assert [cast.height for cast in reading.ballots] == [1]
    assert reading.position.ended


def _dropped(events: list[FullEvent]) -> list[FullEvent]:
    return [events[0], *events[2:]]


def _swapped(events: list[FullEvent]) -> list[FullEvent]:
    return [events[1], events[0], *events[2:]]


def _other_ballot(events: list[FullEvent]) -> list[FullEvent]:
    return [events[0].model_copy(update={"data": [ballot(9, 1).decode()]}), *events[1:]]


def _no_ballot(events: list[FullEvent]) -> list[FullEvent]:
    return [events[0].model_copy(update={"data": []}), *events[1:]]


def _other_type(events: list[FullEvent]) -> list[FullEvent]:
    event = Event(SETUP.hash, 1, "Result", hashlib.sha256(b"{}").hexdigest())
    return [FullEvent(height=1, event=event.render().decode(), data=["{}"])]


@pytest.mark.parametrize("forge", [_dropped, _swapped, _other_ballot, _no_ballot, _other_type])
def test_a_board_that_does_not_continue_is_not_counted(forge: Any) -> None:
    events = list(board((1, 1), (2, 1), (3, 1)))
    with pytest.raises(BrokenBoard):
        read_page(START, forge(events))
