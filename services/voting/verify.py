"""Checking a whole archive, from bytes to a verdict.

What an accepted archive promises:
- The file is a chain of events from Setup on, each in its place, and nothing else (see `archive`).
- The trustees know their private keys, and the election's key is the product of theirs; no credential stands twice.
- Every ballot, replaced ones too, is canonical, of this election, signed by a credential of the list, in the group and
  well-formed by proof; none stands twice.
- The encrypted tally is the product of the last ballot of each credential, raised to its weight.
- Every shuffle and every partial decryption is proven; every factor that the result needs is there.
- The result is what the factors open the tally to.

An archive that ends early, at the end of an event, is accepted as not complete. What nobody can see in one archive:
ballots that were never put into it, or that somebody else was shown another one.

Memory: a few records, some 250 bytes per credential and 20 per ballot. (Ranked ballots are kept besides: a shuffle is
proven over all of them at once.)
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from services.voting.archive import (
    ArchiveReader,
    BrokenArchive,
    Entry,
    Record,
    record_hash,
    render_owned,
    render_setup_data,
)
from services.voting.ballot_index import BallotIndex, SeenBallots
from services.voting.batches import Batch, BatchVerdict, CheckBatches, Wrong, check_batch, work_of
from services.voting.canonical import MalformedJson, members, parse_json, small_integer
from services.voting.credential_list import CredentialList
from services.voting.decryption import (
    InvalidDecryption,
    InvalidResult,
    PartialDecryption,
    check_decryption,
    check_result,
    openings,
)
from services.voting.election import Election, InvalidElection
from services.voting.question import HomomorphicQuestion
from services.voting.report import Rejected, Report
from services.voting.shuffle import InvalidShuffle, check_shuffle, ranked_places
from services.voting.tally import EncryptedTally, render_sized
from services.voting.trustee import InvalidTrustee, parse_trustees

_LARGEST_RECORD = 4 * 2**20  # bytes; hostile JSON takes some 20 times as much when it is parsed
_LARGEST_PER_CIPHERTEXT = 8 * 2**10  # bytes of a ballot, a tally, a shuffle or a decryption, for each ciphertext in it
_DATA = {
    "Setup": 4,
    "Ballot": 1,
    "EndBallots": 0,
    "EncryptedTally": 2,
    "Shuffle": 2,
    "EndShuffles": 0,
    "PartialDecryption": 2,
    "Result": 1,
}
_MAY_FOLLOW = {
    None: {"Setup"},
    "Setup": {"Ballot", "EndBallots", "EncryptedTally"},
    "Ballot": {"Ballot", "EndBallots", "EncryptedTally"},
    "EndBallots": {"EncryptedTally"},
    "EncryptedTally": {"PartialDecryption"},
    "Shuffle": {"Shuffle", "EndShuffles"},
    "EndShuffles": {"PartialDecryption"},
    "PartialDecryption": {"PartialDecryption", "Result"},
    "Result": set[str](),
}
_MAY_FOLLOW_RANKED = {**_MAY_FOLLOW, "EncryptedTally": {"Shuffle", "EndShuffles"}}


def check_here(stream: BinaryIO) -> CheckBatches:
    """Check batches one after the other, in this process."""

    def check(election: Election, batches: Iterable[Batch], _work: int) -> Iterator[BatchVerdict]:
        for batch in batches:
            verdict = check_batch(stream, election, batch)
            yield verdict
            if verdict.wrong:
                return

    return check


def verify(stream: BinaryIO, check_batches: CheckBatches | None = None) -> Report:
    """Check the archive in a seekable stream.

    Raises NotAnArchive when the stream does not begin as one; everything else that is wrong is in the report, which
    names the first event that breaks a rule.
    """
    return _Verification(stream, check_batches or check_here(stream)).run()


class _Verification:
    """A walk along the chain. Ballots are only indexed in passing; they are checked when the last has been seen."""

    def __init__(self, stream: BinaryIO, check_batches: CheckBatches) -> None:
        self._reader = ArchiveReader(stream)
        self._check_batches = check_batches
        self.report = Report()
        self._ballots_open = False
        self._partials: dict[int, PartialDecryption] = {}
        self._steps: dict[str, Callable[[Entry], None]] = {
            "Setup": self._setup,
            "Ballot": self._ballot,
            "EndBallots": self._end_ballots,
            "EncryptedTally": self._encrypted_tally,
            "Shuffle": self._shuffle,
            "EndShuffles": self._end_shuffles,
            "PartialDecryption": self._partial_decryption,
            "Result": self._result,
        }

    def run(self) -> Report:
        try:
            self._walk()
        except Rejected as rejected:
            self.report.reject(self._earlier(rejected) or rejected)
        else:
            self.report.passed("archive")
        return self.report

    def _walk(self) -> None:
        previous: str | None = None
        try:
            for entry in self._reader:
                self._check_place(entry, previous)
                self._steps[entry.event.type](entry)
                previous = entry.event.type
        except BrokenArchive as error:
            raise Rejected("archive", error.height, error.rule) from error
        if previous is None:
            raise Rejected("archive", 0, "there is no Setup event")
        self._close_ballots()

    def _earlier(self, rejected: Rejected) -> Rejected | None:
        """A ballot before the rejected event that is wrong too."""
        try:
            self._close_ballots()
        except Rejected as earlier:
            return earlier if earlier.height < rejected.height else None
        return None

    def _check_place(self, entry: Entry, previous: str | None) -> None:
        kind, height = entry.event.type, entry.event.height
        ranked = previous is not None and bool(ranked_places(self._election))
        if kind not in (_MAY_FOLLOW_RANKED if ranked else _MAY_FOLLOW)[previous]:
            raise Rejected("archive", height, f"an event of this type may not follow {previous or 'the beginning'}")
        if len(entry.data) != _DATA[kind]:
            raise Rejected("archive", height, f"{kind} does not come with {_DATA[kind]} records of data")

    def _setup(self, entry: Entry) -> None:
        election, trustees, credentials, payload = entry.data
        if payload.hash != record_hash(render_setup_data(election.hash, trustees.hash, credentials.hash)):
            raise Rejected("archive", 0, "the setup data do not name the three records before them")
        try:
            self._election = Election.parse(self._read(election, _LARGEST_RECORD, "election", 0))
        except InvalidElection as error:
            raise Rejected("election", 0, str(error)) from error
        self._describe_election()
        self._setup_trustees(self._read(trustees, _LARGEST_RECORD, "trustees", 0))
        try:
            self._credentials = CredentialList(self._reader.chunks(credentials), self._election.group)
        except MalformedJson as error:
            raise Rejected("credentials", 0, str(error)) from error
        self._credential_record = credentials
        self.report.voters = len(self._credentials)
        self._index, self._seen, self._ballots_open = BallotIndex(self._credentials), SeenBallots(), True
        self._tally = EncryptedTally.empty(self._election)
        self._largest_ballot = self._bound(1)

    def _describe_election(self) -> None:
        report, election = self.report, self._election
        report.name, report.uuid, report.fingerprint = election.name, election.uuid, election.fingerprint
        report.questions = election.questions
        if not ranked_places(election):
            del report.checks["shuffles"]
        report.passed("election")

    def _setup_trustees(self, raw: bytes) -> None:
        try:
            self._trustees = parse_trustees(raw, self._election.group)
        except InvalidTrustee as error:
            raise Rejected("trustees", 0, str(error)) from error
        if self._trustees.public_key != self._election.public_key:
            raise Rejected("trustees", 0, "the election's public key is not the product of the trustees' keys")
        self.report.trustees = [member.name for member in self._trustees.members]
        self.report.passed("trustees")

    def _ballot(self, entry: Entry) -> None:
        (record,), height = entry.data, entry.event.height
        signer = self._credentials.number(self._credential(record, height))
        if signer is None:
            raise Rejected("ballots", height, "the ballot's credential is not on the list")
        if self._seen.add(record.hash) and self._stands_before(record.hash, height):
            raise Rejected("ballots", height, "the same ballot stands in the archive before")
        self._index.append(signer, entry.start, entry.end)

    def _credential(self, record: Record, height: int) -> str:
        """The credential that a canonical ballot of this election names; the rest is for `check_batch`."""
        raw = self._read(record, self._largest_ballot, "ballots", height)
        election = self._election
        start = f'{{"election_uuid":"{election.uuid}","election_hash":"{election.fingerprint}","credential":"'
        if not raw.startswith(start.encode("ascii")):
            raise Rejected("ballots", height, "the ballot is not in canonical form, or belongs to another election")
        return raw[len(start) :].partition(b'"')[0].decode("ascii", "replace")

    def _stands_before(self, ballot_hash: str, height: int) -> bool:
        return any(entry.event.payload == ballot_hash for entry in self._reader if 0 < entry.event.height < height)

    def _end_ballots(self, _entry: Entry) -> None:
        self._close_ballots()

    def _close_ballots(self) -> None:
        """Check all credentials and the ballots that were indexed, in any order, and name the first that is wrong."""
        if not self._ballots_open:
            return
        self._ballots_open = False
        unused = self._credentials.unused(self._reader.chunks(self._credential_record))
        work = work_of(len(self._index), self._credentials.number_unused)
        wrong: list[Wrong] = []
        for verdict in self._check_batches(self._election, chain(unused, self._index.batches()), work):
            if verdict.tally:
                self._tally.merge(*verdict.tally)
            wrong += [verdict.wrong] if verdict.wrong else []
        if wrong:
            height, check, rule = min(wrong)
            raise Rejected(check, height, rule)
        self.report.passed("credentials")
        self.report.ballots, self.report.counted = len(self._index), self._tally.num_tallied
        self.report.weight = self._tally.total_weight
        self.report.passed("ballots")

    def _encrypted_tally(self, entry: Entry) -> None:
        self._close_ballots()
        tally, sized = entry.data
        if tally.hash != record_hash(self._tally.render()):
            raise Rejected("encrypted tally", entry.event.height, "it is not the product of the ballots that count")
        if sized.hash != record_hash(render_sized(self._tally.num_tallied, self._tally.total_weight, tally.hash)):
            raise Rejected("encrypted tally", entry.event.height, "its size is not that of the ballots that count")
        self._ciphertexts = self._tally.ciphertexts
        self.report.passed("encrypted tally")

    def _shuffle(self, entry: Entry) -> None:
        places, height = ranked_places(self._election), entry.event.height
        self._owner(entry, "shuffles")
        raw = self._read(entry.data[0], self._bound(self._tally.num_tallied), "shuffles", height)
        try:
            shuffled = check_shuffle(raw, [self._ciphertexts[place] for place in places], self._election)
        except InvalidShuffle as error:
            raise Rejected("shuffles", height, str(error)) from error
        for place, pairs in zip(places, shuffled, strict=True):
            self._ciphertexts[place] = pairs
        self.report.passed("shuffles")

    def _end_shuffles(self, _entry: Entry) -> None:
        self.report.passed("shuffles")

    def _partial_decryption(self, entry: Entry) -> None:
        height, owner = entry.event.height, self._owner(entry, "partial decryptions")
        if owner in self._partials:
            raise Rejected("partial decryptions", height, f"trustee {owner} has decrypted before")
        raw = self._read(entry.data[0], self._bound(self._tally.num_tallied), "partial decryptions", height)
        try:
            key = self._trustees.public_keys[owner]
            self._partials[owner] = check_decryption(raw, self._ciphertexts, self._election, key)
        except InvalidDecryption as error:
            raise Rejected("partial decryptions", height, str(error)) from error
        self.report.decrypted_by = sorted(self._partials)
        self.report.passed("partial decryptions")

    def _result(self, entry: Entry) -> None:
        raw = self._read(entry.data[0], self._bound(self._tally.num_tallied), "result", entry.event.height)
        try:
            opened = openings(self._election, self._trustees, self._ciphertexts, self._partials)
            self.report.result = check_result(raw, self._election, opened, self._tally.total_weight)
        except (InvalidDecryption, InvalidResult) as error:
            raise Rejected("result", entry.event.height, str(error)) from error
        self.report.passed("result")

    def _owner(self, entry: Entry, check: str) -> int:
        """The trustee who is named as the author of a record."""
        content, payload = entry.data
        try:
            number, _ = members(parse_json(self._read(payload, 1024, check, entry.event.height)), "owner", "payload")
            owner = small_integer(number)
        except MalformedJson as error:
            raise Rejected(check, entry.event.height, "the record that names a trustee cannot be read") from error
        if payload.hash != record_hash(render_owned(owner, content.hash)) or owner not in self._trustees.public_keys:
            raise Rejected(check, entry.event.height, "the record that names a trustee is not right")
        return owner

    def _bound(self, ballots: int) -> int:
        """Bytes that no record about so many ballots exceeds."""
        questions = self._election.questions
        sizes = [
            question.size + len(question.values) for question in questions if isinstance(question, HomomorphicQuestion)
        ]
        ranked = (len(questions) - len(sizes)) * max(ballots, 1)
        return min((sum(sizes) + 1) * _LARGEST_PER_CIPHERTEXT, _LARGEST_RECORD) + ranked * _LARGEST_PER_CIPHERTEXT

    def _read(self, record: Record, largest: int, check: str, height: int) -> bytes:
        if record.size > largest:
            raise Rejected(check, height, "a record is larger than it can be")
        return self._reader.read(record)
