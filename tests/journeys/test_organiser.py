"""An organiser in a real browser: from signing in to the archived election, by forms alone."""

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from services.ballot.contract import Phase
from services.election.contract import State
from tests.journeys.elections import Stage
from tests.journeys.inspection import Inspector, new_page
from tests.journeys.office import Office, open_office, tomorrow
from tests.service.voter_world import addresses, eventually

VOTERS = 12


@pytest.fixture
async def office(stage: Stage, profile: BrowserContext) -> Office:
    return await open_office(stage, profile, "organiser")


async def test_an_organiser_runs_an_election_from_the_first_word_to_the_archive(office: Office) -> None:
    voters = addresses(VOTERS)
    await office.go("/organise")
    await office.look("sign-in")
    await office.sign_in()
    await office.says("Your first election")
    await office.look("no-election-yet")
    await draft(office, voters)
    await seal_and_open(office)
    await run(office, voters)
    await count(office)


async def draft(office: Office, voters: list[str]) -> None:
    await office.follow("New election")
    await office.look("new")
    await office.page.get_by_label("What is it called?").fill("Board election 2027")
    await office.press("Go on")
    await office.write()
    await office.look("edit")
    await office.press("Save")
    await office.says("Saved.")
    await office.look("draft")
    await office.go(f"/organise/{office.election_id}/preview")
    await expect(office.page.get_by_role("radio")).to_have_count(4)
    await expect(office.page.get_by_role("checkbox")).to_have_count(3)
    await office.look("preview")
    await office.go(f"/organise/{office.election_id}/roll")
    await office.look("empty-roll")
    await office.import_roll([*(f"{each},Voter {place},1" for place, each in enumerate(voters)), "nobody,Nobody,1"])
    await office.says("Some lines were refused.")
    await office.look("import-report")
    await office.follow("Go to the roll")
    await office.page.get_by_label("Part of an address or a name").fill("Voter 7")
    await office.press("Find")
    await office.look("roll")
    await office.follow(voters[7])
    await office.look("voter")
    await office.go(f"/organise/{office.election_id}/trustees")
    await office.page.get_by_label("Name").fill("Tess Trustee")
    await office.page.get_by_label("Mail address").fill(f"tess-{office.email}")
    await office.press("Add and invite")
    await office.says("is being invited by mail")
    await office.look("trustees")
    await office.send_test_mail()
    await office.says("The mail server accepted the test mail.")
    await office.look("test-mail")
    await office.go(f"/organise/{office.election_id}/seal")
    await office.says("You can seal the election when everything is there.")
    await office.look("checklist")
    await office.trustees_publish()


async def seal_and_open(office: Office) -> None:
    await office.go(f"/organise/{office.election_id}/seal")
    await office.press("Seal the election")
    await office.says("Tick this box if it is so")
    await office.look("seal-refused")
    await office.page.get_by_label("I have read the preview and the test mail").check()
    await office.press("Seal the election")
    await office.becomes(State.SEALED)
    await office.go(f"/organise/{office.election_id}")
    await office.says("Ready to open")
    await office.look("sealed")
    await office.go(f"/organise/{office.election_id}/mails")
    await office.press("Send the invitations now")
    await office.says(f"{VOTERS} invitations are on their way.")
    await office.look("invitations")
    await office.go(f"/organise/{office.election_id}/unseal")
    await office.look("unseal")
    await office.go(f"/organise/{office.election_id}/schedule")
    await office.look("schedule")
    await change_schedule(office, "Open voting now")
    await office.becomes(State.OPEN)


async def change_schedule(office: Office, what: str, *, time: str = "") -> None:
    await office.go(f"/organise/{office.election_id}/schedule")
    await office.page.get_by_role("radio", name=what).check()
    await office.page.get_by_label("New time").fill(time)
    await office.page.get_by_label("Reason").fill("The meeting has begun.")
    if what == "Close voting now":
        await office.page.get_by_label("If I close voting now").check()
    await office.press("Change the schedule")
    await office.says("The change is ordered.")


