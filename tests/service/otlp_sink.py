"""A collector for tests: it takes what services send over OTLP/HTTP, or refuses it, or never answers."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

Manner = Literal["takes", "refuses", "hangs"]
Record = dict[str, Any]


def plain(attributes: list[dict[str, Any]]) -> Record:
    """Attributes as a dictionary; numbers as they are."""
    return {told["key"]: _value(told["value"]) for told in attributes}


def _value(value: dict[str, Any]) -> object:
    return int(value["intValue"]) if "intValue" in value else next(iter(value.values()))


class OtlpSink:
    """What was sent, uncompressed, by path; `tenants` are those named by its senders."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.url = ""
        self.bodies: list[tuple[str, bytes]] = []
        self.tenants: set[str] = set()
        self.asked = 0
        self.over = Event()

    def take(self, path: str, content: bytes, tenant: str) -> int:
        """The status to answer."""
        self.asked += 1
        if self.manner == "hangs":
            self.over.wait()
        if self.manner != "takes":
            return 503
        self.bodies.append((path, content))
        self.tenants.add(tenant)
        return 200

    @property
    def everything(self) -> bytes:
        """All bytes."""
        return b"".join(content for _, content in self.bodies)

    @property
    def spans(self) -> list[Record]:
        """Every span, its attributes as a dictionary, with its resource's under `resource`."""
        return [
            {**span, "attributes": plain(span["attributes"]), "resource": plain(group["resource"]["attributes"])}
            for group in self._groups("/v1/traces", "resourceSpans")
            for scope in group["scopeSpans"]
            for span in scope["spans"]
        ]

    @property
    def lines(self) -> list[Record]:
        """Every line, likewise."""
        return [
            {**line, "attributes": plain(line["attributes"]), "resource": plain(group["resource"]["attributes"])}
            for group in self._groups("/v1/logs", "resourceLogs")
            for scope in group["scopeLogs"]
            for line in scope["logRecords"]
        ]

    def _groups(self, path: str, member: str) -> Iterator[Record]:
        for at, content in list(self.bodies):
            if at == path:
                yield from json.loads(content)[member]


@contextmanager
def otlp_sink(manner: Manner = "takes") -> Iterator[OtlpSink]:
    """A sink that listens while the block runs, at `url`."""
    sink = OtlpSink(manner)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                content = gzip.decompress(content)
            status = sink.take(self.path, content, self.headers["X-Scope-OrgID"])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        Thread(target=server.serve_forever, daemon=True).start()
        sink.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield sink
        finally:
            sink.over.set()
            server.shutdown()
