"""Everything that voters and the public read passes through gettext, and translators find all of it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from gettext import NullTranslations
from html.parser import HTMLParser
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from starlette.requests import Request

from services.ballot.contract import Board, BoardEvent, BoardPage, EventType, Phase, TrackerStatus
from services.election.contract import PublicElection, Question, State
from services.frontend.forms import Form
from services.frontend.language import FOLDER, Language, speaking
from services.frontend.pages.trustee_texts import trustee_texts
from services.frontend.pages.verify_texts import verify_texts
from services.frontend.pages.voting_texts import script_texts
from services.frontend.rendering import Pages
from services.frontend.settings import FrontendSettings
from services.frontend.static_files import StaticFiles
from services.result.contract import OptionCount, QuestionResult, Result, Tally, TrusteeShare
from services.shared.identity import new_key

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
UUID = "1" * 22
HASH = "0" * 64
TRACKER = "1" * 43
# The name of the site, a zone, an address, and the code that the voting page shows as an example.
UNCHANGED = r"UVote|UTC|https?://\S+|\w{3}(-\w{3}){4}"
READ_ALOUD = {"aria-label", "alt", "title", "placeholder", "data-label"}
NOT_FOR_READING = {"script", "style", "code", "pre"}


class Marking(NullTranslations):
    """A language in which every text is its English one between marks; notes which were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def gettext(self, message: str) -> str:
        self.asked.add(message)
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self.asked.add(msgid1)
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


