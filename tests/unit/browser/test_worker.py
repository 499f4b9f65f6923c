"""The worker in a real browser, under the strictest content security policy: the page asks, and never freezes."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from services.voting import ballot as python_ballot
from tests.unit.browser.belenios import BeleniosElection
from tests.unit.browser.conftest import CHOICES
from tests.unit.browser.javascript import MODULES, ask
from tests.unit.browser.test_ballots import check_in_python

VECTORS = Path(__file__).parents[2] / "vectors"
GOOD = VECTORS / "ok_single.bel"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'"
ASK = """async ([action, parameters]) => {
  const { VotingWorker } = await import("/voting/client.js");
  globalThis.worker ??= new VotingWorker();
  const progress = [];
  try {
    if (parameters.bytes) parameters = { file: new Blob([new Uint8Array(parameters.bytes)]) };
    return { value: await worker.ask(action, parameters, (step) => progress.push(step)), progress };
  } catch (error) {
    return { name: error.name, code: error.code, details: error.details };
  }
}"""


class Site(ThreadingHTTPServer):
    """Serves the modules and some boards, and remembers the headers of requests for boards."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, str]] = []

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        if self.path.startswith("/voting/"):
            self.reply("text/javascript", (MODULES / self.path.removeprefix("/voting/")).read_bytes())
        elif self.path == "/board":
            self.server.seen.append(dict(self.headers))
            self.reply("application/octet-stream", GOOD.read_bytes())
        elif self.path == "/broken-off":
            self.reply("application/octet-stream", GOOD.read_bytes()[:20_000], promised=GOOD.stat().st_size)
        elif self.path in ("/", "/no-workers"):
            extra = "; worker-src 'none'" if self.path == "/no-workers" else ""
            self.reply("text/html", b"<!doctype html><title>Vote</title>", policy=POLICY + extra)
        else:
            self.send_error(404)

    def reply(self, kind: str, content: bytes, policy: str = POLICY, promised: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) if promised is None else promised))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Set-Cookie", "session=1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing on the standard error of the tests."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, for which vote.example is this machine, but no secure context."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--host-resolver-rules=MAP vote.example 127.0.0.1"],
        )
        yield launched
        await launched.close()


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    context = await browser.new_context()
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    await opened.goto(site.origin)
    yield opened
    await context.close()
    assert [text for text in complaints if "Content Security Policy" in text] == []


async def answer(page: Page, action: str, **parameters: Any) -> dict[str, Any]:
    answered: dict[str, Any] = await page.evaluate(ASK, [action, parameters])
    return answered


async def value(page: Page, action: str, **parameters: Any) -> Any:
    answered = await answer(page, action, **parameters)
    assert "value" in answered, answered
    return answered["value"]


async def test_a_ballot_made_in_a_browser_is_accepted(page: Page, open_election: BeleniosElection) -> None:
    definition, code = open_election.definition, open_election.codes["ann"]
    prepared = await value(page, "prepare", definition=definition)
    assert (prepared["uuid"], prepared["questions"][0]["max"]) == (open_election.uuid, 1)
    made = await value(page, "encrypt", code=code, choices=CHOICES)
    check_in_python(definition, made["text"])
    assert made["tracker"] == python_ballot.tracker(made["text"].encode())
    status = await value(page, "credential", code=code)
    assert status["credential"] == made["credential"]
    assert status["digest"] == await asyncio.to_thread(ask, "credentialDigest", credential=made["credential"])


async def test_a_board_is_checked_from_its_address_or_from_a_file(page: Page, site: Site) -> None:
    from_address = await answer(page, "checkBoard", url=f"{site.origin}/board")
    from_file = await value(page, "checkBoard", bytes=list(GOOD.read_bytes()))
    assert from_address["value"] == from_file
    assert from_file["result"] == [["0", "1", "0", "2", "1"], ["1", "1", "3"], ["2", "1", "2"]]
    assert {step["total"] for step in from_address["progress"]} == {GOOD.stat().st_size}


async def test_a_board_is_asked_for_without_cookie_and_referrer(page: Page, site: Site) -> None:
    site.seen.clear()
    await value(page, "checkBoard", url=f"{site.origin}/board")
    [headers] = site.seen
    assert not {"cookie", "referer", "authorization"} & {name.lower() for name in headers}


