"""A voter whom something happens to: lost connections, reloads, impatience, dying servers, pages that are not right."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, BrowserContext, Route, async_playwright, expect

from services.ballot.contract import Phase
from services.voting.group import BELENIOS_2048
from tests.conftest import CHROMIUM_ARGUMENTS
from tests.journeys.elections import Invitation, Poll, Stage
from tests.journeys.inspection import Inspector
from tests.journeys.voting_page import CHEN, VotingPage, new_voting_page
from tests.service.voter_world import eventually
from tests.setup import find_chromium

CREDENTIALS = re.compile(r"/v1/elections/\w+/credentials/[0-9a-f]{64}$")
BALLOTS = re.compile(r"/v1/elections/\w+/ballots$")


async def ready_to_cast(tab: VotingPage, invitation: Invitation, *options: str) -> None:
    """The end of the code is typed, nothing is pressed."""
    await tab.open(invitation.link)
    await tab.review(*options)
    await tab.end_field.fill(invitation.end)


async def ballots_of(tab: VotingPage) -> int:
    return (await tab.poll.board()).ballots


async def lose(route: Route) -> None:
    """The request gets nowhere."""
    await route.abort("connectionfailed")


async def lose_answer(route: Route) -> None:
    """The request arrives, its answer does not."""
    await route.fetch()
    await route.abort("connectionreset")


def refuse(status: int, code: str, origin: str, **headers: str) -> Callable[[Route], Awaitable[None]]:
    """The board refuses."""

    async def answer(route: Route) -> None:
        allowed = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
        problem = json.dumps({"type": f"urn:uvote:problem:{code}", "status": status})
        await route.fulfill(status=status, body=problem, headers={**allowed, **headers})

    return answer


async def test_after_a_reload_the_link_is_still_known_and_the_choice_is_not(
    tab: VotingPage, invitation: Invitation
) -> None:
    await ready_to_cast(tab, invitation)
    assert await tab.kept() == ["link"]
    await tab.page.reload()
    await tab.is_at("choose")
    await expect(tab.page.locator("input:checked")).to_have_count(0)
    await tab.review()
    await expect(tab.end_field).to_have_value("")
    await tab.cast(invitation.end)
    tracker = await tab.tracker()
    await tab.page.reload()
    assert await tab.tracker() == tracker


async def test_offline_while_casting_the_same_bytes_are_sent_when_the_connection_is_back(
    tab: VotingPage, invitation: Invitation
) -> None:
    before = await ballots_of(tab)
    await ready_to_cast(tab, invitation)
    await tab.page.route(BALLOTS, lose)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_contain_text("The connection was lost.")
    await tab.look("connection-lost")
    assert await tab.kept() == ["link", "pending"]
    tried = len(tab.casts)
    await tab.press("Try now")

    async def tried_again() -> bool:
        return len(tab.casts) > tried

    await eventually(tried_again)
    await tab.page.unroute(BALLOTS)
    await tab.wake()
    await tab.tracker()
    await expect(tab.page.locator("#trouble")).to_be_hidden()
    assert len({request.post_data for request in tab.casts}) == 1
    assert await ballots_of(tab) == before + 1


async def test_a_reload_while_casting_is_warned_of_and_sends_the_same_bytes(
    tab: VotingPage, invitation: Invitation
) -> None:
    await ready_to_cast(tab, invitation)
    await tab.page.route(BALLOTS, lose)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_be_visible()
    await tab.page.unroute(BALLOTS)
    await tab.page.reload()
    assert tab.dialogs == ["beforeunload"]
    await tab.tracker()
    assert len({request.post_data for request in tab.casts}) == 1


async def test_a_ballot_whose_answer_was_lost_is_found_again_even_after_the_close(
    stage: Stage, profile: BrowserContext
) -> None:
    poll = await stage.opened(1)
    tab = await new_voting_page(profile, poll)
    await ready_to_cast(tab, await poll.invitation(0))
    await tab.page.route(BALLOTS, lose_answer)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_be_visible()
    await poll.change(Phase.CLOSED, closes="now")
    await tab.page.reload()
    await tab.tracker()
    assert await ballots_of(tab) == 1


async def test_pressing_twice_casts_once(tab: VotingPage, invitation: Invitation) -> None:
    before = await ballots_of(tab)
    pressed = asyncio.Event()

    async def hold(route: Route) -> None:
        await pressed.wait()
        await route.continue_()

    await ready_to_cast(tab, invitation)
    await tab.page.route(CREDENTIALS, hold)
    for _ in range(3):
        await tab.press("Cast my ballot")
    pressed.set()
    await tab.tracker()
    assert len([request for request in tab.requests if CREDENTIALS.search(request.url)]) == 1
    assert len(tab.casts) == 1
    assert await ballots_of(tab) == before + 1


async def test_a_ballot_that_waited_does_not_replace_a_later_one_unasked(
    tab: VotingPage, other_device: VotingPage, invitation: Invitation
) -> None:
    """The telephone lost its connection; the voter votes on another device; the telephone comes back."""
    await ready_to_cast(tab, invitation)
    await tab.page.route(BALLOTS, lose)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_be_visible()
    later = await other_device.vote(invitation, CHEN)
    await tab.page.unroute(BALLOTS)
    await tab.wake()
    await tab.is_at("replace")
    await tab.press("Keep the earlier ballot")
    await tab.is_at("kept-earlier")
    assert await tab.kept() == ["link"]
    assert (await tab.poll.stage.ballot.look_up_tracker(tab.poll.uuid, later)).status == "counts"


async def test_a_board_that_dies_and_comes_back_costs_no_ballot(stage: Stage, profile: BrowserContext) -> None:
    poll = await stage.opened(1)
    tab = await new_voting_page(profile, poll)
    invitation = await poll.invitation(0)
    await ready_to_cast(tab, invitation)
    stage.system.kill("ballot")
    await stage.system.ended("ballot")
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_contain_text("The ballot box cannot be reached.")
    await stage.system.start("ballot")
    await tab.wake()
    await tab.tracker()
    assert await ballots_of(tab) == 1


async def test_a_page_that_is_opened_while_the_board_is_down_goes_on_when_it_is_back(
    stage: Stage, tab: VotingPage, invitation: Invitation
) -> None:
    stage.system.kill("ballot")
    await stage.system.ended("ballot")
    await tab.open(invitation.link, "loading")
    await expect(tab.trouble).to_contain_text("This page keeps trying; nothing is lost.")
    await tab.look("board-down")
    await stage.system.start("ballot")
    await tab.wake()
    await tab.is_at("choose")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [(503, "queue-full", "does not answer at the moment"), (429, "too-many", "Very many people are voting")],
)
async def test_a_full_ballot_box_is_asked_again_when_it_says_so(
    tab: VotingPage, invitation: Invitation, status: int, code: str, sentence: str
) -> None:
    await ready_to_cast(tab, invitation)
    answer = refuse(status, code, tab.poll.stage.origin, **{"Retry-After": "1"})
    await tab.page.route(BALLOTS, answer, times=1)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_contain_text(sentence)
    await tab.tracker()


@pytest.mark.parametrize(
    ("status", "code", "screen"),
    [
        (410, "withdrawn", "withdrawn"),
        (409, "already-voted", "already-voted"),
        (409, "too-many-ballots", "too-many-ballots"),
        (422, "unknown-credential", "refused"),
        (422, "foreign-ballot", "wrong-definition"),
        (422, "invalid-proofs", "refused"),
        (404, "no-such-board", "unknown-election"),
    ],
)
async def test_a_refused_ballot_ends_in_a_sentence_and_is_not_sent_again(
    tab: VotingPage, invitation: Invitation, status: int, code: str, screen: str
) -> None:
    await ready_to_cast(tab, invitation)
    await tab.page.route(BALLOTS, refuse(status, code, tab.poll.stage.origin))
    await tab.press("Cast my ballot")
    await tab.is_at(screen)
    await tab.has_focus(screen)
    await tab.look(f"refused-{screen}")
    assert "pending" not in await tab.kept()


def with_another_name(definition: str) -> str:
    return definition.replace("Amina", "Amira")


def with_another_key(definition: str) -> str:
    """All that is shown stays the same, but somebody else could decrypt."""
    key = json.loads(definition)["public_key"]
    return definition.replace(key, str(int(key) ** 2 % BELENIOS_2048.p))


@pytest.mark.parametrize("changed", [with_another_name, with_another_key])
async def test_another_definition_than_the_sealed_one_stops_the_page(
    tab: VotingPage, invitation: Invitation, changed: Callable[[str], str]
) -> None:
    """Whoever changes a single character of what the board hands out gets no vote."""

    async def change(route: Route) -> None:
        response = await route.fetch()
        body = changed(await response.text())
        headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": tab.poll.stage.origin}
        await route.fulfill(status=200, headers=headers, body=body)

    await tab.page.route(re.compile(r"/definition$"), change)
    await tab.open(invitation.link, "wrong-definition")
    assert tab.casts == []


CHANGE_PAGE = """(([from, to]) => new MutationObserver(() => {
  for (const shown of document.querySelectorAll("label, .description")) {
    if (shown.textContent.includes(from)) shown.textContent = shown.textContent.replace(from, to);
  }
}).observe(document, { childList: true, subtree: true }))"""


@pytest.mark.parametrize("change", [("Amina", "Amira"), ("Candidates", "Winners")])
async def test_other_questions_on_the_page_than_the_sealed_ones_stop_it(
    tab: VotingPage, invitation: Invitation, change: tuple[str, str]
) -> None:
    """Whoever changes a single character of what the voter reads gets no vote."""
    await tab.page.add_init_script(f"{CHANGE_PAGE}({json.dumps(change)})")
    await tab.open(invitation.link, "wrong-definition")
    assert tab.casts == []


async def test_a_browser_that_cannot_run_the_encryption_says_so(tab: VotingPage, invitation: Invitation) -> None:
    await tab.page.route(re.compile(r"/voting/worker\.js$"), lose)
    await tab.open(invitation.link, "unsupported")
    await tab.look("unsupported")


async def test_without_a_secure_context_the_page_stops(stage: Stage, invitation: Invitation) -> None:
    """The same page under a name that is neither https nor this machine."""
    arguments = [*CHROMIUM_ARGUMENTS, "--host-resolver-rules=MAP vote.example 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        page = await browser.new_page()
        await page.goto(invitation.link.replace("localhost", "vote.example"))
        await expect(page.locator('[data-screen="insecure"]')).to_be_visible()
        await Inspector("voter").look(page, "insecure")
        assert page.url.endswith(invitation.page.rpartition("/")[2])
        await browser.close()


async def test_without_scripts_the_page_explains_itself(chromium: Browser, poll: Poll, invitation: Invitation) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(invitation.link)
    await expect(page.get_by_role("heading", name="This page needs JavaScript")).to_be_visible()
    await expect(page.get_by_role("heading", name="Council 2026")).to_be_visible()
    await expect(page.get_by_text("Voting ends on")).to_be_visible()
    await expect(page.get_by_text("Preparing your ballot")).to_be_hidden()
    await context.close()


async def test_every_failure_has_a_screen_or_a_field(tab: VotingPage, invitation: Invitation) -> None:
    """The list of reasons and the page's screens agree."""
    await tab.open(invitation.link)
    folder = (await tab.page.locator('script[src*="/vote.js"]').get_attribute("src") or "").removesuffix(".js")
    final = await tab.page.evaluate("async (url) => (await import(url)).FINAL", f"{folder}/failures.js")
    screens = await tab.page.eval_on_selector_all("[data-screen]", "(all) => all.map((one) => one.dataset.screen)")
    assert set(final) - set(screens) == {"unknown-code", "mistyped-code"}


PRESS_EVERYTHING = """(text) => {
  for (const input of document.querySelectorAll("input, textarea")) {
    if (["radio", "checkbox"].includes(input.type)) input.click();
    else if (text) { input.value = text; input.dispatchEvent(new Event("input", { bubbles: true })); }
  }
  for (const form of document.querySelectorAll("main form")) form.requestSubmit();
  for (const button of document.querySelectorAll("main button, main summary, main [role=button]")) button.click();
}"""


@pytest.mark.parametrize("text", ["", "aaa"])
@pytest.mark.parametrize("carries_code", [True, False])
async def test_a_scanner_that_opens_links_and_presses_everything_casts_nothing(
    tab: VotingPage, invitation: Invitation, poll: Poll, text: str, *, carries_code: bool
) -> None:
    before = (await poll.board()).ballots
    await tab.open(invitation.link if carries_code else invitation.page)
    for _ in range(3):
        await tab.page.evaluate(PRESS_EVERYTHING, text)
        await tab.page.wait_for_load_state("networkidle")
    assert tab.casts == []

    async def nothing_came() -> bool:
        return (await poll.board()).ballots == before

    await eventually(nothing_came)
    await tab.vote(invitation)
