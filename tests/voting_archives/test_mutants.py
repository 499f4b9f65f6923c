"""Ten thousand mutants of a good archive are rejected, or say the same as the archive.

A mutant has one byte changed, added or taken away; or one text or number of a record changed, in a chain that is
linked anew so that only the meaning can give it away; or one event moved, doubled or dropped, linked anew or not.
"""

import io
import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from services.voting.archive import ArchiveReader, NotAnArchive, record_hash, render_owned, render_setup_data
from services.voting.canonical import render_json
from services.voting.question import HomomorphicQuestion
from services.voting.report import Report
from services.voting.verify import verify
from tests.voting_archives.builder import BuiltElection, Chain
from tests.voting_archives.remembering import remember_good_ballots

MUTANTS, PARTS = 10_000, 10
Events = list[tuple[str, list[bytes]]]


@cache
def good_archive() -> bytes:
    """Five voters with weights, one of whom does not vote and one votes twice; a blank vote; two trustees."""
    question = HomomorphicQuestion("Accept?", ("yes", "no"), 1, 1, blank=True)
    built = BuiltElection([question], weights=(1, 2, 1, 5, 1), trustees=2)
    for voter, bits in enumerate(([0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0])):
        built.cast(built.make_ballot(voter, bits))
    built.cast(built.make_ballot(0, [0, 0, 1]))
    built.publish()
    return built.chain.render()


def events_of(raw: bytes) -> Events:
    reader = ArchiveReader(io.BytesIO(raw))
    return [(entry.event.type, [reader.read(record) for record in entry.data]) for entry in reader]


def archive_of(events: Events) -> bytes:
    chain = Chain()
    for kind, data in events:
        chain.append(kind, *data)
    return chain.render()


def essence(raw: bytes) -> dict[str, Any]:
    """What an archive says: who may vote with what weight and did, how, and what came out."""
    said: dict[str, Any] = {"ballots": {}, "factors": {}}
    for kind, data in events_of(raw):
        if kind == "Setup":
            said["election"] = data[0]
            said["trustees"] = [item["public_key"] for _, item in json.loads(data[1])]
            weights = dict(line.partition(",")[::2] for line in json.loads(data[2]))
        elif kind == "Ballot":
            ballot = json.loads(data[0])
            said["ballots"][ballot["credential"]] = (data[0], weights[ballot["credential"]] or "1")
        elif kind == "EncryptedTally":
            said["tally"] = data
        elif kind == "PartialDecryption":
            said["factors"][json.loads(data[1])["owner"]] = json.loads(data[0])["decryption_factors"]
        elif kind == "Result":
            said["result"] = [[int(count) for count in counts] for counts in json.loads(data[0])["result"]]
    return said


def is_equivalent(mutant: bytes, report: Report) -> bool:
    """The mutant says what the good archive says; or it ends early, and what it holds the good archive holds too."""
    said, good = essence(mutant), essence(good_archive())
    if report.complete:
        return said == good
    if (said["election"], said["trustees"]) != (good["election"], good["trustees"]):
        return False
    if "tally" in said:
        return bool(said["ballots"] == good["ballots"] and said["factors"].items() <= good["factors"].items())
    cast = {data[0] for kind, data in events_of(good_archive()) if kind == "Ballot"}
    return {ballot for ballot, _ in said["ballots"].values()} <= cast


def change_byte(rng: random.Random) -> bytes:
    raw = bytearray(good_archive())
    raw[rng.randrange(len(raw))] ^= rng.randrange(1, 256)
    return bytes(raw)


def insert_or_delete(rng: random.Random) -> bytes:
    raw, place, count = good_archive(), rng.randrange(len(good_archive())), rng.choice((1, 1, 2, 512, 1024))
    if rng.random() < 0.5:
        return raw[:place] + rng.choice((b"\0", b"0", b" ")) * count + raw[place:]
    return raw[:place] + raw[place + count :]


def truncate(rng: random.Random) -> bytes:
    return good_archive()[: rng.randrange(len(good_archive()))]


def change_field(rng: random.Random) -> bytes:
    """One place of one record; the hashes that name it are put right."""
    events = events_of(good_archive())
    place = rng.choice([place for place, (_, data) in enumerate(events) if data])
    kind, data = events[place]
    index = rng.randrange(len(data))
    value = json.loads(data[index])
    data[index] = render_json(changed(value, rng.choice(list(places(value))), rng))
    return archive_of([*events[:place], (kind, relink(kind, data, index)), *events[place + 1 :]])


