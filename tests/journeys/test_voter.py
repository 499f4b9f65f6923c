"""A voter in a real browser: from the mail's link to the tracker, and every other end that the way can come to."""

import re
from itertools import pairwise, product

import pytest
from playwright.async_api import Browser, BrowserContext, Request, expect

from services.ballot.contract import Phase
from services.election.contract import State
from tests.journeys.elections import Invitation, Poll, Stage, at
from tests.journeys.inspection import NARROW
from tests.journeys.voting_page import AMINA, CHEN, CHOIR, FOOD_BANK, VotingPage, board_link, new_voting_page

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

WRONG_CLOCK = "2031-01-01T00:00:00Z"


def mistyped(end: str) -> str:
    """Another group, with which the whole is no code."""
    return end[:2] + ALPHABET[(ALPHABET.index(end[2]) + 1) % 58]


def plausible(end: str) -> str:
    """Another group, with which the whole has the right check digit: the last two digits add up alike, modulo 53."""
    total = sum(ALPHABET.index(digit) for digit in end[1:])
    pairs = (x + y for x, y in product(ALPHABET, repeat=2) if (ALPHABET.index(x) + ALPHABET.index(y) - total) % 53 == 0)
    return end[0] + next(pair for pair in pairs if pair != end[1:])


async def test_a_voter_votes(tab: VotingPage, invitation: Invitation, poll: Poll) -> None:
    """Chooses, reviews, types three characters, gets the tracker, finds the ballot; every screen is accessible."""
    await tab.open(invitation.link)
    await tab.look("choose")
    await tab.review(AMINA, CHOIR, FOOD_BANK)
    await tab.has_focus("review")
    await expect(tab.page.locator("#chosen dd")).to_have_text(["Amina", "Choir", "Food bank"])
    await tab.look("review")
    await tab.cast(invitation.end)
    tracker = await tab.tracker()
    await tab.has_focus("done")
    await tab.look("done")
    assert (await poll.stage.ballot.look_up_tracker(poll.uuid, tracker)).status == "counts"
    find = tab.page.get_by_role("link", name="Find my ballot on the board")
    assert await find.get_attribute("href") == board_link(poll, tracker)
    await find.click()
    await expect(tab.page.get_by_text("It is on the board, and it counts.")).to_be_visible()


async def test_the_code_leaves_the_device_in_no_request_and_stays_in_no_storage(
    tab: VotingPage, invitation: Invitation
) -> None:
    await tab.open(invitation.link)
    assert tab.page.url == invitation.page
    assert await tab.page.evaluate("history.length") == 2  # the empty page before it, and no entry with the code
    await tab.review()
    await tab.cast(invitation.end)
    await tab.tracker()
    await _sent_nothing_of(tab.requests, invitation)
    assert await tab.kept() == ["tracker"]
    assert await tab.page.evaluate("localStorage.length") == 0
    assert await tab.page.context.cookies() == []


async def _sent_nothing_of(requests: list[Request], invitation: Invitation) -> None:
    """Two neighbouring groups of a code do not stand in anything by chance."""
    groups = invitation.code.split("-")
    pairs = [pattern for a, b in pairwise(groups) for pattern in (a + b, f"{a}-{b}")]
    for request in requests:
        headers = await request.all_headers()
        said = f"{request.url} {headers} {request.post_data or ''}"
        assert not [pair for pair in pairs if pair in said]
        assert not [name for name in ("cookie", "referer", "authorization") if headers.get(name)]


