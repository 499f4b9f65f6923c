"""An organiser in a real browser: from signing in to the archived election, by forms alone."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import BrowserContext, Page, expect

from services.election.contract import Election, State, TrusteeKey
from services.result.contract import PartialDecryption
from services.voting import ballot
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.tally import partial_decryption
from services.voting.trustee import generate_private_key, public_key_record
from tests.journeys.elections import Stage
from tests.journeys.inspection import Inspector, new_page
from tests.service.harness import PASSWORD
from tests.service.voter_world import eventually

VOTERS = 12


@dataclass
class Office:
    """An organiser at a browser."""

    stage: Stage
    page: Page
    inspector: Inspector
    email: str

    async def go(self, path: str) -> None:
        await self.page.goto(self.stage.origin + path)

    async def look(self, name: str) -> None:
        await self.inspector.look(self.page, name)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    async def sign_in(self) -> None:
        await self.page.get_by_label("Mail address").fill(self.email)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.press("Sign in")

    async def says(self, text: str) -> None:
        await expect(self.page.locator("main")).to_contain_text(text)


@pytest.fixture
async def office(stage: Stage, profile: BrowserContext) -> AsyncIterator[Office]:
    organiser, _ = await stage.system.organiser("Bea")
    inspector = Inspector("organiser")
    page = await new_page(profile, inspector, stage.origin)
    yield Office(stage, page, inspector, organiser.email)


def typed(instant: datetime) -> str:
    """As a field for date and time takes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


async def begin(office: Office, name: str) -> None:
    """A new election, up to the form with everything about it."""
    await office.go("/organise/new")
    await office.page.get_by_label("What is it called?").fill(name)
    await office.press("Go on")


async def write(office: Office) -> None:
    """Fills in the form; questions are added and moved by buttons that save nothing."""
    page = office.page
    await page.get_by_label("Description").fill("The members decide.\nAsk the office about it.")
    await page.get_by_label("What is asked").fill("Who shall chair the board?")
    await page.get_by_label("Options").fill("Amina\nBen\n\nChen\n")
    await page.get_by_label("Allow a blank vote").check()
    await office.press("Add a question")
    await page.locator("#question-1-text").fill("Which projects shall be funded?")
    await page.locator("#question-1-options").fill("Choir\nFood bank\nRobotics")
    await page.locator("#question-1-minimum").fill("0")
    await page.locator("#question-1-maximum").fill("2")
    await page.get_by_label("Time zone").select_option("Europe/Berlin")
    await page.get_by_label("Voting opens").fill(typed(datetime.now(UTC) + timedelta(days=1)))
    await page.get_by_label("Voting closes").fill(typed(datetime.now(UTC) + timedelta(days=2)))
    await page.get_by_label("Answers go to").fill("office@example.org")


async def current(office: Office, election_id: str) -> Election:
    """The election as `election` has it."""
    _, tokens = office.email, office.tokens if hasattr(office, "tokens") else {}
    return await office.stage.world.election.read_election(election_id, bearer=tokens["election"])