def relink(kind: str, data: list[bytes], index: int) -> list[bytes]:
    """Make the last record name the others again, unless it is the one that was changed."""
    if index == len(data) - 1:
        return data
    if kind == "Setup":
        return [*data[:3], render_setup_data(*map(record_hash, data[:3]))]
    if kind == "PartialDecryption":
        return [data[0], render_owned(json.loads(data[1])["owner"], record_hash(data[0]))]
    sized = json.loads(data[1]) | {"encrypted_tally": record_hash(data[0])}
    return [data[0], render_json(sized)]


Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every value below a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(value: Any, path: Path, rng: random.Random) -> Any:
    """A copy that differs in one place."""
    if path:
        copy = dict(value) if isinstance(value, dict) else list(value)
        copy[path[0]] = changed(value[path[0]], path[1:], rng)
        return copy
    if isinstance(value, str):
        return rng.choice(TEXT_CHANGES)(value, rng)
    if isinstance(value, bool) or not isinstance(value, int):
        return rng.choice((None, [], {}, "", 0, [value], {"a": value}, shuffled(value, rng)))
    return rng.choice((value + 1, -value, str(value), float(value), None, 10**20, [value]))


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same members in another order, one doubled or dropped."""
    items = list(value.items()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    change = rng.randrange(3)
    if change == 0:
        rng.shuffle(items)
    elif items:
        items = items[1:] if change == 1 else [items[0], *items]
    return dict(items) if isinstance(value, dict) else items


def replace_character(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice("0123456789aB, ") + text[place + 1 :]


TEXT_CHANGES: list[Callable[[str, random.Random], Any]] = [
    replace_character,
    replace_character,
    replace_character,
    lambda text, _: "0" + text,
    lambda text, _: text[:-1],
    lambda text, _: text + "0",
    lambda text, _: str(int(text) + 1) if text.isdigit() else text.swapcase(),
    lambda text, _: int(text) if text.isdigit() else None,
    lambda text, rng: rng.choice(("", "0", "1", "-1", text + ",2", text + " ")),
]


def move_event(rng: random.Random) -> bytes:
    events = events_of(good_archive())
    event = events.pop(rng.randrange(len(events)))
    events.insert(rng.randrange(len(events) + 1), event)
    return archive_of(events)


def double_event(rng: random.Random) -> bytes:
    events = events_of(good_archive())
    events.insert(rng.randrange(len(events) + 1), rng.choice(events))
    return archive_of(events)


def drop_event(rng: random.Random) -> bytes:
    events = events_of(good_archive())
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        events.pop(rng.randrange(len(events)))
    return archive_of(events)


def rearrange_without_linking(rng: random.Random) -> bytes:
    """Events moved, doubled or dropped as they are, with the parents that they had."""
    raw = good_archive()
    entries = list(ArchiveReader(io.BytesIO(raw)))
    pieces = [raw[entry.start : entry.end] for entry in entries]
    piece = pieces.pop(rng.randrange(len(pieces)))
    for _ in range(rng.randrange(3)):
        pieces.insert(rng.randrange(len(pieces) + 1), piece)
    return raw[: entries[0].start] + b"".join(pieces)


def exchange_ballots(rng: random.Random) -> bytes:
    """Put one ballot's member into another, as somebody would who copies votes."""
    events = events_of(good_archive())
    ballots = [place for place, (kind, _) in enumerate(events) if kind == "Ballot"]
    one, other = rng.sample(ballots, 2)
    source, target = json.loads(events[one][1][0]), json.loads(events[other][1][0])
    member = rng.choice(list(source))
    target[member] = source[member]
    events[other] = ("Ballot", [render_json(target)])
    return archive_of(events)


KINDS: list[tuple[Callable[[random.Random], bytes], int]] = [
    (change_byte, 30),
    (insert_or_delete, 8),
    (truncate, 7),
    (change_field, 35),
    (move_event, 5),
    (double_event, 4),
    (drop_event, 4),
    (rearrange_without_linking, 4),
    (exchange_ballots, 3),
]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_mutant_is_rejected_or_equivalent(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    remember_good_ballots(monkeypatch)
    rng = random.Random(part)
    makers = rng.choices([maker for maker, _ in KINDS], [weight for _, weight in KINDS], k=MUTANTS // PARTS)
    rejected = 0
    for maker in makers:
        mutant = maker(rng)
        try:
            report = verify(io.BytesIO(mutant))
        except NotAnArchive:
            rejected += 1
            continue
        rejected += not report.accepted
        assert report.rejected or is_equivalent(mutant, report), maker.__name__
    assert rejected > 0.9 * len(makers)


def test_the_archive_itself_is_accepted() -> None:
    """Else every mutant would be rejected for the wrong reason."""
    report = verify(io.BytesIO(good_archive()))
    assert report.complete, report.rejected
    assert report.result == [[1, 5, 3]]
    assert archive_of(events_of(good_archive())) == good_archive()
