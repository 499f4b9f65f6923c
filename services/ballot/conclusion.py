"""The events after the last ballot, which `result` appends: encrypted tally, partial decryptions, result.

- They come in the protocol's order, onto the head that `result` has seen, all of a call or none.
- The same call again finds them there, and answers the same.
- Every record has the form of its type, names the record before it by its hash, and counts the ballots that are there.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from services.ballot.board import ChainEnd, Link, link, may_follow
from services.ballot.contract import EventType, Head, NewEvent, NewEvents
from services.ballot.elections import Elections
from services.ballot.rows import BoardRow
from services.ballot.store import COMMIT_TIMEOUT, Store
from services.shared.database import Connection
from services.shared.problems import Conflict, Invalid
from services.voting.archive import render_owned
from services.voting.canonical import MalformedJson, array, members, natural, parse_json, render_json, small_integer
from services.voting.election import Election
from services.voting.question import HomomorphicQuestion
from services.voting.tally import EncryptedTally, InvalidTally, render_sized
from services.voting.trustee import parse_trustees


@dataclass(frozen=True, slots=True)
class Addition:
    """An event to append, with hash and content of its records."""

    type: EventType
    records: list[tuple[bytes, bytes]]
    owner: int | None

    @classmethod
    def read(cls, event: NewEvent) -> "Addition":
        """Raises Invalid unless there are as many records as the type has, each canonical JSON."""
        kind = EventType(event.type)
        contents = [text.encode() for text in event.data]
        if len(contents) != (1 if kind is EventType.RESULT else 2):
            raise _invalid(kind)
        try:
            if any(render_json(parse_json(content)) != content for content in contents):
                raise _invalid(kind)
            owner = members(parse_json(contents[-1]), "owner", "payload")[0] if _is_owned(kind) else None
        except MalformedJson:
            raise _invalid(kind) from None
        return cls(kind, [(hashlib.sha256(content).digest(), content) for content in contents], owner)


def _is_owned(kind: EventType) -> bool:
    return kind is EventType.PARTIAL_DECRYPTION


def _invalid(kind: EventType) -> Invalid:
    return Invalid(f"The data of {kind.value} does not have its form.", code="invalid-event")


def chain(end: ChainEnd, additions: Sequence[Addition]) -> list[Link]:
    """The events as links of the chain."""
    links: list[Link] = []
    for addition in additions:
        sizes = [len(content) for _, content in addition.records]
        links.append(link(end, addition.type, addition.records[-1][0], sizes))
        end = links[-1].end
    return links


def check_additions(additions: Sequence[Addition], election: Election, board: BoardRow, trustees: int) -> None:
    """Raises Invalid unless every record is one of this election and of the ballots on this board.

    Whether proofs and counts hold is for `result` to say, and for everybody who verifies the archive.
    """
    for addition in additions:
        try:
            CHECKS[addition.type](addition, election, board)
        except (MalformedJson, InvalidTally):
            raise _invalid(addition.type) from None
    owners = [addition.owner for addition in additions if _is_owned(addition.type)]
    if owners and owners != list(range(1, trustees + 1)):
        raise Invalid("There is not one partial decryption of each trustee, in order.", code="invalid-event")


def _check_tally(addition: Addition, election: Election, board: BoardRow) -> None:
    digest, content = addition.records[0]
    EncryptedTally.parse(content, election, board.voted, board.voted_weight)
    if addition.records[1][1] != render_sized(board.voted, board.voted_weight, digest.hex()):
        raise Invalid("The tally does not count the ballots of this board.", code="invalid-event")


def _check_partial_decryption(addition: Addition, election: Election, _: BoardRow) -> None:
    digest, content = addition.records[0]
    sizes = [question.size for question in election.questions if isinstance(question, HomomorphicQuestion)]
    for lists in members(parse_json(content), "decryption_factors", "decryption_proofs"):
        if [len(array(entries)) for entries in array(lists)] != sizes:
            raise _invalid(addition.type)
    if addition.owner is None or addition.records[1][1] != render_owned(small_integer(addition.owner), digest.hex()):
        raise _invalid(addition.type)


def _check_result(addition: Addition, election: Election, board: BoardRow) -> None:
    (counts,) = members(parse_json(addition.records[0][1]), "result")
    sizes = [question.size for question in election.questions if isinstance(question, HomomorphicQuestion)]
    if [len(array(question)) for question in array(counts)] != sizes:
        raise _invalid(addition.type)
    if any(natural(count) > board.voted_weight for question in counts for count in question):
        raise _invalid(addition.type)


CHECKS = {
    EventType.ENCRYPTED_TALLY: _check_tally,
    EventType.PARTIAL_DECRYPTION: _check_partial_decryption,
    EventType.RESULT: _check_result,
}


class Conclusion:
    """Appends what `result` sends."""

    def __init__(self, store: Store, elections: Elections) -> None:
        self.store = store
        self.elections = elections

    async def append_events(self, uuid: str, new: NewEvents) -> Head:
        """The head after the events, which are on the board.

        Raises:
            NotFound: there is no such board.
            Invalid: an event does not have its form, or is not of this board.
            Conflict: the board has another head, or these events do not come now.
        """
        additions = [Addition.read(event) for event in new.events]
        parent = bytes.fromhex(new.parent)
        await self._check(uuid, parent, additions)
        async with self.store.database.transaction("append_events") as connection:
            await self.store.lock_board(connection, uuid, COMMIT_TIMEOUT)
            board = await self.store.read_board(connection, uuid)
            assert board is not None  # boards are never deleted
            if parent != board.end.hash:
                return await self._find(connection, uuid, parent, additions)
            return await self._append(connection, board, additions)

    async def _check(self, uuid: str, parent: bytes, additions: Sequence[Addition]) -> None:
        """Checks what may take long, outside of the lock; what is on the board already was checked before."""
        election = await self.elections.find(uuid)
        trustees = parse_trustees(await self.elections.read_trustees(uuid), election.group).size
        async with self.store.database.transaction("append_events", readonly=True) as connection:
            board = await self.store.read_board(connection, uuid)
        assert board is not None  # its definition was found
        if parent == board.end.hash:
            if not board.schedule.ended:
                raise _wrong_order()
            await asyncio.to_thread(check_additions, additions, election, board, trustees)

    async def _append(self, connection: Connection, board: BoardRow, additions: Sequence[Addition]) -> Head:
        last, _ = await self.store.read_event(connection, board.uuid, board.end.height)
        if not may_follow(EventType(last), [addition.type for addition in additions]):
            raise _wrong_order()
        links = chain(board.end, additions)
        for following, addition in zip(links, additions, strict=True):
            records = [(place, *record) for place, record in enumerate(addition.records)]
            await self.store.insert_event(connection, board.uuid, following, records)
        await self.store.write_end(connection, board.uuid, links[-1])
        return _head(links[-1].end)

    async def _find(self, connection: Connection, uuid: str, parent: bytes, additions: Sequence[Addition]) -> Head:
        """The head of events that an earlier call has appended."""
        found = await self.store.read_following(connection, uuid, parent, len(additions))
        if found:
            links = chain(ChainEnd(found[0][0] - 1, parent, 0), additions)
            if found == [(following.height, following.hash) for following in links]:
                await self.store.mark_commit(connection)
                return _head(links[-1].end)
        raise Conflict("The board has another head.", code="other-head")


def _wrong_order() -> Conflict:
    return Conflict("These events do not come next.", code="wrong-order")


def _head(end: ChainEnd) -> Head:
    assert end.hash is not None
    return Head(height=end.height, hash=end.hash.hex())
