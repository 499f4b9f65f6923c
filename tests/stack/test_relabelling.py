"""Prometheus keeps what the registry names, whatever a service exposes by mistake."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from services.uvote.stack_servers import write_targets
from tests.stack.conftest import Stack, eventually

SECRET = "somebody"
PAGE = f"""
# TYPE uvote_sign_ins counter
uvote_sign_ins_total{{outcome="done",address="{SECRET}"}} 1
# TYPE uvote_sign_ins_created gauge
uvote_sign_ins_created{{outcome="done"}} 1700000000
# TYPE uvote_ballots_by_{SECRET} gauge
uvote_ballots_by_{SECRET} 1
# TYPE http_request_size_bytes summary
http_request_size_bytes_sum{{handler="/vote"}} 4711
"""


@pytest.fixture
def babbler() -> Iterator[str]:
    """The address of a service that says what it may and what it may not."""

    class Babbler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Babbler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_prometheus_keeps_only_registered_names_and_labels(babbler: str, stack: Stack) -> None:
    write_targets(stack.data, "uvote", {"auth": babbler}, __scrape_interval__="1s", __scrape_timeout__="1s")
    address = babbler.removeprefix("http://")
    (kept,) = eventually(lambda: stack.query(f'uvote_sign_ins_total{{instance="{address}"}}') or None)
    assert kept["metric"] == {"__name__": "uvote_sign_ins_total", "instance": address, "job": "auth", "outcome": "done"}
    names = {series["metric"]["__name__"] for series in stack.query(f'{{instance="{address}"}}')}
    assert names - {"up", "scrape_duration_seconds", "scrape_samples_scraped"} == {
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
        "uvote_sign_ins_total",
    }
    everything = stack.get("prometheus", "/api/v1/label/__name__/values").text
    assert SECRET not in everything
    assert "http_request_size" not in everything
