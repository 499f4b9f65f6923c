"""Everything that telemetry says, heard as it is said: scrapes in both formats, spans and lines over OTLP, stdout.

It becomes sources of events: what changed, when, by how much. A source's name is all that stays of the meaning.
"""

import asyncio
import gzip
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from tests.stack.linkage.adversary import Event

FORMATS = {"text": "text/plain", "open": "application/openmetrics-text"}
NANO = 1e-9
A_DAY = 86_400

Exported = dict[str, Any]
Sources = defaultdict[str, list[Event]]


@dataclass
class Ear:
    """What was heard so far; times are those of the clock on the wall."""

    sources: Sources = field(default_factory=lambda: defaultdict(list))
    spans: list[tuple[str, str, float, float]] = field(default_factory=list)
    last: dict[str, dict[str, float]] = field(default_factory=dict)
    there: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)

    def hear_scrape(self, service: str, form: str, text: str, now: float) -> None:
        """A page of metrics; what differs from what was heard last, in whichever format, is an event."""
        values = dict(_samples(text)) | {f"bytes as {form}": float(len(text))}
        last = self.last.setdefault(service, {})
        if (service, form) not in self.there:
            last |= values
        gone = self.there.get((service, form), values.keys()) - values.keys()
        self.there[service, form] = set(values)
        for name in gone:
            self.sources[f"{service} {name} gone"].append(Event(now))
            last.pop(name, None)
        for name, value in values.items():
            self._hear_value(f"{service} {name}", last.get(name), value, now)
        last |= values

    def _hear_value(self, name: str, before: float | None, value: float, now: float) -> None:
        if before is None:
            self.sources[f"{name} born"].append(Event(now))
            if abs(value - now) < A_DAY:
                self.sources[f"{name} says a time"].append(Event(value))
        elif value != before:
            self.sources[f"{name} {'up' if value > before else 'down'}"].append(Event(now, abs(value - before)))

    def hear_traces(self, said: Exported) -> None:
        """An export of spans."""
        for resource in said["resourceSpans"]:
            service = _words(resource["resource"])
            for span in _all(resource, "scopeSpans", "spans"):
                name = f"span {service} {span['name']} {_words(span)}"
                start, end = (int(span[f"{end}TimeUnixNano"]) * NANO for end in ("start", "end"))
                self.spans.append((span["traceId"], name, start, end))

    def hear_logs(self, said: Exported) -> None:
        """An export of lines."""
        for resource in said["resourceLogs"]:
            service = _words(resource["resource"])
            for line in _all(resource, "scopeLogs", "logRecords"):
                moment = int(line.get("timeUnixNano") or line["observedTimeUnixNano"]) * NANO
                self.sources[f"otlp line {service} {line['body']} {_words(line)}"].append(Event(moment))

    def hear_stdout(self, service: str, text: str) -> None:
        """What a service has written; of what was heard before nothing."""
        before, self.read[service] = self.read.get(service, 0), len(text)
        for line in text[before:].splitlines():
            try:
                said: dict[str, Any] = json.loads(line)
                moment = datetime.fromisoformat(said.pop("time")).timestamp()
            except (ValueError, KeyError):
                continue
            count = float(said.pop("count", 1))
            words = " ".join(f"{key}={value}" for key, value in sorted(said.items()) if not key.endswith("_id"))
            self.sources[f"line {service} {words}"].append(Event(moment, count))

    def events(self) -> Mapping[str, list[Event]]:
        """Everything, spans linked within their traces."""
        heard = Sources(list, {name: list(events) for name, events in self.sources.items()})
        first: dict[str, float] = {}
        for trace, _, start, _ in self.spans:
            first[trace] = min(start, first.get(trace, start))
        for trace, name, start, end in self.spans:
            link = first[trace] if first[trace] < start else None
            heard[f"{name} begins"].append(Event(start, 1, link))
            heard[f"{name} takes"].append(Event(end, end - start))
        return heard


def _all(resource: Exported, scopes: str, of_each: str) -> Iterator[Exported]:
    for scope in resource[scopes]:
        yield from scope[of_each]


def _samples(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.partition(" # ")[0].rpartition(" ")
            yield name, float(value)


def _words(told: Exported) -> str:
    return " ".join(sorted(f"{each['key']}={each['value']}" for each in told.get("attributes", ())))


@contextmanager
def collecting(ear: Ear) -> Iterator[str]:
    """A collector that keeps everything; yields its address."""

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            ear.sources[f"otlp {self.path} bytes"].append(Event(time.time(), len(content)))
            if self.headers["Content-Encoding"] == "gzip":
                content = gzip.decompress(content)
            (ear.hear_traces if self.path.endswith("traces") else ear.hear_logs)(json.loads(content))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def scrape(ear: Ear, ports: Mapping[str, int], every: float) -> None:
    """Reads the metrics of all services again and again, until it is cancelled."""
    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as client:

        async def read(service: str, port: int) -> None:
            for form, accept in FORMATS.items():
                reply = await client.get(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
                ear.hear_scrape(service, form, reply.text, time.time())

        while True:
            began = time.time()
            await asyncio.gather(*(read(service, port) for service, port in ports.items()))
            await asyncio.sleep(max(0.01, began + every - time.time()))
