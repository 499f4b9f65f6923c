"""Archives taken apart and put together again, so that tests can publish what an honest board never would."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

TIMESTAMP = 1700000000


@dataclass
class Step:
    """An event with the records before it. `event` overrides members of the event."""

    kind: str
    records: list[bytes]
    event: dict[str, Any] = field(default_factory=dict)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def record(name: str, content: bytes, timestamp: int = TIMESTAMP) -> bytes:
    """Header and padded content."""
    header = bytearray(512)
    header[: len(name)] = name.encode()
    header[100:124] = b"0000644\x000000000\x000000000\x00"
    header[124:148] = b"%011o\x00%011o\x00" % (len(content), timestamp)
    header[148:157] = b"        0"
    header[148:156] = b"%06o\x00 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512)


def first_record(content: bytes = b'{"version":1,"timestamp":"%d"}' % TIMESTAMP) -> bytes:
    return record("BELENIOS", content)


def take_apart(archive: bytes) -> list[Step]:
    steps, records, at = [], list[bytes](), 0
    while at < len(archive):
        name = archive[at : at + 100].rstrip(b"\0").decode()
        size = int(archive[at + 124 : at + 135], 8)
        content = archive[at + 512 : at + 512 + size]
        if name.endswith(".data.json"):
            records.append(content)
        elif name.endswith(".event.json"):
            steps.append(Step(json.loads(content)["type"], records))
            records = []
        at += 512 + size + -size % 512
    return steps


def put_together(steps: list[Step]) -> bytes:
    """The archive of these events, with hashes, heights and parents as they must be unless a step overrides them."""
    parts, parent = [first_record()], None
    for height, step in enumerate(steps):
        event = {"parent": parent, "height": height, "type": step.kind}
        event["payload"] = digest(step.records[-1]) if step.records else None
        event = {name: value for name, value in event.items() if value is not None} | step.event
        parts += [record(f"{digest(content)}.data.json", content) for content in step.records]
        text = compact(event)
        parts.append(record(f"{digest(text)}.event.json", text))
        parent = digest(text)
    return b"".join(parts)


def tally_step(tally: Any, counted: int, weight: int) -> Step:
    """An EncryptedTally event that claims a tally."""
    raw = compact(tally)
    sized = {"num_tallied": counted, "total_weight": weight, "encrypted_tally": digest(raw)}
    return Step("EncryptedTally", [raw, compact(sized)])
