"""Builds archives with the library: whole elections for tests and measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.voting.archive import (
    Event,
    data_record,
    event_record,
    header_bytes,
    record_hash,
    render_owned,
    render_setup_data,
)
from services.voting.ballot import make_ballot, parse_ballot
from services.voting.credential import PublicCredential, derive_code, public_credential, render_credentials
from services.voting.election import Election, generate_uuid, render_election
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.tally import EncryptedTally, combine, partial_decryption, render_result, render_sized
from services.voting.trustee import generate_private_key, parse_trustees, public_key_record, render_trustees

TIMESTAMP = 1_700_000_000
ONE_OF_FIVE = HomomorphicQuestion("Who shall chair?", ("Ada", "Ben", "Cleo", "Dan", "Eve"), 1, 1)


@dataclass
class Chain:
    """An archive that grows event by event."""

    timestamp: int = TIMESTAMP
    parts: list[bytes] = field(default_factory=list)
    parent: str | None = None
    height: int = 0

    def append(self, kind: str, *data: bytes) -> None:
        self.parts += [data_record(content, self.timestamp) for content in data]
        event = Event(self.parent, self.height, kind, record_hash(data[-1]) if data else None)
        self.parts.append(event_record(event, self.timestamp))
        self.parent, self.height = event.hash, self.height + 1

    def render(self) -> bytes:
        return header_bytes(self.timestamp) + b"".join(self.parts)


class BuiltElection:
    """An election whose trustees' keys and voters' codes are at hand."""

    def __init__(
        self,
        questions: Sequence[HomomorphicQuestion] = (ONE_OF_FIVE,),
        *,
        weights: Sequence[int] = (1, 1, 1),
        trustees: int = 1,
        uuid: str | None = None,
    ) -> None:
        group = BELENIOS_2048
        self.private_keys = [generate_private_key(group) for _ in range(trustees)]
        records = [
            public_key_record(key, group, f"Trustee {number}") for number, key in enumerate(self.private_keys, start=1)
        ]
        self.trustees_raw = render_trustees(records)
        self.trustees = parse_trustees(self.trustees_raw, group)
        self.uuid = uuid or generate_uuid()
        raw = render_election(
            name="The chair",
            description="",
            uuid=self.uuid,
            public_key=self.trustees.public_key,
            questions=questions,
        )
        self.election = Election.parse(raw)
        self.codes = [derive_code(b"secret of a test", f"voter {number}") for number in range(len(weights))]
        keys = [public_credential(code, self.uuid, group) for code in self.codes]
        self.weights = dict(zip(keys, weights, strict=True))
        self.credentials_raw = render_credentials([PublicCredential(*item) for item in self.weights.items()])
        self.chain = Chain()
        self.tally = EncryptedTally.empty(self.election)
        self._last: dict[str, bytes] = {}
        self.set_up()

    def set_up(self) -> None:
        setup = [self.election.raw, self.trustees_raw, self.credentials_raw]
        self.chain.append("Setup", *setup, render_setup_data(*map(record_hash, setup)))

    def make_ballot(self, voter: int, *choices: Sequence[int]) -> bytes:
        return make_ballot(self.election, self.codes[voter], choices)

    def cast(self, raw: bytes) -> None:
        """Append a ballot to the board; it replaces an earlier one of the same voter in the tally."""
        self.chain.append("Ballot", raw)
        ballot = parse_ballot(raw)
        weight = self.weights[ballot.credential]
        if ballot.credential in self._last:
            self.tally.remove(parse_ballot(self._last[ballot.credential]), weight)
        self._last[ballot.credential] = raw
        self.tally.add(ballot, weight)

    def close(self) -> bytes:
        """End the ballots and append the encrypted tally, which is returned."""
        self.chain.append("EndBallots")
        tally = self.tally.render()
        sized = render_sized(self.tally.num_tallied, self.tally.total_weight, record_hash(tally))
        self.chain.append("EncryptedTally", tally, sized)
        return tally

    def publish(self) -> list[list[int]]:
        """Close, decrypt, and append the result, which is returned."""
        tally, partials = self.close(), {}
        for owner, key in enumerate(self.private_keys, start=1):
            partials[owner] = partial_decryption(tally, self.election, key)
            self.chain.append("PartialDecryption", partials[owner], render_owned(owner, record_hash(partials[owner])))
        counts = combine(self.election, self.trustees, tally, self.tally.total_weight, partials)
        self.chain.append("Result", render_result(counts))
        return counts

    def write(self, folder: Path) -> Path:
        """The only archive of a folder, as belenios-tool wants it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.uuid}.bel"
        path.write_bytes(self.chain.render())
        return path


def chosen(choice: int, answers: int = 5) -> list[int]:
    """The bits of a vote for one answer."""
    return [int(answer == choice) for answer in range(answers)]
