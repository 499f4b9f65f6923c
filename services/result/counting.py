"""Counting without opening: how the events of a board change the encrypted tally.

- The tally holds the last ballot of each credential, multiplied by its weight, and nothing else.
- An event is taken only when it continues the chain: its parent is the head, its height the next one, and its payload
  the hash of the ballot that comes with it.
- The order in which events are read, and how many at a time, does not change the result.

Pure: values in, values out.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.ballot.contract import EventType, FullEvent
from services.voting.archive import Event
from services.voting.ballot import Ballot, parse_ballot
from services.voting.tally import EncryptedTally


class BrokenBoard(Exception):
    """The board does not continue what was read of it before."""


@dataclass(frozen=True)
class Position:
    """How far a board was read."""

    height: int
    head: str
    ended: bool
    ballots: int


@dataclass(frozen=True)
class CastBallot:
    """A ballot of the board, with the height of its event."""

    height: int
    credential: bytes  # SHA-256 of the decimal public credential
    ballot: Ballot


@dataclass(frozen=True)
class Reading:
    """A page of the board, checked against the chain: where it ends and which ballots it holds."""

    position: Position
    ballots: list[CastBallot]


def digest(credential: str) -> bytes:
    """How a public credential is named in the store."""
    return hashlib.sha256(credential.encode()).digest()


def read_page(position: Position, page: Iterable[FullEvent]) -> Reading:
    """Follows the chain through a page, up to EndBallots.

    Raises:
        BrokenBoard: an event does not continue the chain.
    """
    ballots: list[CastBallot] = []
    for full in page:
        event = _next_event(position, full)
        if event.type == EventType.BALLOT:
            ballots.append(_cast(event, full))
        elif event.type != EventType.END_BALLOTS:
            raise BrokenBoard(f"an event of type {event.type} stands among the ballots")
        ended = event.type == EventType.END_BALLOTS
        position = Position(event.height, event.hash, ended, position.ballots + (not ended))
        if ended:
            break
    return Reading(position, ballots)


def _next_event(position: Position, full: FullEvent) -> Event:
    event = Event.parse(full.event.encode())
    if (event.parent, event.height) != (position.head, position.height + 1):
        raise BrokenBoard(f"event {full.height} does not follow event {position.height}")
    return event


def _cast(event: Event, full: FullEvent) -> CastBallot:
    raw = full.data[0].encode() if len(full.data) == 1 else b""
    if hashlib.sha256(raw).hexdigest() != event.payload:
        raise BrokenBoard(f"event {event.height} does not hold the ballot that it names")
    ballot = parse_ballot(raw)
    return CastBallot(event.height, digest(ballot.credential), ballot)


@dataclass(frozen=True)
class Change:
    """What a page does to the tally: which ballots leave the product and which enter it."""

    remove: list[bytes]  # credentials whose ballot from an earlier page is replaced
    add: dict[bytes, CastBallot]  # the last ballot of each credential in the page


def change_of(reading: Reading, counted: Mapping[bytes, int]) -> Change:
    """The change that a page makes when the product holds the ballots at the heights in `counted`."""
    add = {cast.credential: cast for cast in reading.ballots}
    return Change([credential for credential in add if credential in counted], add)


def apply(
    tally: EncryptedTally,
    change: Change,
    replaced: Mapping[bytes, Ballot],
    weights: Mapping[bytes, int],
) -> EncryptedTally:
    """The tally after the change. `replaced` holds the ballots that leave; credentials without a weight weigh 1."""
    for credential in change.remove:
        tally.remove(replaced[credential], weights.get(credential, 1))
    for credential, cast in change.add.items():
        tally.add(cast.ballot, weights.get(credential, 1))
    return tally
