"""Servers that fail in each way in which a server can: they refuse, are silent, are slow, or say that they cannot."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.service.harness import free_port

HOST = "127.0.0.1"
SLOW_SECONDS = 30


@contextmanager
def dead() -> Iterator[str]:
    """Nobody listens."""
    yield f"http://{HOST}:{free_port()}"


@contextmanager
def silent() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.create_server((HOST, 0), backlog=1000) as server:
        yield f"http://{HOST}:{server.getsockname()[1]}"


@contextmanager
def _answering(status: int, after_seconds: float) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(after_seconds)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """Whoever asked has not waited."""

    with Server((HOST, 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()


def slow() -> AbstractContextManager[str]:
    """Takes everything, and says so after half a minute."""
    return _answering(200, SLOW_SECONDS)


def refusing() -> AbstractContextManager[str]:
    """Says at once that it can take nothing."""
    return _answering(503, 0)


FAILURES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "dead": dead,
    "silent": silent,
    "slow": slow,
    "refusing": refusing,
}
