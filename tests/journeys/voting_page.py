"""The voting page as a voter uses it, and what it sends as a network would see it."""

from dataclasses import dataclass, field
from urllib.parse import quote

from playwright.async_api import BrowserContext, Dialog, Locator, Page, Request, expect

from tests.journeys.elections import Invitation, Poll
from tests.journeys.inspection import Inspector, new_page

AMINA, CHEN = "Amina", "Chen"
CHOIR, FOOD_BANK = "Choir", "Food bank"


@dataclass
class VotingPage:
    """A browser's tab. `requests` are all that it has made, `dialogs` the kinds of what it asked the voter."""

    poll: Poll
    page: Page
    inspector: Inspector
    requests: list[Request] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    @property
    def end_field(self) -> Locator:
        return self.page.get_by_role("textbox", name="The last three characters of your code")

    @property
    def code_field(self) -> Locator:
        return self.page.get_by_role("textbox", name="Your code")

    @property
    def code_error(self) -> Locator:
        return self.page.locator("#code-error")

    @property
    def trouble(self) -> Locator:
        return self.page.locator("#trouble-sentence")

    @property
    def casts(self) -> list[Request]:
        """The ballots that were sent."""
        return [request for request in self.requests if request.method == "POST" and request.url.endswith("/ballots")]

    def remember(self, request: Request) -> None:
        self.requests.append(request)

    async def accept(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.type)
        await dialog.accept()

    def screen(self, name: str) -> Locator:
        return self.page.locator(f'[data-screen="{name}"]')

    async def open(self, url: str, screen: str = "choose") -> None:
        await self.page.goto(url)
        await self.is_at(screen)

    async def is_at(self, screen: str) -> None:
        await expect(self.screen(screen)).to_be_visible(timeout=15_000)

    async def has_focus(self, screen: str) -> None:
        """Somebody who hears the page is told of the new screen."""
        await expect(self.screen(screen).locator("h2").first).to_be_focused()

    async def look(self, name: str) -> None:
        await self.inspector.look(self.page, name)

    async def choose(self, *options: str) -> None:
        for option in options:
            await self.page.locator(".choice label").get_by_text(option, exact=True).click()

    async def review(self, *options: str) -> None:
        await self.choose(*(options or (AMINA, CHOIR)))
        await self.press("Review my choice")
        await self.is_at("review")

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name).click()

    async def cast(self, end: str) -> None:
        """Types the end of the code and presses."""
        await self.end_field.fill(end)
        await self.press("Cast my ballot")

    async def vote(self, invitation: Invitation, *options: str) -> str:
        """The whole way from the link to the tracker."""
        await self.open(invitation.link)
        await self.review(*options)
        await self.cast(invitation.end)
        return await self.tracker()

    async def tracker(self) -> str:
        """Once it is there."""
        await self.is_at("done")
        return await self.page.locator("#tracker").inner_text()

    async def wake(self) -> None:
        """What a browser says when the connection is back: whatever the page waits for, it looks again at once."""
        await self.page.evaluate("window.dispatchEvent(new Event('online'))")

    async def kept(self) -> list[str]:
        """The names of what the tab has stored."""
        names: list[str] = await self.page.evaluate("Object.keys(sessionStorage).map((key) => key.split('/').pop())")
        return sorted(names)


async def new_voting_page(profile: BrowserContext, poll: Poll, label: str = "voter") -> VotingPage:
    """A tab that is watched: no complaint of its scripts, no request to anybody else."""
    stage = poll.stage
    inspector = Inspector(label)
    page = await new_page(profile, inspector, stage.origin, stage.system.installation.public_url("ballot"))
    voting = VotingPage(poll, page, inspector)
    page.on("request", voting.remember)
    page.on("dialog", voting.accept)
    return voting


def board_link(poll: Poll, tracker: str) -> str:
    """Where the page says that the ballot is to be found."""
    return f"/election/{poll.uuid}/board?tracker={quote(tracker, safe='')}"
