"""What anyone sees: the election, the board, the result and how to check it; in a browser and with the commands."""

import csv
import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from services.election.contract import Question, State
from services.result.contract import PartialDecryption
from services.voting.tally import partial_decryption
from tests.journeys.elections import Poll, Stage
from tests.journeys.inspection import Inspector, new_page
from tests.journeys.office import post_share
from tests.service.voter_world import eventually

AMINA_AND_TWO = [[0, 1, 0, 0, 0, 0], [1, 1, 0, 0]]
AMINA_AND_ONE = [[0, 1, 0, 0, 0, 0], [1, 0, 0, 0]]
AMINA_AND_CHOIR = [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0]]


@pytest.fixture
def inspector() -> Inspector:
    return Inspector("public")


@pytest.fixture
async def page(stage: Stage, profile: BrowserContext, inspector: Inspector) -> Page:
    board = stage.system.installation.public_url("ballot")
    return await new_page(profile, inspector, stage.origin, board)


@dataclass
class Published:
    """An election with its result, and the trackers of its ballots in the order of casting."""

    poll: Poll
    trackers: list[str]


@pytest.fixture(scope="module")
async def published(stage: Stage) -> Published:
    poll = await stage.opened(12, description="The members decide.\nAsk the office.")
    trackers = [
        await poll.cast(place, choices)
        for place, choices in enumerate([AMINA_AND_TWO, AMINA_AND_ONE, AMINA_AND_CHOIR, AMINA_AND_TWO, AMINA_AND_TWO])
    ]
    trackers.append(await poll.cast(0, AMINA_AND_TWO))
    await poll.close()
    await decrypt(poll)
    await stage.world.election.publish_result(poll.id, bearer=stage.token)
    await poll.become(State.PUBLISHED)
    return Published(poll, trackers)


async def decrypt(poll: Poll) -> None:
    tally = await poll.stage.result.read_tally(poll.uuid)
    assert tally.encrypted_tally is not None
    for owner, trustee in enumerate(poll.trustees, start=1):
        share = partial_decryption(tally.encrypted_tally.encode(), poll.definition, trustee.private_key).decode()
        await post_share(poll.stage, poll.uuid, PartialDecryption(owner=owner, partial_decryption=share))
    await poll.become(State.DECRYPTED)


def at(stage: Stage, poll: Poll, path: str = "") -> str:
    return f"{stage.origin}/election/{poll.uuid}{path}"


async def test_the_first_page_says_what_this_is(stage: Stage, page: Page, inspector: Inspector) -> None:
    await page.goto(stage.origin)
    await expect(page.get_by_role("heading", level=1)).to_have_text("A secret vote that everyone can check")
    await inspector.look(page, "home")
    await page.emulate_media(color_scheme="dark")
    await inspector.look(page, "home-dark")


async def test_a_page_that_does_not_exist_says_so(stage: Stage, page: Page, inspector: Inspector) -> None:
    answer = await page.goto(f"{stage.origin}/election/{'1' * 22}")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    await inspector.look(page, "not-found")
    answer = await page.goto(f"{stage.origin}/election/not-base-58")
    assert answer is not None
    assert answer.status == 404


async def test_an_election_is_shown_before_during_and_after_the_vote(
    stage: Stage, page: Page, inspector: Inspector
) -> None:
    poll = await stage.sealed(6, election_class="test")
    await page.goto(at(stage, poll))
    await expect(page.locator("main")).to_contain_text("Voting has not begun yet.")
    await expect(page.locator("main")).to_contain_text("Tess Trustee")
    await inspector.look(page, "sealed")
    await page.goto(at(stage, poll, "/result"))
    await expect(page.locator("main")).to_contain_text("There is no result yet")
    await poll.change(opens="now")
    await poll.become(State.OPEN)
    for place in range(5):
        await poll.cast(place, AMINA_AND_ONE)
    await page.goto(at(stage, poll))
    await expect(page.locator("main")).to_contain_text("Voting is open.")
    await expect(page.locator("main")).to_contain_text("of 6 voters (83.3%)")
    await inspector.look(page, "open")
    await page.goto(at(stage, poll, "/result"))
    await expect(page.locator("main")).to_contain_text("Before that nobody can know how the votes stand")
    await inspector.look(page, "no-result-while-open")
    await page.goto(at(stage, poll, "/verify"))
    await inspector.look(page, "verify-while-open")
    await poll.close()
    await page.goto(at(stage, poll, "/result"))
    await expect(page.locator("main")).to_contain_text("Tess Trustee: not yet")
    await inspector.look(page, "no-result-while-closed")
    await decrypt(poll)
    await page.goto(at(stage, poll, "/result"))
    await expect(page.locator("main")).to_contain_text("The organiser publishes the result.")


