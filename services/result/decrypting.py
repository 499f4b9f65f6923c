"""From the encrypted tally to the published result.

- Partial decryptions are kept aside; nothing of them is on the board before all are there and every count was found.
- Then their events and Result are appended together, and only those that the counts were found with.
- A share whose proofs hold can still be wrong. Then no count is found, the trustees whose shares may be why are named,
  and posting again clears them: nobody can prove one wrong factor twice.
- Every act can be repeated after a crash and ends in the same bytes: what is sent to the board is stored before.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from services.ballot.client import BallotClient
from services.ballot.contract import Board, EventType, NewEvent, NewEvents
from services.election.client import ElectionClient
from services.election.contract import Report, Step, Work
from services.result.contract import PartialDecryption, Result, Tally, TrusteeShare
from services.result.outcome import counts_of, question_result
from services.result.store import Store, TallyRow
from services.shared.database import Connection
from services.shared.problems import Conflict, Invalid, NotFound
from services.voting.archive import record_hash, render_owned
from services.voting.canonical import parse_json
from services.voting.election import Election
from services.voting.question import HomomorphicQuestion
from services.voting.tally import (
    CountNotFound,
    InvalidDecryption,
    check_partial_decryption,
    combine,
    render_result,
    render_sized,
    suspects,
)

log = structlog.get_logger()

Posts = Mapping[int, list[bytes]]


class Decrypting:
    """Takes shares, finds the counts, and brings tally and result to the board."""

    def __init__(self, store: Store, election: ElectionClient, ballot: BallotClient) -> None:
        self.store = store
        self.database = store.database
        self.election = election
        self.ballot = ballot

    async def work(self, work: Work, row: TallyRow | None) -> None:
        """Does what one election needs now."""
        if row is None:
            return
        if work.decryption_confirmed and not row.decryption_confirmed:
            await self._confirm(row.uuid)
        if Step.POST_TALLY in work.steps and row.position.ended:
            await self.post_tally(row)
        if Step.POST_RESULT in work.steps and row.result_record is not None:
            await self.post_result(row.uuid)

    async def post_tally(self, row: TallyRow) -> None:
        """Puts EncryptedTally on the board and reports it."""
        tally = row.encrypted_tally
        sized = render_sized(row.counted, row.weight, record_hash(tally.encode())).decode()
        event = NewEvent(type=EventType.ENCRYPTED_TALLY, data=[tally, sized])
        head = await self.ballot.append_events(row.uuid, NewEvents(parent=row.position.head, events=[event]))
        async with self.database.transaction("write_tally_head") as connection:
            await self.store.write_tally_head(connection, row.uuid, head.hash)
        facts: dict[str, str | int] = {"event": head.hash, "counted": row.counted, "turnout": row.counted}
        await self.election.report_step(row.election_id, Step.POST_TALLY, Report(uuid=row.uuid, facts=facts))

    async def post_partial_decryption(self, uuid: str, share: PartialDecryption) -> Tally:
        """Keeps a trustee's share; with the last one that was missing the counts are found.

        Raises:
            NotFound: there is no such tally.
            Conflict: shares are not taken now.
            Invalid: the share does not verify.
        """
        async with self.database.transaction("post_partial_decryption", readonly=True) as connection:
            row = await self._require(connection, uuid)
        tallied = row.tally_head is not None
        if tallied and not row.decryption_confirmed and await self._is_confirmed(uuid):
            await self._confirm(uuid)
            row = replace(row, decryption_confirmed=True)
        _require_decrypting(row)
        await asyncio.to_thread(_check_share, row, share)
        async with self.database.transaction("post_partial_decryption") as connection:
            _require_decrypting(await self._require(connection, uuid, lock=True))
            await self.store.insert_share(connection, uuid, share.owner, share.partial_decryption)
            await self._find_counts(connection, row)
        row = await self._read(uuid)
        if row.result_record is not None:
            await self.post_result(uuid)
        return await self.read_tally(uuid)

    async def _is_confirmed(self, uuid: str) -> bool:
        """Asks `election`, for the trustee who is quicker than the next round."""
        return any(work.uuid == uuid and work.decryption_confirmed for work in await self.election.list_work())

    async def _confirm(self, uuid: str) -> None:
        async with self.database.transaction("confirm_decryption") as connection:
            await self.store.confirm_decryption(connection, uuid)

    async def _find_counts(self, connection: Connection, row: TallyRow) -> None:
        posts = await self.store.read_shares(connection, row.uuid)
        record, unusable = await asyncio.to_thread(_combine, row, posts)
        await self.store.write_unusable(connection, row.uuid, unusable)
        if unusable:
            log.warning("shares_unusable", trustees=len(unusable))
        if record is not None:
            await self.store.write_result_record(connection, row.uuid, record)

    async def post_result(self, uuid: str) -> None:
        """Puts the partial decryptions and Result on the board, together, and reports it."""
        async with self.database.transaction("read_shares", readonly=True) as connection:
            row = await self._require(connection, uuid)
            posts = await self.store.read_shares(connection, uuid)
        assert row.tally_head is not None
        head = await self.ballot.append_events(uuid, NewEvents(parent=row.tally_head, events=_events(row, posts)))
        result = _result(row, await self.ballot.read_board(uuid))
        async with self.database.transaction("write_result") as connection:
            await self.store.write_result(connection, uuid, result.model_dump_json())
        report = Report(uuid=uuid, facts={"event": head.hash})
        await self.election.report_step(row.election_id, Step.POST_RESULT, report)

    async def read_tally(self, uuid: str) -> Tally:
        """The tally as everybody may see it."""
        async with self.database.transaction("read_tally", readonly=True) as connection:
            row = await self._require(connection, uuid)
            owners = await self.store.read_share_owners(connection, uuid)
            unusable = await self.store.read_unusable(connection, uuid)
        return _tally(row, owners, unusable)

    async def read_result(self, uuid: str) -> Result:
        """The result; raises NotFound (`not-yet`) while it is not on the board."""
        row = await self._read(uuid)
        if row.result is None:
            raise NotFound("There is no result yet.", code="not-yet")
        return Result.model_validate(row.result)

    async def _read(self, uuid: str) -> TallyRow:
        async with self.database.transaction("read_tally", readonly=True) as connection:
            return await self._require(connection, uuid)

    async def _require(self, connection: Connection, uuid: str, *, lock: bool = False) -> TallyRow:
        row = await self.store.read_tally(connection, uuid, lock=lock)
        if row is None:
            raise NotFound("There is no tally of such an election.")
        return row


def _require_decrypting(row: TallyRow) -> None:
    if row.tally_head is None:
        raise Conflict("The tally is not on the board yet.", code="not-yet")
    if not row.decryption_confirmed:
        raise Conflict(
            "So few ballots count that the organiser must confirm the decryption first.", code="decryption-unconfirmed"
        )
    if row.result_record is not None:
        raise Conflict("The tally is decrypted.", code="decrypted")


def _check_share(row: TallyRow, share: PartialDecryption) -> None:
    election = row.election()
    public_key = row.read_trustees(election).public_keys.get(share.owner)
    if public_key is None:
        raise Invalid("There is no such trustee.", code="unknown-trustee")
    raw, tally = share.partial_decryption.encode(), row.encrypted_tally.encode()
    try:
        check_partial_decryption(raw, tally, election, public_key)
    except InvalidDecryption as error:
        raise Invalid(f"The partial decryption cannot be used: {error}.", code="invalid-partial-decryption") from None


def _combine(row: TallyRow, posts: Posts) -> tuple[str | None, list[int]]:
    """The Result record, or whose shares may be wrong; neither while a share is missing."""
    election = row.election()
    trustees = row.read_trustees(election)
    if posts.keys() != trustees.public_keys.keys():
        return None, []
    last = {owner: raws[-1] for owner, raws in posts.items()}
    try:
        counts = combine(election, trustees, row.encrypted_tally.encode(), row.weight, last)
    except CountNotFound:
        return None, suspects(posts)
    return render_result(counts).decode(), []


def _events(row: TallyRow, posts: Posts) -> list[NewEvent]:
    assert row.result_record is not None
    partials = [
        NewEvent(
            type=EventType.PARTIAL_DECRYPTION,
            data=[raws[-1].decode(), render_owned(owner, record_hash(raws[-1])).decode()],
        )
        for owner, raws in sorted(posts.items())
    ]
    return [*partials, NewEvent(type=EventType.RESULT, data=[row.result_record])]


def _tally(row: TallyRow, owners: set[int], unusable: set[int]) -> Tally:
    members = row.read_trustees(row.election()).members
    tallied = row.tally_head is not None
    status = "decrypted" if row.result else "decrypting" if owners else "tallied" if tallied else "following"
    shares = [
        TrusteeShare(
            owner=owner,
            name=member.name or "",
            status="missing"
            if owner not in owners
            else "published"
            if row.result
            else "unusable"
            if owner in unusable
            else "kept",
        )
        for owner, member in enumerate(members, start=1)
    ]
    return Tally(
        uuid=row.uuid,
        status=status,
        # Before the close the product changes with every ballot, and whoever saw it change would know which one.
        counted=row.counted if tallied else 0,
        total_weight=row.weight if tallied else 0,
        encrypted_tally=row.encrypted_tally if tallied else None,
        encrypted_tally_hash=record_hash(row.encrypted_tally.encode()) if tallied else None,
        shares=shares,
    )


def _result(row: TallyRow, board: Board) -> Result:
    assert row.result_record is not None
    election: Election = row.election()
    record = parse_json(row.result_record.encode())
    questions = [
        question_result(question, counts, row.weight)
        for question, counts in zip(election.questions, counts_of(record), strict=True)
        if isinstance(question, HomomorphicQuestion)
    ]
    return Result(
        uuid=row.uuid,
        name=election.name,
        fingerprint=election.fingerprint,
        voters=board.credentials,
        voted=board.voted,
        ballots=board.ballots,
        total_weight=board.total_weight,
        voted_weight=board.voted_weight,
        questions=questions,
        trustees=[member.name or "" for member in row.read_trustees(election).members],
        head=board.head,
        archive_bytes=board.archive_bytes,
        record=record,
    )
