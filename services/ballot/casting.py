"""Casting a ballot, step by step.

1. The bytes are at most 256 KiB (the route sees to it) and one ballot in canonical form.
2. The ballot is of this election and of its frozen definition.
3. If the board holds these bytes already, they get the same tracker again, at any time.
4. The credential is on the public list, and has signed the ballot.
5. The request arrived while ballots are taken, by the database's clock, and the credential may cast another ballot.
6. Only then, for one ballot of a credential at a time, the expensive part: the proofs.
7. The ballot is appended, and its tracker is answered once that is committed.

The same bytes sent twice at the same time are one ballot, and both requests get its answer. A request that is given up
by its sender is carried through.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.ballot import metrics
from services.ballot.appending import Appending, CheckedBallot, require_allowance
from services.ballot.batching import Batches
from services.ballot.elections import Elections, no_such_board
from services.ballot.proofs import ProofPool
from services.ballot.rows import CastAnswer, CastQuestion
from services.ballot.schedule import Arrival, require_in_time
from services.ballot.store import Store
from services.shared.problems import Invalid, Malformed, Unavailable
from services.voting.ballot import (
    Ballot,
    ForeignBallot,
    MalformedBallot,
    check_election,
    parse_ballot,
    tracker,
)
from services.voting.election import Election

LARGEST_QUESTION = 500


class Casting:
    """Takes ballots."""

    def __init__(self, store: Store, elections: Elections, proofs: ProofPool, appending: Appending) -> None:
        self.store = store
        self.elections = elections
        self.proofs = proofs
        self.appending = appending
        self.questions: Batches[CastQuestion, CastAnswer | None] = Batches(self._look_up, LARGEST_QUESTION)
        self.under_way: dict[tuple[str, bytes], asyncio.Task[None]] = {}
        self.casting: set[tuple[str, int]] = set()
        self.forgers: set[tuple[str, int]] = set()
        self.slowness = metrics.Slowness(metrics.cast_seconds)

    async def cast_ballot(self, uuid: str, raw: bytes) -> str:
        """The tracker of a ballot that is on the board.

        Raises:
            Malformed, NotFound, Invalid, Conflict, Gone: the ballot is refused, and sending it again changes nothing.
            Unavailable: nothing is known yet; sending the same bytes again is safe.
        """
        name = (uuid, hashlib.sha256(raw).digest())
        task = self.under_way.get(name)
        if task is None:
            task = asyncio.create_task(self._cast(uuid, raw, name[1], time.monotonic()))
            self.under_way[name] = task
            task.add_done_callback(lambda done: self._forget(name, done))
        await asyncio.shield(task)
        return tracker(raw)

    def _forget(self, name: tuple[str, bytes], done: asyncio.Task[None]) -> None:
        del self.under_way[name]
        if not done.cancelled():
            done.exception()  # read here, in case that nobody waits any more

    async def _cast(self, uuid: str, raw: bytes, digest: bytes, arrived: float) -> None:
        ballot = _read(raw)
        election = await self.elections.find(uuid)
        _require_election(ballot, election)
        answer = await self.questions.put(_question(uuid, ballot, digest, arrived))
        if answer is None:
            raise no_such_board()
        if answer.position is None or answer.weight is None:
            raise Invalid("The ballot's code is not on the list of this election.", code="unknown-credential")
        arrival = Arrival.measure(arrived, answer.asked, answer.now, answer.answered)
        checked = CheckedBallot(raw, digest, answer.position, answer.weight, arrival)
        if not answer.on_board:
            await self.proofs.check_signature(election, raw)
            require_in_time(answer.schedule, arrival)
            require_allowance(answer.ballots, revote_allowed=answer.revote_allowed)
            with self._alone(uuid, answer.position):
                await self._check_proofs(election, checked)
                await self.appending.append(uuid, checked)
        else:
            await self.appending.append(uuid, checked)
        self.slowness.note(uuid, answer.position, time.monotonic() - arrived)

    async def _check_proofs(self, election: Election, ballot: CheckedBallot) -> None:
        try:
            await self.proofs.check_proofs(election, ballot.raw)
        except Invalid:
            if (election.uuid, ballot.position) not in self.forgers:
                self.forgers.add((election.uuid, ballot.position))
                metrics.invalid_proof_credentials.add(election_class=self.elections.class_of(election.uuid))
            raise

    async def _look_up(self, questions: Sequence[CastQuestion]) -> list[CastAnswer | None]:
        async with self.store.database.transaction("look_up_casts", readonly=True) as connection:
            return await self.store.look_up_casts(connection, questions)

    @contextmanager
    def _alone(self, uuid: str, position: int) -> Iterator[None]:
        """One ballot of a credential at a time: whoever holds a code cannot fill the queue with it."""
        name = (uuid, position)
        if name in self.casting:
            raise Unavailable("Another ballot with this code is being checked.", code="in-flight", retry_after=1)
        self.casting.add(name)
        try:
            yield
        finally:
            self.casting.remove(name)


def _read(raw: bytes) -> Ballot:
    try:
        return parse_ballot(raw)
    except MalformedBallot as error:
        raise Malformed(f"This is no ballot: {error}.", code="malformed-ballot") from None


def _require_election(ballot: Ballot, election: Election) -> None:
    try:
        check_election(ballot, election)
    except ForeignBallot as error:
        raise Invalid(f"The ballot is refused: {error}.", code="foreign-ballot") from None


def _question(uuid: str, ballot: Ballot, digest: bytes, arrived: float) -> CastQuestion:
    return CastQuestion(uuid, digest, hashlib.sha256(ballot.credential.encode()).digest(), arrived)
