"""A server that keeps what is sent to it, uncompressed, and can hand it on; it stands in for a collector or Sentry."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx


@dataclass
class Recorder:
    """`onwards` is the base address of the server that is to get everything too."""

    onwards: str | None = None
    url: str = ""
    received: list[bytes] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """All that came: paths, headers and bodies."""
        return b"\n".join(self.received)

    def keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Keeps one request."""
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        self.received.append(f"{path} {headers}\n".encode() + plain)
        if self.onwards is not None:
            with suppress(httpx.TransportError):
                httpx.post(self.onwards + path, content=body, headers=headers, timeout=10)


@contextmanager
def recording(onwards: str | None = None) -> Iterator[Recorder]:
    """One that listens while the block runs."""
    recorder = Recorder(onwards)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            recorder.keep(self.path, dict(self.headers), body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield recorder
        server.shutdown()