class Texts(HTMLParser):
    """What a person reads or hears of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "input", "br", "hr", "rect", "use", "path"}:
            self.open.append(tag)
        self.found += [value for name, value in attrs if name in READ_ALOUD and value]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not NOT_FOR_READING & set(self.open):
            self.found.append(data)


def election(state: State, **changes: Any) -> PublicElection:
    """With names that hold no letter."""
    question = Question(text="1?", options=["1", "2"], minimum=0, maximum=1, blank=True)
    several = Question(text="2?", options=["1", "2", "3"], minimum=1, maximum=2)
    members = {
        "uuid": UUID,
        "name": "№ 1",
        "description": "…",
        "state": state,
        "questions": [question, several],
        "zone": "UTC",
        "opens_at": NOW,
        "closes_at": NOW,
        "paused": False,
        "revote_allowed": True,
        "election_class": "test",
        "trustees": ["1", "2"],
        "contact": "1",
        "reply_to": None,
        "voters": 1,
        "address_corrections": 0,
        "fingerprint": TRACKER,
    }
    return PublicElection(**(members | changes))


BOARD = Board(
    uuid=UUID,
    phase=Phase.OPEN,
    now=NOW,
    opens_at=NOW,
    closes_at=NOW,
    revote_allowed=True,
    election_class="real",
    fingerprint=TRACKER,
    credentials=3,
    credentials_hash=HASH,
    total_weight=5,
    ballots=2,
    voted=2,
    voted_weight=3,
    ended=False,
    height=999,
    head=HASH,
    archive_bytes=1,
)
EVENTS = [
    BoardEvent(height=height, hash=HASH, parent=None, type=kind, payload=None, counts=False)
    for height, kind in enumerate(EventType)
]
RESULT = Result(
    uuid=UUID,
    name="1",
    fingerprint=TRACKER,
    voters=3,
    voted=2,
    ballots=2,
    total_weight=5,
    voted_weight=3,
    trustees=["1"],
    head=HASH,
    archive_bytes=1,
    record={},
    questions=[
        QuestionResult(
            question=str(number),
            options=[OptionCount(option="1", votes=votes), OptionCount(option="2", votes=votes)],
            blank=0,
            winners=["1", "2"] if tie else ["1"],
            tie=tie,
            unanimous=unanimous,
        )
        for number, (votes, tie, unanimous) in enumerate(
            [(0, True, False), (2, True, False), (2, False, True), (2, False, False)]
        )
    ],
)
TALLY = Tally(
    uuid=UUID,
    status="tallied",
    counted=1,
    total_weight=1,
    encrypted_tally=None,
    encrypted_tally_hash=None,
    shares=[TrusteeShare(owner=1, name="1", status=status) for status in ("missing", "kept", "unusable", "published")],
)


def shown() -> Iterator[tuple[str, dict[str, Any]]]:
    """Templates with their values, in every state."""
    yield "home.html", {}
    yield "trustee.html", {"trustee_id": UUID}
    yield "account/sign_in.html", {"form": Form(), "noted": ""}
    for status in (400, 403, 404, 405, 409, 410, 413, 429, 500, 502, 503):
        yield "refusal.html", {"status": status, "kind": "", "title": "", "detail": None}
    for state in State:
        for paused in (False, True):
            yield "public/election.html", {"election": election(state, paused=paused), "board": BOARD}
        yield "public/no_result.html", {"election": election(state), "tally": TALLY}
        yield "public/verify.html", {"election": election(state), "board": BOARD, "complete": state is State.PUBLISHED}
    page = {"page": BoardPage(events=EVENTS, next=99), "size": 50, "after": 99, "tracker": TRACKER, "malformed": False}
    for fate in ("counts", "replaced"):
        found = TrackerStatus(tracker=TRACKER, status=fate, height=1, ballot="1")
        yield "public/board.html", {"election": election(State.OPEN), "board": BOARD, **page, "found": found}
    yield "public/board.html", {"election": election(State.OPEN), "board": BOARD, **page, "found": None}
    yield "public/board.html", {"election": election(State.OPEN), "board": BOARD, **page, "malformed": True}
    yield "voting/missing.html", {}
    yield "voting/vote.html", {"election": election(State.OPEN), "ballots_per_credential": 20}
    yield "public/result.html", {"election": election(State.PUBLISHED), "result": RESULT}


@pytest.fixture(scope="module")
def pages() -> Pages:
    url = "http://127.0.0.1:1"
    settings = FrontendSettings(
        port=0,
        caller_key=new_key(),
        voter_url=url,
        election_url=url,
        ballot_url=url,
        result_url=url,
        ballot_public_url=url,
        public_origin=url,
    )
    return Pages(settings, StaticFiles())


@pytest.fixture(scope="module")
def marking() -> Marking:
    return Marking()


def rendered(pages: Pages, marking: Marking) -> Iterator[tuple[str, str]]:
    with speaking(Language("x-marked", marking)):
        texts = {"trustee_texts": trustee_texts(), "verify_texts": verify_texts(), "script_texts": script_texts()}
        for template, values in shown():
            request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
            answer = pages.render(request, template, {**texts, **values})
            yield template, bytes(answer.body).decode()


def untranslated(page: str) -> list[str]:
    """What is left with letters in it when everything between marks, and what no language changes, is taken away."""
    plain = page
    while plain != (plain := re.sub(r"⟦[^⟦⟧]*⟧", "", plain)):
        pass
    texts = (re.sub(UNCHANGED, "", text).strip() for text in Texts(plain).found)
    return [text for text in texts if re.search(r"[A-Za-z]", text)]


def test_no_public_page_holds_a_text_that_cannot_be_translated(pages: Pages, marking: Marking) -> None:
    assert {template: left for template, page in rendered(pages, marking) if (left := untranslated(page))} == {}


def test_pages_declare_their_language(pages: Pages, marking: Marking) -> None:
    assert all('<html lang="x-marked">' in page for _, page in rendered(pages, marking))


def test_the_sentences_of_scripts_are_translated(marking: Marking) -> None:
    with speaking(Language("x-marked", marking)):
        assert all(text.startswith("⟦") for text in (trustee_texts() | verify_texts() | script_texts()).values())


def test_translators_find_every_text(pages: Pages, marking: Marking) -> None:
    """As `babel.cfg` says where to look."""
    list(rendered(pages, marking))
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    options = {"**/templates/**.html": {"trimmed": "true"}}
    folder = FOLDER.parent
    found: set[str] = set()
    for _name, _line, message, *_ in extract_from_dir(str(folder), methods, options):
        found.update([message] if isinstance(message, str) else [part for part in message if part])
    assert marking.asked - found == set()