async def test_the_result_is_shown_with_bars_and_as_a_table(
    stage: Stage, page: Page, inspector: Inspector, published: Published
) -> None:
    """A unanimous answer is named so, and so is a tie."""
    await page.goto(at(stage, published.poll, "/result"))
    first, second = page.locator("main section.card").nth(0), page.locator("main section.card").nth(1)
    await expect(first).to_contain_text("Unanimous: everybody who voted chose the same.")
    await expect(second).to_contain_text("A tie: Bicycle workshop and Choir have 4 votes each.")
    await inspector.look(page, "result")
    assert await second.locator("svg rect").nth(0).get_attribute("width") == "800"
    await second.get_by_text("The same as a table").click()
    rows = await second.get_by_role("row").all_inner_texts()
    assert [re.split(r"\s*\t\s*", row.strip()) for row in rows] == [
        ["Option", "Votes", "Share"],
        ["Bicycle workshop", "4", "80.0%"],
        ["Choir", "4", "80.0%"],
        ["Food bank", "0", "0.0%"],
        ["Robotics club", "0", "0.0%"],
    ]
    await page.emulate_media(color_scheme="dark")
    await inspector.look(page, "result-dark")


async def test_a_ballot_is_found_by_its_tracker(
    stage: Stage, page: Page, inspector: Inspector, published: Published
) -> None:
    await page.goto(at(stage, published.poll, "/board"))
    await inspector.look(page, "board")
    answers = {
        published.trackers[1]: "It is on the board, and it counts.",
        published.trackers[0]: "It is on the board, and was replaced by a later ballot",
        "A" * 43: "There is no ballot with this tracker.",
        "too short": "This is no tracker",
    }
    for tracker, answer in answers.items():
        await page.get_by_label("Tracker").fill(tracker)
        await page.get_by_role("button", name="Look it up").click()
        await expect(page.locator("main")).to_contain_text(answer)
        await inspector.look(page, "tracker")


async def test_the_board_is_turned_page_by_page(stage: Stage, page: Page) -> None:
    """Every event is on exactly one page, forwards and backwards."""
    poll = await stage.opened(3, questions=[Question(text="Yes?", options=["Yes", "No"])])
    for place in range(52):
        await poll.cast(place % 3, [[1, 0]])
    await page.goto(at(stage, poll, "/board"))
    heights = page.locator("tbody th")
    first = await heights.all_inner_texts()
    await page.get_by_role("link", name="Later").click()
    await expect(heights.first).to_have_text("50")
    assert first + await heights.all_inner_texts() == [str(height) for height in range(53)]
    await page.get_by_role("link", name="Earlier").click()
    await expect(heights.first).to_have_text("0")
    assert await heights.all_inner_texts() == first


async def test_the_first_key_leads_past_what_every_page_repeats(stage: Stage, page: Page) -> None:
    await page.goto(stage.origin)
    await page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the content")
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Organise elections")).to_be_focused()
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"


async def test_the_page_checks_the_whole_election_in_the_browser(
    stage: Stage, page: Page, inspector: Inspector, published: Published
) -> None:
    await page.goto(at(stage, published.poll, "/verify"))
    await inspector.look(page, "verify")
    await page.get_by_role("button", name="Check it here").click()
    await expect(page.locator("#outcome")).to_contain_text("Everything is right", timeout=60_000)
    await expect(page.locator("[data-report=ballots]")).to_have_text("6")
    await expect(page.locator("[data-report=counted]")).to_have_text("5")
    head = await page.locator("[data-report=head]").inner_text()
    assert head == (await published.poll.board()).head
    await inspector.look(page, "verified")


async def test_the_page_says_when_the_board_is_not_sound(
    stage: Stage, page: Page, inspector: Inspector, published: Published
) -> None:
    headers = {"Access-Control-Allow-Origin": "*"}
    await page.route("**/archive", lambda route: route.fulfill(body=b"BELENIOS", headers=headers))
    await page.goto(at(stage, published.poll, "/verify"))
    await page.get_by_role("button", name="Check it here").click()
    await expect(page.locator("#outcome .bad")).to_contain_text("The board is not a whole and unbroken chain")
    await inspector.look(page, "not-sound")


