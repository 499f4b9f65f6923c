"""A day's telemetry of an election with 10,000 voters, sent to the real servers in a few minutes.

Series are those that real services expose, with a sample each ten seconds of a day; Prometheus gets them by remote
write, half an hour at once, since nobody can be scraped in the past. Spans and lines go through the collector:

* an organiser looks at the page of an election all day, which asks for its numbers every ten seconds: one trace over
  three services, with a line in each;
* every voter is sent two mails, each a span and a line (more than `voter` says of them);
* every voter opens a dozen pages, of which one in a hundred is traced; ballots and look-ups leave nothing;
* the ballot side says four kinds of line at each tick, as on a bad day.
"""

import itertools
import json
import secrets
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

VOTERS = 10_000
DAY = 24 * 3600
SCRAPE_SECONDS = 10
SLICE = 180  # samples of each series that are sent at once
BATCH = 500  # spans or lines
SPANS = {"identity": DAY // SCRAPE_SECONDS * 5 + 2 * VOTERS, "ballot": VOTERS * 12 // 100 * 3}
LINES = {"identity": DAY // SCRAPE_SECONDS * 3 + 2 * VOTERS, "ballot": DAY // SCRAPE_SECONDS * 4}

Labels = tuple[tuple[str, str], ...]


def series_of(pages: Mapping[str, str]) -> list[Labels]:
    """What Prometheus stores of the services' pages of metrics, each by the name of its service."""
    return [
        tuple(sorted({"__name__": sample.name, "job": job, "instance": f"{job}:1", **sample.labels}.items()))
        for job, page in pages.items()
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


def send_samples(url: str, series: list[Labels]) -> None:
    """A day of each series, up to now: half of them stand still, half grow."""
    heads = [
        b"".join(field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in each)
        for each in series
    ]
    first = int(time.time()) - DAY
    with httpx.Client(headers=REMOTE_WRITE, timeout=60) as client:
        for start in range(0, DAY // SCRAPE_SECONDS, SLICE):
            moments = [(first + SCRAPE_SECONDS * index) * 1000 for index in range(start, start + SLICE)]
            still = b"".join(field(2, sample(0.0, moment)) for moment in moments)
            growing = b"".join(field(2, sample(float(moment - first * 1000), moment)) for moment in moments)
            kinds = itertools.cycle((still, growing))
            body = b"".join(field(1, head + next(kinds)) for head in heads)
            client.post(f"{url}/api/v1/write", content=uncompressed_snappy(body)).raise_for_status()


REMOTE_WRITE = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number: int) -> bytes:
    """As protocol buffers write a number."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def field(number: int, content: bytes) -> bytes:
    """A field of bytes, or of a message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def sample(value: float, moment: int) -> bytes:
    """A message of remote write: a double and milliseconds."""
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(moment)


def uncompressed_snappy(raw: bytes) -> bytes:
    """A block that holds the bytes as they are, in pieces of 64 KiB."""
    pieces = (raw[at : at + 65536] for at in range(0, len(raw), 65536))
    return varint(len(raw)) + b"".join(b"\xf4" + struct.pack("<H", len(piece) - 1) + piece for piece in pieces)


def send_spans(url: str, side: str, number: int) -> None:
    """Traces of five spans each."""
    spans = (one for trace_id in iter(lambda: secrets.token_hex(16), "") for one in trace(trace_id))
    for batch in batches(itertools.islice(spans, number)):
        post(url, "traces", side, {"scopeSpans": [{"scope": {"name": "uvote"}, "spans": batch}]})


def trace(trace_id: str) -> Iterator[dict[str, Any]]:
    """A request, the call that it makes, and three transactions."""
    parent = ""
    for name, kind in (("read_numbers", 2), ("election", 3), *[("read_election", 1)] * 3):
        span_id, now = secrets.token_hex(8), time.time_ns()
        said = attributes({"uvote.action": name, "http.request.method": "GET", "http.route": "/organise/{election_id}"})
        moments = {"startTimeUnixNano": str(now - 5_000_000), "endTimeUnixNano": str(now)}
        yield {
            "traceId": trace_id,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "attributes": said,
            **moments,
        }
        parent = parent or span_id


def send_lines(url: str, side: str, number: int) -> None:
    """Lines as a request makes them."""
    told = {"event": "request_served", "side": side, "action": "read_numbers", "method": "GET", "status": "200"}
    lines = (
        {
            "timeUnixNano": str(time.time_ns()),
            "severityText": "info",
            "body": {"stringValue": "request_served"},
            "traceId": secrets.token_hex(16),
            "attributes": attributes({**told, "seconds": f"0.{count % 1000:03}"}),
        }
        for count in range(number)
    )
    for batch in batches(lines):
        post(url, "logs", side, {"scopeLogs": [{"scope": {"name": "uvote"}, "logRecords": batch}]})


def attributes(said: Mapping[str, str]) -> list[dict[str, Any]]:
    """As OTLP writes them."""
    return [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]


def batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """As a service's exporter makes them."""
    while batch := list(itertools.islice(items, BATCH)):
        yield batch


def post(url: str, kind: str, side: str, content: dict[str, Any]) -> None:
    """One export of a service."""
    service = {"identity": "frontend", "ballot": "ballot"}[side]
    resource = {"attributes": attributes({"service.name": service, "uvote.side": side})}
    outer = {"traces": "resourceSpans", "logs": "resourceLogs"}[kind]
    body = json.dumps({outer: [{"resource": resource, **content}]})
    httpx.post(f"{url}/v1/{kind}", content=body, headers={"Content-Type": "application/json"}).raise_for_status()
