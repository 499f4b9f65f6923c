"""An organiser at a browser, and what else an election of theirs needs: a trustee with a key, voters who vote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from playwright.async_api import BrowserContext, Page, expect

from services.election.contract import Election, State, TrusteeKey
from services.result.contract import PartialDecryption
from services.shared.client import Refused
from services.voting.ballot import make_ballot
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.tally import partial_decryption
from services.voting.trustee import generate_private_key, public_key_record
from tests.journeys.elections import Stage
from tests.journeys.inspection import Inspector, new_page
from tests.service.harness import PASSWORD
from tests.service.voter_world import eventually


def typed(instant: datetime) -> str:
    """As a field for date and time takes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def tomorrow(days: int = 1) -> str:
    """A moment in so many days."""
    return typed(datetime.now(UTC) + timedelta(days=days))


@dataclass
class Office:
    """An organiser at a browser. `tokens` are those of another session, for looking behind the pages."""

    stage: Stage
    page: Page
    inspector: Inspector
    email: str
    tokens: Mapping[str, str]
    trustee_keys: list[int] = field(default_factory=list)

    async def go(self, path: str) -> None:
        await self.page.goto(self.stage.origin + path)

    async def look(self, name: str) -> None:
        """The page is as every page must be."""
        await self.inspector.look(self.page, name)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.locator("main").get_by_role("link", name=name, exact=True).first.click()

    async def says(self, text: str) -> None:
        await expect(self.page.locator("main")).to_contain_text(text)

    async def sign_in(self) -> None:
        await self.page.get_by_label("Mail address").fill(self.email)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.press("Sign in")

    @property
    def election_id(self) -> str:
        """Of the election whose page is open."""
        return self.page.url.partition("/organise/")[2].split("/")[0].partition("?")[0]

    async def begin(self, name: str) -> None:
        """A new election, up to the form with everything about it."""
        await self.go("/organise/new")
        await self.page.get_by_label("What is it called?").fill(name)
        await self.press("Go on")

    async def write(self) -> None:
        """Fills in the form with two questions and a schedule."""
        page = self.page
        await page.get_by_label("Description").fill("The members decide.\nAsk the office about it.")
        await page.locator("#question-0-text").fill("Who shall chair the board?")
        await page.locator("#question-0-options").fill("Amina\nBen\n\nChen\n")
        await page.locator("#question-0-blank").check()
        await self.press("Add a question")
        await page.locator("#question-1-text").fill("Which projects shall be funded?")
        await page.locator("#question-1-options").fill("Choir\nFood bank\nRobotics")
        await page.locator("#question-1-minimum").fill("0")
        await page.locator("#question-1-maximum").fill("2")
        await page.get_by_label("Time zone").select_option("Europe/Berlin")
        await page.get_by_label("Voting opens").fill(tomorrow())
        await page.get_by_label("Voting closes").fill(tomorrow(2))
        await page.get_by_label("Answers go to").fill("office@example.org")

    async def import_roll(self, rows: Sequence[str], *, header: str = "address,name,weight") -> None:
        content = "\n".join([header, *rows]).encode()
        await self.go(f"/organise/{self.election_id}/roll")
        await self.page.locator("#file").set_input_files(
            {"name": "roll.csv", "mimeType": "text/csv", "buffer": content}
        )
        await self.press("Import")

    async def send_test_mail(self) -> None:
        await self.go(f"/organise/{self.election_id}/mails")
        await self.page.get_by_label("Send it to").fill(self.email)
        await self.press("Send the test mail")

    async def election(self) -> Election:
        """The election whose page is open, as `election` has it."""
        return await self.stage.world.election.read_election(self.election_id, bearer=self.tokens["election"])

    async def becomes(self, state: State) -> None:
        """Waits for the state."""

        async def reached() -> bool:
            return (await self.election()).state is state

        await eventually(reached)

    async def trustees_publish(self) -> None:
        """Every trustee of the election makes a key, with the code from their mail."""
        for trustee in (await self.election()).trustees:
            code = (await self.stage.mailbox.wait_for(trustee.address)).code
            private = generate_private_key(BELENIOS_2048)
            record = public_key_record(private, BELENIOS_2048, trustee.name)
            key = TrusteeKey(public_key=record["public_key"], **record["pok"])
            await self.stage.world.election.publish_trustee_key(trustee.id, key, code=code)
            self.trustee_keys.append(private)

    async def trustees_decrypt(self) -> None:
        """Every trustee decrypts."""
        uuid = (await self.election()).uuid
        definition = Definition.parse(await self.stage.world.election.read_definition(uuid))
        tally = await self.stage.result.read_tally(uuid)
        assert tally.encrypted_tally is not None
        for owner, private in enumerate(self.trustee_keys, start=1):
            share = partial_decryption(tally.encrypted_tally.encode(), definition, private).decode()
            await post_share(self.stage, uuid, PartialDecryption(owner=owner, partial_decryption=share))

    async def vote(self, address: str, choices: list[list[int]]) -> str:
        """A voter votes with the code of their first mail; returns the tracker."""
        uuid = (await self.election()).uuid
        definition = Definition.parse(await self.stage.world.election.read_definition(uuid))
        code = (await self.stage.mailbox.wait_for(address)).code
        return (await self.stage.ballot.cast_ballot(uuid, make_ballot(definition, code, choices))).tracker


async def post_share(stage: Stage, uuid: str, share: PartialDecryption) -> None:
    """Posts it as soon as `result` has heard that the tally may be decrypted."""

    async def taken() -> bool:
        try:
            await stage.result.post_partial_decryption(uuid, share)
        except Refused as refusal:
            if refusal.type != "decryption-unconfirmed":
                raise
            return False
        return True

    await eventually(taken)


async def open_office(stage: Stage, profile: BrowserContext, label: str) -> Office:
    """A new organiser at a page that nobody has opened anything in yet."""
    organiser, tokens = await stage.system.organiser("Bea")
    inspector = Inspector(label)
    page = await new_page(profile, inspector, stage.origin)
    return Office(stage, page, inspector, organiser.email, tokens)