async def test_the_commands_on_the_page_accept_the_archive_that_it_links(
    stage: Stage, page: Page, published: Published, tmp_path: Path
) -> None:
    """Each command is copied from the page and run by a shell, but for the one that needs belenios-tool 3."""
    await page.goto(at(stage, published.poll, "/verify"))
    commands = [await page.locator(f"#command-{name}").inner_text() for name in ("download", "two")]
    program = "set -e\n" + "\n".join(commands)
    done = subprocess.run(["sh", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: ASYNC221  # nothing else runs meanwhile
    assert done.returncode == 0, done.stderr
    assert "all checks passed" in done.stdout + done.stderr


async def test_the_commands_for_version_3_check_every_ballot(
    stage: Stage, page: Page, published: Published, tmp_path: Path
) -> None:
    """belenios-tool 3 is played by a program that notes how it was called and looks at the file."""
    tool = tmp_path / "belenios-tool"
    tool.write_text('#!/bin/sh\necho "$@"\ncase "$2" in verify-ballot) grep -q \'"credential"\' "$6";; esac\n')
    tool.chmod(0o755)
    await page.goto(at(stage, published.poll, "/verify"))
    download = await page.locator("#command-download").inner_text()
    commands = await page.locator("#command-three").inner_text()
    done = subprocess.run(  # noqa: ASYNC221  # nothing else runs meanwhile
        ["sh", "-c", f"{download}\nPATH={tmp_path}:$PATH\n{commands}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    called = done.stdout.splitlines()
    assert called[0] == "election verify --dir ."
    assert len({line for line in called if line.startswith("election verify-ballot")}) == 6
    assert "WRONG" not in done.stdout


async def test_files_are_offered_for_download(stage: Stage, published: Published) -> None:
    base = at(stage, published.poll)
    async with httpx.AsyncClient() as client:
        table = await client.get(f"{base}/result.csv")
        rows = list(csv.reader(io.StringIO(table.text)))
        assert any("Amina" in row for row in rows)
        assert (await client.get(f"{base}/result.json")).json()["uuid"] == published.poll.uuid
        whole = (await client.get(f"{base}/election.bel")).content
        part = await client.get(f"{base}/election.bel", headers={"Range": "bytes=512-1023"})
    assert part.status_code == 206
    assert part.content == whole[512:1024]
    assert table.headers["content-disposition"].startswith("attachment")


async def test_before_its_publication_no_result_can_be_downloaded(stage: Stage) -> None:
    poll = await stage.opened(5)
    for place in range(5):
        await poll.cast(place, AMINA_AND_ONE)
    await poll.close()
    await decrypt(poll)
    async with httpx.AsyncClient() as client:
        for file in ("result.csv", "result.json"):
            answer = await client.get(at(stage, poll, f"/{file}"))
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:uvote:problem:not-yet")


async def test_moments_are_shown_in_the_readers_own_time_too(stage: Stage, chromium: Browser) -> None:
    poll = await stage.sealed(3, zone="Europe/Berlin")
    profile = await chromium.new_context(timezone_id="America/New_York")
    page = await profile.new_page()
    await page.goto(at(stage, poll))
    moment = page.locator("time").first
    await expect(moment).to_contain_text("(Europe/Berlin)")
    await expect(page.locator(".own-time").first).to_contain_text("(America/New_York)")
    await profile.close()


async def test_every_public_page_says_the_same_without_scripts(
    stage: Stage, chromium: Browser, published: Published
) -> None:
    profile = await chromium.new_context(java_script_enabled=False)
    page = await profile.new_page()
    await page.goto(at(stage, published.poll, "/result"))
    await expect(page.locator("main")).to_contain_text("Unanimous")
    await page.goto(at(stage, published.poll, "/verify"))
    await expect(page.locator("noscript .note")).to_be_visible()
    await expect(page.get_by_role("button", name="Check it here")).to_be_hidden()
    await profile.close()


async def test_a_part_that_does_not_answer_gives_a_page_that_says_so(
    page: Page, stage: Stage, inspector: Inspector
) -> None:
    poll = await stage.sealed(3)
    stage.system.kill("ballot")
    try:
        answer = await page.goto(at(stage, poll))
        assert answer is not None
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "A part of this site does not answer at the moment"
        )
        await inspector.look(page, "silent")
    finally:
        await stage.system.start("ballot")

    async def there() -> bool:
        reloaded = await page.goto(at(stage, poll))
        return reloaded is not None and reloaded.status == 200

    await eventually(there)
