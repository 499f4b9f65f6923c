"""Forms that `frontend` refuses: of other sites, without their token, or such as no page of ours makes."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.service.frontend_world import HTML, Browser, browser_at
from tests.service.harness import System

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
async def browser(system: System) -> AsyncIterator[Browser]:
    """Of an organiser who has signed in."""
    await system.start("auth", "election", "voter", "frontend")
    organiser, _ = await system.organiser("Bea")
    async with browser_at(system) as browser:
        await browser.sign_in(organiser.email)
        yield browser


@pytest.fixture(scope="module")
async def election(browser: Browser) -> str:
    """The path of a draft."""
    answer = await browser.submit("/organise/new", "/organise/new", {"name": "Of forms"})
    return answer.headers["location"].removesuffix("/edit")


async def send(browser: Browser, path: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    given = {**HTML, "Sec-Fetch-Site": "same-origin", "Cookie": cookies, **headers}
    return await browser.client.post(path, content=content, headers=given)


def token(browser: Browser) -> str:
    return browser.cookies["__Host-csrf"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "SAME-ORIGIN", ""])
async def test_a_request_that_another_site_made_is_refused(browser: Browser, site: str) -> None:
    fields = {"csrf": token(browser), "name": "Foreign"}
    answer = await browser.post("/organise/new", fields, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing-here", f"/trustee/{'1' * 22}/key", "/health/live"])
async def test_no_path_takes_a_changing_request_from_elsewhere(browser: Browser, method: str, path: str) -> None:
    answer = await browser.client.request(method, path, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:uvote:problem:foreign-request")


async def test_a_browser_that_does_not_say_is_asked_for_the_origin(browser: Browser, system: System) -> None:
    fields = {"csrf": token(browser), "name": ""}
    body = httpx.Request("POST", "http://x", data=fields).content
    statuses = []
    for origin in (system.installation.public_url("frontend"), "https://evil.example", "null", None):
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        headers = {**FORM, "Cookie": cookies, **({"Origin": origin} if origin else {})}
        statuses.append((await browser.client.post("/organise/new", content=body, headers=headers)).status_code)
    assert statuses == [422, 403, 403, 403]


@pytest.mark.parametrize("given", ["", "wrong", "A" * 43])
async def test_a_form_without_its_token_is_refused(browser: Browser, given: str) -> None:
    answer = await browser.post("/organise/new", {"csrf": given, "name": "Unsigned"})
    assert answer.status_code == 403
    assert "The form has expired" in answer.text


async def test_a_token_without_its_cookie_is_refused(browser: Browser) -> None:
    other = Browser(browser.client)
    other.cookies = {name: value for name, value in browser.cookies.items() if name != "__Host-csrf"}
    answer = await other.post("/organise/new", {"csrf": token(browser), "name": "Unsigned"})
    assert answer.status_code == 403


async def test_an_upload_without_its_token_is_refused_before_anything_is_passed_on(
    browser: Browser, election: str
) -> None:
    files = {"file": ("roll.csv", b"address\nann@example.org\n", "text/csv")}
    request = httpx.Request("POST", "http://x", data={"csrf": "wrong"}, files=files)
    headers = {"Content-Type": request.headers["content-type"]}
    answer = await send(browser, f"{election}/roll/import", request.read(), headers)
    assert answer.status_code == 403
    assert "The roll is empty." in (await browser.get(f"{election}/roll")).text


BAD_FORMS = {
    "no body": (b"", FORM, {403}),
    "no form": (b"just words", FORM, {400}),
    "not percent-encoded": ("näme=x".encode(), FORM, {400}),
    "not UTF-8": (b"name=%ff", FORM, {400}),
    "half a surrogate pair": (b"name=%ed%a0%80", FORM, {400}),
    "NUL": (b"name=%00", FORM, {400}),
    "too many fields": (b"&".join(b"a=1" for _ in range(6000)), FORM, {400}),
    "JSON": (b'{"name": "x"}', {"Content-Type": "application/json"}, {415}),
    "no type": (b"name=x", {}, {415}),
    "multipart": (b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}, {415}),
}


@pytest.mark.parametrize("case", BAD_FORMS)
async def test_what_is_no_form_is_refused_with_a_page(browser: Browser, case: str) -> None:
    content, headers, expected = BAD_FORMS[case]
    answer = await send(browser, "/organise/new", content, dict(headers))
    assert answer.status_code in expected
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    answer = await send(browser, "/organise/new", b"name=" + b"x" * (300 * 1024), dict(FORM))
    assert answer.status_code == 413


BAD_UPLOADS = {
    "no parts": b"",
    "not closed": b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nTOKEN',
    "no file": b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nTOKEN\r\n--b--\r\n',
    "file first": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n',
    "no name": b"--b\r\nX: y\r\n\r\nTOKEN\r\n--b--\r\n",
    "endless header": b"--b\r\nX: " + b"y" * 10_000,
    "words": b"these are words",
    "not UTF-8": b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\xff\r\n--b--\r\n',
}


@pytest.mark.parametrize("case", BAD_UPLOADS)
async def test_what_is_no_form_with_a_file_is_refused(browser: Browser, election: str, case: str) -> None:
    content = BAD_UPLOADS[case].replace(b"TOKEN", token(browser).encode())
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await send(browser, f"{election}/roll/import", content, headers)
    assert answer.status_code in {400, 403}, answer.text
    assert (await send(browser, f"{election}/roll/import", content, dict(FORM))).status_code == 415


async def test_a_large_roll_is_passed_on_while_it_arrives(browser: Browser, election: str) -> None:
    """20,000 rows, sent in small pieces with the boundary cut in two."""
    rows = "\n".join(["address,name", *(f"v{n}@{secrets.token_hex(4)}.example.org,Voter {n}" for n in range(20_000))])
    files = {"file": ("roll.csv", rows.encode(), "text/csv")}
    request = httpx.Request("POST", "http://x", data={"csrf": token(browser)}, files=files)
    raw = request.read()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), 9_973):
            yield raw[start : start + 9_973]

    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {
        **HTML,
        "Sec-Fetch-Site": "same-origin",
        "Cookie": cookies,
        "Content-Type": request.headers["content-type"],
    }
    answer = await browser.client.post(f"{election}/roll/import", content=pieces(), headers=headers)
    assert answer.status_code == 200
    assert "20\u202f000" in answer.text


@pytest.mark.parametrize(
    "action", ["add", "up-0", "down-0", "up-1", "remove-7", "remove--1", "remove-x", "up-²", "dance", ""]
)
async def test_any_button_of_the_draft_gives_the_form_back_and_saves_nothing(
    browser: Browser, election: str, action: str
) -> None:
    fields = {"name": "Not saved", "questions": "1", "question-0-text": "Which?", "action": action}
    answer = await browser.submit(f"{election}/edit", f"{election}/edit", fields)
    assert answer.status_code == 200
    assert "Which?" in answer.text or action == "remove-0"
    assert "Not saved" not in (await browser.get(election)).text


@pytest.mark.parametrize("count", ["-1", "x", "", "99999", "²"])
async def test_a_strange_number_of_questions_is_harmless(browser: Browser, election: str, count: str) -> None:
    fields = {"name": "Odd", "questions": count, "action": "add"}
    assert (await browser.submit(f"{election}/edit", f"{election}/edit", fields)).status_code == 200


async def test_a_draft_that_cannot_be_is_given_back_with_reasons(browser: Browser, election: str) -> None:
    fields = {
        "revision": "1",
        "name": "",
        "zone": "Mars/Olympus",
        "election_class": "joke",
        "opens": "soon",
        "reply_to": "x",
        "questions": "0",
        "action": "save",
    }
    answer = await browser.submit(f"{election}/edit", f"{election}/edit", fields)
    assert answer.status_code == 422
    for field in ("name", "election_class", "opens", "reply_to"):
        assert f'href="#{field}"' in answer.text


async def test_another_organisers_election_does_not_exist(system: System, election: str) -> None:
    organiser, _ = await system.organiser("Eve")
    async with browser_at(system) as browser:
        await browser.sign_in(organiser.email)
        paths = (
            "",
            "/edit",
            "/preview",
            "/roll",
            "/trustees",
            "/mails",
            "/seal",
            "/schedule",
            "/audit",
            "/numbers",
            "/delete",
        )
        for path in paths:
            assert (await browser.get(election + path)).status_code == 404, path
        csrf = {"csrf": token(browser), "confirmed": "1", "reason": "none", "action": "pause"}
        for path in ("/delete", "/seal", "/unseal", "/schedule", "/publication", "/archive", "/mails/reminders"):
            assert (await browser.post(election + path, csrf)).status_code == 404, path


@pytest.mark.parametrize(
    "path", ["/unseal", "/schedule", "/publication", "/decryption", "/archive", "/mails/invitations"]
)
async def test_what_the_state_does_not_allow_is_said_in_a_page(browser: Browser, election: str, path: str) -> None:
    fields = {"csrf": token(browser), "confirmed": "1", "reason": "none", "action": "pause"}
    answer = await browser.post(election + path, fields)
    assert answer.status_code in {409, 422}
    assert answer.headers["content-type"].startswith("text/html")
