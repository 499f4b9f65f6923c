"""What a browser that cannot go on tells: two words, which somebody on call finds in the metrics ten seconds later."""

import asyncio
import json
import re

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Request, expect
from prometheus_client.parser import text_string_to_metric_families

from tests.journeys.elections import Invitation, Poll, Stage
from tests.journeys.test_voter_trouble import BALLOTS, CREDENTIALS, lose, ready_to_cast
from tests.journeys.voting_page import VotingPage, new_voting_page
from tests.service.harness import free_port, until

FAILURES = re.compile(r"/v1/elections/\w+/failures$")
WITHOUT_CRYPTOGRAPHY = "Object.defineProperty(crypto, 'subtle', { value: undefined })"


@pytest.fixture(scope="module")
async def ports(stage: Stage) -> dict[str, int]:
    """Where the two services that hear of failures serve their metrics."""
    ports = {"ballot": free_port(), "frontend": free_port()}
    for service, port in ports.items():
        stage.system.kill(service)
        await stage.system.ended(service)
        await stage.system.start(service, metrics_port=port)
    return ports


@pytest.fixture(scope="module")
async def trial(stage: Stage) -> Poll:
    """An open election that decides nothing."""
    return await stage.opened(2, election_class="test")


@pytest.fixture
async def unheard(tab: VotingPage) -> VotingPage:
    """A tab whose reports get nowhere."""
    await tab.page.route(FAILURES, lose)
    return tab


def reports(tab: VotingPage) -> list[Request]:
    """What it has told, or tried to."""
    return [request for request in tab.requests if FAILURES.search(request.url) and request.method == "POST"]


async def counted(port: int, **labels: str) -> float:
    """How many reports with these labels are shown."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name == "uvote_browser_failures_total" and labels.items() <= sample.labels.items()
    )


async def is_shown(port: int, number: int, **labels: str) -> None:
    """Waits for the tick."""
    async with asyncio.timeout(30):
        while await counted(port, **labels) != number:  # noqa: ASYNC110  # another process sets no event of ours
            await asyncio.sleep(0.5)


async def test_a_ballot_that_does_not_get_through_is_counted_once_however_often_it_is_tried(
    tab: VotingPage, invitation: Invitation, ports: dict[str, int]
) -> None:
    await ready_to_cast(tab, invitation)
    await tab.page.route(BALLOTS, lose)
    await tab.press("Cast my ballot")
    await expect(tab.trouble).to_be_visible()
    tries = len(tab.casts)
    await tab.wake()

    async def tried_again() -> bool:
        return len(tab.casts) > tries

    await until(tried_again)
    told = {"step": "send", "browser_reason": "offline"}
    await is_shown(ports["ballot"], 1, **told, election_class="real")
    assert await counted(ports["ballot"], **told, election_class="test") == 0
    (report,) = reports(tab)
    assert json.loads(report.post_data or "") == {"step": "send", "reason": "offline"}
    assert not {"cookie", "referer", "authorization"} & (await report.all_headers()).keys()


async def test_a_browser_without_cryptography_is_counted_for_the_class_of_its_election(
    profile: BrowserContext, trial: Poll, ports: dict[str, int]
) -> None:
    tab = await new_voting_page(profile, trial)
    await tab.page.add_init_script(WITHOUT_CRYPTOGRAPHY)
    await tab.open((await trial.invitation(0)).link, "insecure")
    told = {"step": "prepare", "browser_reason": "insecure"}
    await is_shown(ports["ballot"], 1, **told, election_class="test")
    assert await counted(ports["ballot"], **told, election_class="real") == 0


async def test_a_page_whose_script_does_not_start_is_counted(
    tab: VotingPage, invitation: Invitation, ports: dict[str, int]
) -> None:
    await tab.page.clock.install()
    await tab.page.route(re.compile(r"/static/\w+/vote\.js$"), lose)
    await tab.page.goto(invitation.link)
    await tab.page.clock.fast_forward(19_000)
    assert reports(tab) == []
    await tab.page.clock.fast_forward(2_000)
    await is_shown(ports["ballot"], 1, step="load", browser_reason="script-blocked", election_class="real")


async def test_a_browser_without_scripts_is_counted(
    chromium: Browser, invitation: Invitation, ports: dict[str, int]
) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(invitation.link)
    await is_shown(ports["frontend"], 1, step="load", browser_reason="script-blocked", election_class="real")
    await context.close()


async def test_what_a_voter_does_is_no_failure(tab: VotingPage, invitation: Invitation) -> None:
    """A mistyped code, most of all, would say that a vote is about to be cast."""
    await tab.open(invitation.link)
    await tab.review()
    await tab.cast("111")
    await expect(tab.code_error).not_to_be_empty()
    await tab.cast(invitation.end)
    await tab.tracker()
    assert reports(tab) == []


async def test_a_report_that_gets_nowhere_stops_nobody_and_is_sent_again_when_it_fails_again(
    unheard: VotingPage, invitation: Invitation
) -> None:
    await ready_to_cast(unheard, invitation)
    await unheard.page.route(CREDENTIALS, lose)
    await unheard.press("Cast my ballot")
    await expect(unheard.trouble).to_be_visible()
    await unheard.wake()

    async def twice() -> bool:
        return len(reports(unheard)) == 2

    await until(twice)
    await unheard.page.unroute(CREDENTIALS)
    await unheard.wake()
    await unheard.tracker()
