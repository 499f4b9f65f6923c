"""What is demanded of every page, in every state: looked at by axe, at full width and at 320 px, under its own policy.

With UVOTE_SCREENSHOTS=FOLDER each page that is looked at leaves pictures of itself there, for people to look at.
"""

import os
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Page, ViewportSize

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 640}

RUN_AXE = """async (rules) => {
  const options = { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
}"""
OVERFLOWING = """() => document.documentElement.scrollWidth > document.documentElement.clientWidth
  ? Array.from(document.querySelectorAll("body *"))
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .map((element) => `${element.tagName}.${element.className}`).slice(0, 5)
  : []"""
# Links within sentences are exempt by the guideline; everything else that is pressed must be large enough.
NUMBERS = "**/numbers"
PRESSED = "button, input:not([type=hidden]), select, summary, nav a, a.button"
SMALL_TARGETS = """(pressed) => Array.from(document.querySelectorAll(pressed))
  .filter((element) => element.checkVisibility() && !element.closest(".visually-hidden"))
  .map((element) => [element, element.getBoundingClientRect()])
  .filter(([element, box]) => box.height < 24 && !(element.labels?.[0]?.getBoundingClientRect().height >= 24))
  .map(([element, box]) => `${element.outerHTML.slice(0, 80)}: ${box.height}`)"""


class Inspector:
    """Looks at pages of one profile; what their scripts complain about is collected in `complaints`."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.number = 0
        self.complaints: list[str] = []
        self.foreign: list[str] = []

    def watch(self, page: Page, *origins: str) -> None:
        """Listens to a page from now on; requests may go to these origins only."""
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._on_request(request.url, origins))

    def _on_console(self, message: ConsoleMessage) -> None:
        # A refusal that the page understands is logged by the browser as a failed load.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _on_request(self, url: str, origins: tuple[str, ...]) -> None:
        if not url.startswith((*origins, "blob:", "data:", "about:")):
            self.foreign.append(url)

    async def look(self, page: Page, name: str) -> None:
        """Fails when the page is not as it must be."""
        self.number += 1
        # An organiser's page loads itself again when the election has gone on; not while it is looked at.
        await page.route(NUMBERS, lambda route: route.abort())
        await page.wait_for_load_state()
        await self._look(page, name)
        await page.unroute(NUMBERS)

    async def _look(self, page: Page, name: str) -> None:
        problems = [*await _axe(page), *await page.evaluate(SMALL_TARGETS, PRESSED)]
        await self._picture(page, name, "wide")
        await page.set_viewport_size(NARROW)
        overflowing: list[Any] = await page.evaluate(OVERFLOWING)
        problems += [f"too wide at 320 px: {element}" for element in overflowing]
        await self._picture(page, name, "narrow")
        await page.set_viewport_size(WIDE)
        assert not problems, f"{name} ({page.url}): " + "\n".join(problems)
        assert not self.complaints, f"{name}: {self.complaints}"
        assert not self.foreign, f"{name}: {self.foreign}"

    async def _picture(self, page: Page, name: str, width: str) -> None:
        if folder := os.environ.get("UVOTE_SCREENSHOTS"):
            path = f"{folder}/{self.label}-{self.number:02}-{name}-{width}.png"
            await page.screenshot(path=path, full_page=True)


async def _axe(page: Page) -> list[str]:
    # Evaluated, not added as a script: the page's own policy forbids that, as it should.
    await page.evaluate(AXE.read_text())
    found: list[str] = await page.evaluate(RUN_AXE, RULES)
    return found


async def new_page(profile: BrowserContext, inspector: Inspector, *origins: str) -> Page:
    """A page that is watched."""
    page = await profile.new_page()
    await page.set_viewport_size(WIDE)
    # Colours are measured; they must not be on their way to others.
    await page.emulate_media(reduced_motion="reduce")
    inspector.watch(page, *origins)
    return page