async def run(office: Office, voters: list[str]) -> None:
    uuid = (await office.election()).uuid
    for place, choices in enumerate([[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]):
        await office.vote(voters[place], [choices, [1, 1, 0]])
    await office.go(f"/organise/{office.election_id}")
    await expect(office.page.locator("[data-number=voted]")).to_have_text("4")
    await office.look("open")
    await office.vote(voters[4], [[0, 1, 0, 0], [0, 0, 1]])
    # The page's script fetches the numbers anew; nobody loads the page.
    await expect(office.page.locator("[data-number=voted]")).to_have_text("5", timeout=15_000)
    await office.go(f"/organise/{office.election_id}/mails")
    await office.press("Send reminders now")
    await office.says(f"{VOTERS - 5} reminders are on their way")
    await office.look("reminders")
    await change_schedule(office, "Pause voting")
    await reach(office, uuid, Phase.PAUSED)
    await office.go(f"/organise/{office.election_id}/schedule")
    await office.look("paused")
    await change_schedule(office, "Go on with voting now")
    await reach(office, uuid, Phase.OPEN)
    await change_schedule(office, "Close at another time", time=tomorrow(3))
    await change_schedule(office, "Close voting now")
    await office.becomes(State.CLOSED)


async def reach(office: Office, uuid: str, phase: Phase) -> None:
    """Waits until the board and the organiser's page agree on it."""

    async def reached() -> bool:
        board, election = await office.stage.ballot.read_board(uuid), await office.election()
        return board.phase is phase and election.paused is (phase is Phase.PAUSED)

    await eventually(reached)


async def count(office: Office) -> None:
    await office.go(f"/organise/{office.election_id}")
    await office.says("The tally holds 5 ballots.")
    await office.look("closed")
    await office.trustees_decrypt()
    await office.becomes(State.DECRYPTED)
    await office.go(f"/organise/{office.election_id}")
    await office.look("decrypted")
    await office.follow("Look at the result")
    await office.says("Most votes: Amina.")
    await office.look("result-before-publication")
    await office.press("Publish the result")
    await office.says("The result is public.")
    await office.look("published")
    await office.go(f"/organise/{office.election_id}/audit")
    await office.says("The election was sealed")
    await office.look("audit")
    await office.go(f"/organise/{office.election_id}")
    await office.page.get_by_text("Archive the election").click()
    await office.page.get_by_label("Yes, delete the roll").check()
    await office.press("Archive")
    await office.becomes(State.ARCHIVED)
    await office.go(f"/organise/{office.election_id}")
    await office.look("archived")
    await office.go("/organise")
    await office.look("list")
    await office.go("/account")
    await office.look("account")


async def test_the_form_names_what_is_wrong_beside_each_field_and_keeps_what_was_typed(office: Office) -> None:
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("A draft with faults")
    page = office.page
    await page.locator("#question-0-text").fill("Which?")
    await page.locator("#question-0-options").fill("One\nTwo\nOne")
    await page.locator("#question-0-maximum").fill("9")
    await page.get_by_label("Name", exact=True).fill("")
    await office.press("Save")
    summary = page.get_by_role("alert")
    await expect(summary).to_contain_text("“One” stands here twice.")
    await expect(summary).to_contain_text("There are only 3 options")
    await expect(summary).to_be_focused()
    await office.look("form-with-errors")
    await summary.get_by_role("link", name="“One” stands here twice.").click()
    await expect(page.locator("#question-0-options")).to_be_focused()
    await expect(page.locator("#question-0-options")).to_have_value("One\nTwo\nOne")
    await expect(page.locator("#question-0-options")).to_have_attribute("aria-invalid", "true")


async def test_a_time_that_comes_twice_is_asked_back_and_one_that_never_comes_is_refused(office: Office) -> None:
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("In the night of the clocks")
    page = office.page
    await page.get_by_label("Time zone").select_option("Europe/Berlin")
    await page.get_by_label("Voting opens").fill("2027-03-28T02:30")
    await office.press("Save")
    await office.says("This time does not exist")
    await page.get_by_label("Voting opens").fill("2027-10-31T02:30")
    await office.press("Save")
    await office.says("This time comes twice")
    await office.look("ambiguous-time")
    await page.get_by_label("The second one, an hour later").check()
    await office.press("Save")
    await office.says("Saved.")
    opens_at = (await office.election()).opens_at
    assert opens_at is not None
    assert opens_at.isoformat() == "2027-10-31T01:30:00+00:00"


async def test_questions_are_added_moved_and_removed_without_any_script(stage: Stage, chromium: Browser) -> None:
    """And the whole form is saved without any."""
    profile = await chromium.new_context(java_script_enabled=False)
    organiser, tokens = await stage.system.organiser("Nora")
    inspector = Inspector("no-script")
    page = await new_page(profile, inspector, stage.origin)
    office = Office(stage, page, inspector, organiser.email, tokens)
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("Without scripts")
    await office.write()
    await page.get_by_role("button", name="Move up: question 2").click()
    await expect(page.locator("#question-0-text")).to_have_value("Which projects shall be funded?")
    await page.get_by_role("button", name="Remove: question 2").click()
    await expect(page.locator("#question-1-text")).to_have_count(0)
    assert (await office.election()).draft.questions == []
    await office.press("Save")
    (question,) = (await office.election()).draft.questions
    assert (question.text, question.minimum, question.maximum) == ("Which projects shall be funded?", 0, 2)
    await profile.close()


async def test_whoever_saves_second_is_told_and_overwrites_nothing(office: Office) -> None:
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("Two tabs")
    await office.write()
    other = await office.page.context.new_page()
    await other.goto(office.page.url)
    await other.get_by_label("Name", exact=True).fill("Saved first")
    await other.get_by_role("button", name="Save", exact=True).click()
    await expect(other.locator("main")).to_contain_text("Saved.")
    await office.press("Save")
    await office.says("Somebody has changed this election meanwhile.")
    assert (await office.election()).draft.name == "Saved first"


async def test_nothing_is_deleted_unless_it_is_confirmed(office: Office) -> None:
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("To be deleted")
    await office.go(f"/organise/{office.election_id}/delete")
    await office.press("Delete")
    await office.says("Confirm that you want to delete it.")
    await office.look("delete")
    await office.page.get_by_label("Yes, delete the draft and its roll").check()
    await office.press("Delete")
    await office.says("The draft is being deleted")


async def test_an_unsealed_election_is_a_draft_again(stage: Stage, office: Office) -> None:
    voters = addresses(3)
    await office.go("/organise/new")
    await office.sign_in()
    await office.begin("Sealed too early")
    await office.write()
    await office.press("Save")
    await office.import_roll([f"{each},,1" for each in voters])
    await office.go(f"/organise/{office.election_id}/trustees")
    await office.page.get_by_label("Name").fill("Tess")
    await office.page.get_by_label("Mail address").fill(f"tess-{office.email}")
    await office.press("Add and invite")
    await office.send_test_mail()
    await office.trustees_publish()
    await office.go(f"/organise/{office.election_id}/seal")
    await office.page.get_by_label("I have read the preview and the test mail").check()
    await office.page.get_by_label("There are fewer than 10 voters").check()
    await office.page.get_by_label("A weight is held by fewer than 5").check()
    await office.press("Seal the election")
    await office.becomes(State.SEALED)
    uuid = (await office.election()).uuid
    await office.go(f"/organise/{office.election_id}/unseal")
    await office.press("Unseal")
    await office.says("Confirm that every code that was sent shall become worthless.")
    await office.page.get_by_label("Yes, make all codes void").check()
    await office.press("Unseal")
    await office.becomes(State.DRAFT)
    await office.go(f"/organise/{office.election_id}")
    await office.says("What to do")
    await office.go(f"/election/{uuid}")
    await office.says("took this election back before it opened")
    await office.look("withdrawn")