async def test_a_trustee_makes_a_key_and_only_its_own_election_is_decrypted(page: Page, site: Site) -> None:
    key = await value(page, "makeTrusteeKey", name="Ann")
    read = await value(page, "readTrusteeKey", privateKey=key["privateKey"])
    assert read["publicKey"] == key["publicKey"]["public_key"]
    early = await answer(page, "decrypt", privateKey=key["privateKey"])
    await value(page, "checkBoard", url=f"{site.origin}/board")
    foreign = await answer(page, "decrypt", privateKey=key["privateKey"])
    assert (early["code"], foreign["code"]) == ("tally-missing", "key-foreign")


async def test_a_trustee_decrypts_the_board_that_was_checked(page: Page, tmp_path: Path) -> None:
    key = await value(page, "makeTrusteeKey")
    election = BeleniosElection(tmp_path, {"ann": 1}, [{"answers": ["a"], "min": 0, "max": 1, "question": "?"}])
    election.set_up([json.dumps(key["publicKey"]).encode()])
    election.close()
    report = await value(page, "checkBoard", bytes=list(election.archive.read_bytes()), proofs=False)
    assert report["counted"] == 0
    part = await value(page, "decrypt", privateKey=key["privateKey"])
    election.add_part(part["owner"], part["partialDecryption"])
    assert election.publish() == [[0]]


async def test_the_page_stays_alive_while_a_board_is_checked(page: Page, site: Site) -> None:
    script = f"""async ([url]) => {{
      let ticks = 0;
      const timer = setInterval(() => {{ ticks += 1; }}, 1);
      await ({ASK})(["checkBoard", {{ url }}]);
      clearInterval(timer);
      return ticks;
    }}"""
    assert await page.evaluate(script, [f"{site.origin}/board"]) > 10


async def test_a_refusal_keeps_its_code_and_details_across_the_worker(
    page: Page, open_election: BeleniosElection
) -> None:
    await value(page, "prepare", definition=open_election.definition)
    choices = [CHOICES[0], CHOICES[1], [0, 1, 0, 0], CHOICES[3]]
    refused = await answer(page, "encrypt", code=open_election.codes["ann"], choices=choices)
    details = {"question": 2, "min": 2, "max": 3}
    assert refused == {"name": "VotingError", "code": "choice-too-few", "details": details}


async def test_a_defect_says_nothing_and_leaves_the_worker_usable(page: Page) -> None:
    secret = "taJ-21D-3aB-3EE-zid"
    for action, parameters in (("encrypt", {"code": secret, "choices": []}), ("constructor", {}), ("decrypt", {})):
        refused = await answer(page, action, **parameters)
        assert refused["code"] in ("worker-failed", "tally-missing")
        assert refused["details"] == {}
    assert (await value(page, "makeTrusteeKey"))["privateKey"]


async def test_a_download_that_fails_is_named(page: Page, site: Site) -> None:
    missing = await answer(page, "checkBoard", url=f"{site.origin}/missing")
    broken = await answer(page, "checkBoard", url=f"{site.origin}/broken-off")
    elsewhere = await answer(page, "checkBoard", url="/../voting:0")
    assert (missing["code"], missing["details"]) == ("download-failed", {"status": 404})
    assert (broken["code"], broken["details"]) == ("download-failed", {})
    assert elsewhere["code"] == "download-failed"


async def test_a_page_without_web_cryptography_is_told_so(browser: Browser, site: Site) -> None:
    context = await browser.new_context()
    opened = await context.new_page()
    await opened.goto(f"http://vote.example:{site.server_port}/")
    refused = await answer(opened, "makeTrusteeKey")
    assert refused["code"] == "insecure-context"
    await context.close()


async def test_a_browser_without_workers_is_told_so(browser: Browser, site: Site) -> None:
    context = await browser.new_context()
    opened = await context.new_page()
    await opened.goto(f"{site.origin}/no-workers")
    for _ in range(2):  # while it is being loaded, and long after it has failed
        refused = await answer(opened, "makeTrusteeKey")
        assert (refused["name"], refused["code"]) == ("WorkerFailed", "worker-failed")
    await context.close()
