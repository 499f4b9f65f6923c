"""A trustee in a real browser: makes, keeps and publishes a key; after the close checks the board and decrypts."""

import json
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Request, Route, expect

from services.election.contract import Election, NewTrustee, State
from services.voting.ballot import make_ballot
from services.voting.election import Election as Definition
from services.voting.group import BELENIOS_2048
from services.voting.trustee import generate_private_key
from tests.journeys.elections import Stage
from tests.journeys.inspection import Inspector, new_page
from tests.service.election_world import ALL
from tests.service.voter_world import addresses, eventually

ANN = [[0, 1, 0]]
BEN = [[0, 0, 1]]


@pytest.fixture
def inspector() -> Inspector:
    return Inspector("trustee")


@pytest.fixture
async def page(stage: Stage, profile: BrowserContext, inspector: Inspector) -> Page:
    board = stage.system.installation.public_url("ballot")
    return await new_page(profile, inspector, stage.origin, board)


async def appoint(stage: Stage, election: Election) -> tuple[str, str]:
    """A trustee is invited; returns the mail's link and code."""
    address = f"tess@{addresses(1)[0].partition('@')[2]}"
    trustee = NewTrustee(name="Tess Trustee", address=address)
    await stage.world.election.add_trustee(election.id, trustee, bearer=stage.token)
    mail = await stage.mailbox.wait_for(address)
    return mail.link, mail.code


async def open_page(page: Page, link: str, code: str) -> None:
    await page.goto(link)
    await page.get_by_label("Code").fill(code[-3:])
    await page.get_by_role("button", name="Open my page").click()


async def save_key(page: Page, folder: Path) -> Path:
    """Makes a key and saves its file."""
    await page.get_by_role("button", name="Make a key").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Save the key file").click()
    file = await download.value
    path = folder / file.suggested_filename
    await file.save_as(path)
    return path


async def publish_key(page: Page, path: Path) -> None:
    """Chooses the file again and publishes."""
    await page.get_by_label("The file that you have just saved").set_input_files(path)
    await page.get_by_role("button", name="Publish my public key").click()
    await expect(page.get_by_role("heading", name="Your key is published")).to_be_visible()


async def draft(stage: Stage, voters: list[str]) -> Election:
    question = {"text": "Who?", "options": ["Ann", "Ben"], "blank": True}
    return await stage.world.draft(voters, questions=[question], zone="UTC")


async def hold(stage: Stage, election: Election, voters: list[str], votes: list[list[list[int]]]) -> None:
    """The election from the last draft to its encrypted tally, without a page."""
    await stage.world.test_mail(election)
    await stage.world.election.seal_election(election.id, ALL, bearer=stage.token)
    sealed = await stage.world.reached(election, State.SEALED)
    await stage.world.open(sealed)
    definition = Definition.parse(await stage.world.election.read_definition(sealed.uuid))
    for voter, choices in zip(voters, votes, strict=False):
        code = (await stage.mailbox.wait_for(voter)).code
        await stage.ballot.cast_ballot(sealed.uuid, make_ballot(definition, code, choices))
    await stage.world.closing(sealed)
    await stage.world.reached(election, State.CLOSED)


