"""An organiser's session in cookies: begun, refreshed in parallel, ended; and who never gets a cookie."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie

import asyncpg
import pytest

from services.auth.throttling import bucket, network
from tests.service.frontend_world import Browser, browser_at
from tests.service.harness import PASSWORD, System

SIGNED_IN = {"__Host-access", "__Host-refresh", "__Host-device", "__Host-csrf"}


@pytest.fixture(scope="module")
async def running(system: System) -> System:
    await system.start("auth", "election", "frontend")
    return system


@pytest.fixture
async def browser(running: System) -> AsyncIterator[Browser]:
    async with browser_at(running) as browser:
        yield browser


@pytest.fixture
async def email(running: System) -> str:
    organiser, _ = await running.organiser("Bea")
    return organiser.email


async def test_whoever_is_not_signed_in_is_led_to_the_form_and_back_again(browser: Browser, email: str) -> None:
    answer = await browser.get("/organise/new?from=a mail")
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place == "/sign-in?next=%2Forganise%2Fnew%3Ffrom%3Da%2520mail"
    page = await browser.get(place)
    assert 'value="/organise/new?from=a%20mail"' in page.text
    fields = {"email": email, "password": PASSWORD, "next": "/organise/new?from=a%20mail"}
    signed_in = await browser.submit(place, "/sign-in", fields)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/organise/new?from=a%20mail")
    assert (await browser.get("/organise/new")).status_code == 200


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/x"]
)
async def test_signing_in_never_leads_to_another_site(browser: Browser, email: str, place: str) -> None:
    fields = {"email": email, "password": PASSWORD, "next": place}
    answer = await browser.submit("/sign-in", "/sign-in", fields)
    assert answer.headers["location"] == "/organise"


async def test_cookies_are_bound_to_this_host_and_out_of_reach_of_scripts(browser: Browser, email: str) -> None:
    answer = await browser.sign_in(email)
    assert set(browser.cookies) == SIGNED_IN
    for header in answer.headers.get_list("set-cookie"):
        ((name, morsel),) = SimpleCookie(header).items()
        assert name.startswith("__Host-")
        assert (morsel["secure"], morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, True, "Lax", "/")
        assert not morsel["domain"]


async def test_a_wrong_password_and_a_wrong_name_are_told_alike(browser: Browser, email: str) -> None:
    wrong = [await browser.sign_in(email, "not it"), await browser.sign_in(f"no-{email}", PASSWORD)]
    for answer in wrong:
        assert answer.status_code == 401
        assert "The address or the password is wrong." in answer.text
    assert "__Host-refresh" not in browser.cookies


async def test_what_was_typed_is_shown_again_but_never_a_password(browser: Browser, email: str) -> None:
    answer = await browser.sign_in(email, "a secret & wrong")
    assert email in answer.text
    assert "a secret" not in answer.text


async def test_a_session_goes_on_when_its_access_has_run_out(browser: Browser, email: str) -> None:
    await browser.sign_in(email)
    before = browser.cookies.copy()
    del browser.cookies["__Host-access"]
    assert (await browser.get("/organise")).status_code == 200
    assert browser.cookies["__Host-refresh"] != before["__Host-refresh"]
    assert "__Host-access" in browser.cookies


async def test_parallel_requests_do_not_end_the_session(browser: Browser, email: str) -> None:
    """All of them find the access token gone and exchange the same refresh token."""
    await browser.sign_in(email)
    del browser.cookies["__Host-access"]
    answers = await asyncio.gather(*(browser.client.get("/organise", headers=_sent(browser)) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    for answer in answers:
        kept = Browser(browser.client)
        kept.cookies = {"__Host-refresh": _refresh_of(answer.headers.get_list("set-cookie"))}
        assert (await kept.get("/organise")).status_code == 200


def _sent(browser: Browser) -> dict[str, str]:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return {"Accept": "text/html", "Cookie": cookies}


def _refresh_of(headers: list[str]) -> str:
    return next(SimpleCookie(header)["__Host-refresh"].value for header in headers if "__Host-refresh" in header)


async def test_new_tokens_reach_the_browser_even_when_the_page_is_refused(browser: Browser, email: str) -> None:
    await browser.sign_in(email)
    before = browser.cookies["__Host-refresh"]
    del browser.cookies["__Host-access"]
    assert (await browser.get(f"/organise/{'1' * 22}")).status_code == 404
    assert browser.cookies["__Host-refresh"] != before


async def test_a_session_that_has_ended_takes_its_cookies_with_it(browser: Browser, email: str) -> None:
    await browser.sign_in(email)
    del browser.cookies["__Host-access"]
    browser.cookies["__Host-refresh"] = "no such token"
    assert (await browser.get("/organise")).status_code == 303
    assert "__Host-refresh" not in browser.cookies
    assert "__Host-device" in browser.cookies


async def test_signing_out_ends_the_session_and_keeps_the_mark_of_the_browser(browser: Browser, email: str) -> None:
    await browser.sign_in(email)
    stolen = browser.cookies["__Host-refresh"]
    answer = await browser.submit("/organise", "/sign-out", {})
    assert answer.headers["location"] == "/sign-in?note=signed-out"
    assert set(browser.cookies) == {"__Host-device", "__Host-csrf"}
    browser.cookies["__Host-refresh"] = stolen
    assert (await browser.get("/organise")).status_code == 303


async def test_signing_out_works_in_the_browser_even_when_auth_is_silent(system: System, email: str) -> None:
    async with browser_at(system) as browser:
        await browser.sign_in(email)
        page = await browser.get("/organise/new")
        system.kill("auth")
        token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        answer = await browser.post("/sign-out", {"csrf": token})
        await system.start("auth")
        assert answer.headers["location"] == "/sign-in?note=signed-out-here"
        assert "__Host-refresh" not in browser.cookies


async def test_signing_out_everywhere_ends_the_other_browsers_sessions(running: System, email: str) -> None:
    async with browser_at(running) as here, browser_at(running) as there:
        await here.sign_in(email)
        await there.sign_in(email)
        await here.submit("/account", "/sign-out-everywhere", {})
        del there.cookies["__Host-access"]
        assert (await there.get("/organise")).status_code == 303


async def test_a_changed_password_is_the_one_that_works(browser: Browser, email: str) -> None:
    new = "a new one that nobody guesses"
    await browser.sign_in(email)
    wrong = await browser.submit("/account", "/account/password", {"current": "not it", "new": new, "again": new})
    assert wrong.status_code in {401, 403, 422}
    assert "current-error" in wrong.text
    short = await browser.submit("/account", "/account/password", {"current": PASSWORD, "new": "x", "again": "y"})
    assert short.status_code == 422
    assert "Use at least 12 characters." in short.text
    assert "This is not the same password." in short.text
    changed = await browser.submit("/account", "/account/password", {"current": PASSWORD, "new": new, "again": new})
    assert changed.headers["location"] == "/sign-in?note=password-changed"
    assert (await browser.sign_in(email, PASSWORD)).status_code == 401
    assert (await browser.sign_in(email, new)).status_code == 303


async def test_nobody_can_sign_up_unless_it_is_enabled(browser: Browser) -> None:
    assert (await browser.get("/sign-up")).status_code == 404
    assert "/sign-up" not in (await browser.get("/sign-in")).text


async def test_whoever_signs_up_can_sign_in(fresh_system: System) -> None:
    await fresh_system.start("auth", sign_up_enabled=True)
    await fresh_system.start("election")
    await fresh_system.start("frontend", sign_up_enabled=True)
    async with browser_at(fresh_system) as browser:
        fields = {"name": "Ida", "email": "ida@example.org", "new": "long enough for anybody", "again": "another one"}
        assert (await browser.submit("/sign-up", "/sign-up", fields)).status_code == 422
        made = await browser.submit("/sign-up", "/sign-up", {**fields, "again": fields["new"]})
        assert made.headers["location"] == "/sign-in?note=account-made"
        assert (await browser.sign_in("ida@example.org", fields["new"])).status_code == 303


async def test_pages_of_voters_and_of_the_public_set_no_cookie(browser: Browser) -> None:
    uuid = "1" * 22
    places = ("/", f"/vote/{uuid}", f"/election/{uuid}", f"/election/{uuid}/board", f"/election/{uuid}/result")
    for place in (*places, f"/election/{uuid}/verify", f"/trustee/{uuid}", "/nothing-here", "/static/0/style.css"):
        answer = await browser.get(place)
        assert "set-cookie" not in answer.headers, place
        assert 'name="csrf"' not in answer.text, place


async def test_auth_slows_down_by_the_browsers_address_and_not_by_ours(browser: Browser, running: System) -> None:
    """As a proxy that we believe names it."""
    page = await browser.get("/sign-in")
    token = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    fields = {"csrf": token, "email": "nobody@example.org", "password": "wrong", "next": ""}
    await browser.post("/sign-in", fields, headers={"X-Forwarded-For": "203.0.113.7"})
    connection = await asyncpg.connect(running.database_url)
    subjects = {row["subject"] for row in await connection.fetch("SELECT subject FROM auth.attempts")}
    await connection.close()
    assert bucket("address", network("203.0.113.7")).subject in subjects