async def test_with_the_keyboard_alone_on_a_narrow_screen(tab: VotingPage, invitation: Invitation) -> None:
    """Nothing but Tab, arrows, space and Enter, at 320 px."""
    page = tab.page
    await page.set_viewport_size(NARROW)
    await tab.open(invitation.link)
    await _tab_to(tab, "q0-0")
    await page.keyboard.press("ArrowDown")
    await _tab_to(tab, "q1-1")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await tab.has_focus("review")
    await expect(page.locator("#chosen dd")).to_have_text(["Ben", "Choir"])
    await _tab_to(tab, "code")
    await page.keyboard.type(invitation.end)
    await page.keyboard.press("Enter")
    await tab.has_focus("done")
    await _tab_to(tab, "copy")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.keyboard.press("Enter")
    await expect(page.locator("#kept-how")).to_have_text("The tracker has been copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == await tab.tracker()


async def _tab_to(tab: VotingPage, element: str) -> None:
    for _ in range(30):
        await tab.page.keyboard.press("Tab")
        if await tab.page.evaluate("document.activeElement.id") == element:
            return
    pytest.fail(f"the keyboard does not reach {element}")


async def test_the_tracker_is_downloaded(tab: VotingPage, invitation: Invitation) -> None:
    tracker = await tab.vote(invitation)
    async with tab.page.expect_download() as download:
        await tab.press("Download")
    text = (await (await download.value).path()).read_text()
    assert f"Tracker of my ballot: {tracker}\n" in text
    assert f"{tab.poll.stage.origin}/election/{tab.poll.uuid}/board" in text


async def test_on_paper_stand_the_election_the_tracker_and_the_board(tab: VotingPage, invitation: Invitation) -> None:
    await tab.vote(invitation)
    await tab.page.emulate_media(media="print")
    for text in ("Council 2026", await tab.page.locator("#tracker").inner_text(), "/board"):
        await expect(tab.page.get_by_text(text).first).to_be_visible()
    await expect(tab.page.get_by_role("button", name="Print")).to_be_hidden()


async def test_the_end_of_voting_is_told_in_the_voters_own_time_zone(
    chromium: Browser, poll: Poll, invitation: Invitation
) -> None:
    context = await chromium.new_context(timezone_id="Asia/Tokyo")
    tab = await new_voting_page(context, poll)
    await tab.open(invitation.link)
    told = re.compile(r"^Open until \w+, .* \(Tokyo, your time; .* in Berlin\)$")
    await expect(tab.page.locator("#deadline")).to_have_text(told)
    await context.close()


async def test_a_wrong_clock_of_the_device_changes_nothing(tab: VotingPage, invitation: Invitation) -> None:
    await tab.page.clock.set_system_time(WRONG_CLOCK)
    await tab.vote(invitation)


async def test_without_the_links_part_the_whole_code_is_asked_for(tab: VotingPage, invitation: Invitation) -> None:
    await tab.open(invitation.page)
    await tab.review()
    await tab.look("review-whole")
    await tab.code_field.fill("abc")
    await tab.press("Cast my ballot")
    await expect(tab.code_error).to_contain_text("five groups")
    await tab.code_field.fill(f" {invitation.code.replace('-', ' ')} ")
    await tab.press("Cast my ballot")
    await tab.tracker()


@pytest.mark.parametrize("broken", ["#abc-def", "#%E0%A4%A", "#0OIl-aaa-aaa-aaa"])
async def test_a_broken_link_says_so_and_the_whole_code_still_works(
    tab: VotingPage, invitation: Invitation, broken: str
) -> None:
    await tab.open(invitation.page + broken)
    await expect(tab.page.locator("#link-broken")).to_be_visible()
    if broken == "#abc-def":
        await tab.look("broken-link")
    await tab.review()
    await tab.code_field.fill(invitation.code)
    await tab.press("Cast my ballot")
    await tab.tracker()


async def test_a_link_to_no_election_says_that_nothing_was_sent(tab: VotingPage, poll: Poll) -> None:
    for path in ("/vote/1111111111111111", "/vote/nothing"):
        response = await tab.page.goto(poll.stage.origin + path)
        assert response is not None
        assert response.status == 404
        await expect(tab.page.get_by_role("heading", name="There is no such ballot")).to_be_visible()
    await tab.look("missing")


async def test_a_mistyped_end_of_the_code_is_named_before_anything_is_encrypted(
    tab: VotingPage, invitation: Invitation
) -> None:
    await tab.open(invitation.link)
    await tab.review()
    for end, sentence in {
        "": "Type the last three characters",
        "0O": "No code has such a character",
        "ab": "exactly three characters",
        mistyped(invitation.end): "something is mistyped",
        plausible(invitation.end): "This is not the end of your code.",
    }.items():
        await tab.cast(end)
        await expect(tab.code_error).to_contain_text(sentence)
        await expect(tab.end_field).to_be_focused()
    await tab.look("wrong-code")
    assert tab.casts == []
    await tab.cast(invitation.end)
    await tab.tracker()


async def test_choices_that_are_not_allowed_are_named_at_their_question(
    tab: VotingPage, invitation: Invitation
) -> None:
    await tab.open(invitation.link)
    await tab.choose("Bicycle workshop", CHOIR, FOOD_BANK)
    await expect(tab.page.locator("#q1-error")).to_have_text("Choose at most 2; you have chosen 3.")
    await tab.press("Review my choice")
    await expect(tab.page.locator("#q0-error")).to_have_text("Choose an option.")
    await expect(tab.page.locator("#q0-0")).to_be_focused()
    await tab.look("choice-errors")
    await tab.choose(AMINA, CHOIR)
    await expect(tab.page.locator("#q1-error")).to_be_empty()
    await tab.press("Review my choice")
    await tab.is_at("review")


async def test_a_blank_vote_and_an_empty_choice_are_said_in_words(tab: VotingPage, invitation: Invitation) -> None:
    await tab.open(invitation.link)
    await tab.review("Blank vote")
    await expect(tab.page.locator("#chosen dd")).to_have_text(["Blank vote", "No option chosen"])
    await tab.cast(invitation.end)
    await tab.tracker()


async def test_back_leads_from_the_review_to_the_same_choices(tab: VotingPage, invitation: Invitation) -> None:
    await tab.open(invitation.link)
    await tab.review(AMINA)
    await tab.press("Change my choice")
    await tab.has_focus("choose")
    await tab.review(CHEN)
    await tab.page.go_back()
    await expect(tab.page.locator("#q0-2")).to_be_checked()


async def test_from_a_second_device_replacing_is_said_before_it_is_done(
    tab: VotingPage, other_device: VotingPage, invitation: Invitation, poll: Poll
) -> None:
    first = await tab.vote(invitation)
    await other_device.open(invitation.link)
    await other_device.review(CHEN)
    await other_device.cast(invitation.end)
    await other_device.is_at("replace")
    await other_device.has_focus("replace")
    await other_device.look("replace")
    assert other_device.casts == []
    await other_device.press("Cast this ballot instead")
    second = await other_device.tracker()
    statuses = [(await poll.stage.ballot.look_up_tracker(poll.uuid, tracker)).status for tracker in (first, second)]
    assert statuses == ["replaced", "counts"]


async def test_whoever_keeps_the_earlier_ballot_casts_nothing(
    tab: VotingPage, other_device: VotingPage, invitation: Invitation
) -> None:
    await tab.vote(invitation)
    await other_device.open(invitation.link)
    await other_device.review(CHEN)
    await other_device.cast(invitation.end)
    await other_device.press("Keep the earlier ballot")
    await other_device.is_at("kept-earlier")
    await other_device.look("kept-earlier")
    assert other_device.casts == []


async def test_where_votes_are_final_a_second_one_is_refused_before_it_is_made(
    stage: Stage, profile: BrowserContext
) -> None:
    poll = await stage.opened(1, revote_allowed=False)
    await poll.cast(0, [[0, 1, 0, 0, 0, 0], [0, 0, 0, 0]])
    invitation = await poll.invitation(0)
    tab = await new_voting_page(profile, poll)
    await tab.open(invitation.link)
    await tab.review()
    await tab.cast(invitation.end)
    await tab.is_at("already-voted")
    await tab.look("already-voted")
    assert tab.casts == []


async def test_whoever_is_too_early_sees_when_it_begins_and_then_votes_or_hears_of_the_withdrawal(
    stage: Stage, profile: BrowserContext
) -> None:
    """Two elections that open in an hour: one is opened early, one is withdrawn."""
    opened, withdrawn = [await stage.sealed(1, opens=at("UTC", minutes=90)) for _ in range(2)]
    invitation = await opened.invitation(0)
    tab = await new_voting_page(profile, opened)
    await tab.page.clock.set_system_time(WRONG_CLOCK)
    await tab.open(invitation.link, "not-yet")
    await expect(tab.page.locator("#countdown")).to_have_text("1 hour, 29 minutes")
    await tab.look("not-yet")
    await opened.change(Phase.OPEN, opens="now")
    await tab.wake()
    await tab.is_at("choose")
    await tab.review()
    await tab.cast(invitation.end)
    await tab.tracker()

    link = (await withdrawn.invitation(0)).link
    await tab.open(link, "not-yet")
    await stage.world.election.unseal_election(withdrawn.id, bearer=stage.token)
    await withdrawn.reach(Phase.WITHDRAWN)
    await tab.wake()
    await tab.is_at("withdrawn")
    await tab.look("withdrawn")
    await withdrawn.become(State.DRAFT)
    response = await tab.page.goto(link.partition("#")[0])
    assert response is not None
    assert response.status == 410
    await expect(tab.page.get_by_role("heading", name="This election was withdrawn")).to_be_visible()


async def test_while_voting_is_paused_a_ballot_is_kept_and_then_cast(stage: Stage, profile: BrowserContext) -> None:
    poll = await stage.opened(2)
    invitation = await poll.invitation(0)
    tab = await new_voting_page(profile, poll)
    await tab.open(invitation.link)
    await tab.review()
    await poll.change(Phase.PAUSED, opens="pause")
    await tab.cast(invitation.end)
    await tab.is_at("paused")
    await expect(tab.page.locator("#paused-kept")).to_be_visible()
    await tab.look("paused")
    await poll.change(Phase.OPEN, opens="now")
    await tab.wake()
    await tab.tracker()
    assert (await poll.board()).ballots == 1


async def test_whoever_is_too_late_is_led_to_the_result(stage: Stage, profile: BrowserContext) -> None:
    poll = await stage.opened(2)
    early, late = [await poll.invitation(number) for number in range(2)]
    choosing = await new_voting_page(profile, poll)
    await choosing.open(early.link)
    await choosing.review()
    await poll.change(Phase.CLOSED, closes="now")
    await choosing.cast(early.end)
    await choosing.is_at("too-late")
    await choosing.look("too-late")
    assert await choosing.kept() == ["link"]
    tab = await new_voting_page(profile, poll)
    await tab.open(late.link, "closed")
    await tab.look("closed")
    result = tab.page.get_by_role("link", name="See the result")
    assert await result.get_attribute("href") == f"/election/{poll.uuid}/result"