async def test_a_trustee_makes_a_key_and_decrypts_the_tally(
    stage: Stage, page: Page, inspector: Inspector, tmp_path: Path
) -> None:
    """The private key is in no request, and the code in no address."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108  # the library takes no built-in
    voters = addresses(6)
    election = await draft(stage, voters)
    link, code = await appoint(stage, election)
    await page.goto(link)
    assert "#" not in page.url
    await inspector.look(page, "code")
    await page.get_by_label("Code").fill(code[-3:])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Make your key")).to_be_focused()
    await inspector.look(page, "make")
    path = await save_key(page, tmp_path)
    await expect(page.get_by_role("button", name="Publish my public key")).to_be_disabled()
    await inspector.look(page, "save")
    await publish_key(page, path)
    await inspector.look(page, "published")
    (trustee,) = (await stage.world.read(election)).trustees
    private = int(json.loads(path.read_text()))
    assert trustee.public_key == str(BELENIOS_2048.g_power(private))

    await hold(stage, election, voters, [ANN, ANN, BEN, ANN, BEN])
    await open_page(page, link, code)
    await inspector.look(page, "decrypt")
    await page.get_by_role("button", name="Check the board").click()
    await expect(page.locator("#board-report")).to_contain_text("holds 5 of them")
    await inspector.look(page, "checked")
    await page.get_by_label("Your key file").set_input_files(path)
    await page.get_by_role("button", name="Decrypt and send my part").click()
    await expect(page.get_by_role("heading", name="You have done your part")).to_be_visible()
    await inspector.look(page, "done")
    closed = await stage.world.reached(election, State.DECRYPTED)
    result = await stage.result.read_result(closed.uuid)
    assert [option.votes for option in result.questions[0].options] == [3, 2]

    assert not [each.url for each in requests if str(private) in (each.post_data or "") + each.url]
    assert not [each.url for each in requests if code[:15] in each.url or code in (each.post_data or "")]


async def test_another_file_is_not_taken_for_the_key(stage: Stage, page: Page, tmp_path: Path) -> None:
    election = await draft(stage, addresses(3))
    link, code = await appoint(stage, election)
    await open_page(page, link, code)
    path = await save_key(page, tmp_path)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(str(generate_private_key(BELENIOS_2048))))
    chosen = page.get_by_label("The file that you have just saved")
    await chosen.set_input_files(other)
    await expect(page.locator("#saved-error")).to_contain_text("This is not the file that was just downloaded.")
    other.write_text("no key")
    await chosen.set_input_files([])
    await chosen.set_input_files(other)
    await expect(page.locator("#saved-error")).to_contain_text("This file holds no key.")
    await expect(page.get_by_role("button", name="Publish my public key")).to_be_disabled()
    await chosen.set_input_files(path)
    await expect(page.locator("#saved-good")).to_have_text("This is the right file.")
    assert (await stage.world.read(election)).trustees[0].public_key is None


async def test_a_mistyped_code_and_an_old_one_are_told_apart(stage: Stage, page: Page, inspector: Inspector) -> None:
    election = await draft(stage, addresses(3))
    link, code = await appoint(stage, election)
    wrong = code[-3:-1] + ("1" if code[-1] != "1" else "2")
    await page.goto(link)
    await page.get_by_label("Code").fill(wrong)
    await page.get_by_role("button", name="Open my page").click()
    await expect(page.locator("#code-error")).to_contain_text("Something in the code is mistyped.")
    await inspector.look(page, "mistyped")
    (trustee,) = (await stage.world.read(election)).trustees
    await stage.world.election.invite_trustee(election.id, trustee.id, bearer=stage.token)
    await page.get_by_label("Code").fill(code[-3:])
    await page.get_by_role("button", name="Open my page").click()
    await expect(page.locator("#message")).to_contain_text("Perhaps you were sent a newer invitation.")
    await inspector.look(page, "old-code")


async def test_a_link_without_its_end_asks_for_the_whole_code(stage: Stage, page: Page) -> None:
    election = await draft(stage, addresses(3))
    link, code = await appoint(stage, election)
    await page.goto(link.partition("#")[0])
    await expect(page.locator("main")).to_contain_text("five groups of three characters")
    await page.get_by_label("Code").fill(f" {code.replace('-', ' ')} ")
    await page.get_by_role("button", name="Open my page").click()
    await expect(page.get_by_role("heading", name="Make your key")).to_be_visible()


async def test_a_board_that_differs_is_not_decrypted(
    stage: Stage, page: Page, inspector: Inspector, tmp_path: Path
) -> None:
    """One byte of a ballot is changed on its way: the page stops before it asks for the key."""
    voters = addresses(3)
    election = await draft(stage, voters)
    link, code = await appoint(stage, election)
    await open_page(page, link, code)
    await publish_key(page, await save_key(page, tmp_path))
    await hold(stage, election, voters, [ANN, BEN])
    await stage.world.election.confirm_decryption(election.id, bearer=stage.token)

    async def tamper(route: Route) -> None:
        answer = await route.fetch()
        body = bytearray(await answer.body())
        place = body.index(b'"alpha":"') + len(b'"alpha":"') + 5
        body[place] = ord("1") if body[place] != ord("1") else ord("2")
        await route.fulfill(response=answer, body=bytes(body))

    await page.route("**/archive", tamper)
    await open_page(page, link, code)
    await page.get_by_role("button", name="Check the board").click()
    await expect(page.locator("#message")).to_contain_text("The board is not a whole and unbroken chain")
    await expect(page.get_by_label("Your key file")).to_be_hidden()
    await inspector.look(page, "board-refused")


async def test_very_few_ballots_wait_for_the_organiser(
    stage: Stage, page: Page, inspector: Inspector, tmp_path: Path
) -> None:
    voters = addresses(3)
    election = await draft(stage, voters)
    link, code = await appoint(stage, election)
    await open_page(page, link, code)
    await publish_key(page, await save_key(page, tmp_path))
    await hold(stage, election, voters, [ANN])
    await open_page(page, link, code)
    await expect(page.locator("main")).to_contain_text("The organiser must allow the decryption first.")
    await inspector.look(page, "unconfirmed")

    async def confirmed() -> bool:
        return (await stage.world.read(election)).decryption_confirmed

    await stage.world.election.confirm_decryption(election.id, bearer=stage.token)
    await eventually(confirmed)
    await open_page(page, link, code)
    await expect(page.get_by_role("button", name="Check the board")).to_be_visible()
