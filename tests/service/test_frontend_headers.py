"""What `frontend` tells browsers to refuse, on every kind of answer, and what it lets them keep."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.service.frontend_world import HTML
from tests.service.harness import System

PATHS = ("/", "/sign-in", "/nothing-here", "/organise", "/election/not-base-58", "/health/live", "/trustee/" + "1" * 22)


@pytest.fixture(scope="module")
async def client(system: System) -> AsyncIterator[httpx.AsyncClient]:
    await system.start("frontend")
    async with httpx.AsyncClient(base_url=system.url("frontend"), timeout=30) as client:
        yield client


def directives(answer: httpx.Response) -> dict[str, str]:
    policy = answer.headers["content-security-policy"].split("; ")
    return {name: rest for name, _, rest in (directive.partition(" ") for directive in policy)}


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_strict_policy(client: httpx.AsyncClient, system: System, path: str) -> None:
    answer = await client.get(path, headers=HTML)
    policy = directives(answer)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == policy["worker-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {system.installation.public_url('ballot')}"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_keeps_referrers_frames_and_types_to_itself(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers=HTML)).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


async def test_https_is_insisted_on_where_the_origin_has_it(system: System) -> None:
    await system.start("frontend/2", public_origin="https://vote.example.org")
    async with httpx.AsyncClient(base_url=system.url("frontend/2")) as client:
        assert (await client.get("/")).headers["strict-transport-security"].startswith("max-age=")


async def test_pages_load_nothing_from_elsewhere_and_hold_no_inline_script_or_style(client: httpx.AsyncClient) -> None:
    for path in PATHS:
        page = (await client.get(path, headers=HTML)).text
        assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page)
        inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", page)
        assert all('type="application/json"' in tag for tag in inline)


async def test_static_files_may_be_kept_for_ever_under_the_hash_of_their_content(client: httpx.AsyncClient) -> None:
    page = (await client.get("/", headers=HTML)).text
    found = re.search(r'href="(/static/([0-9a-f]{16})/style\.css)"', page)
    assert found
    style = await client.get(found[1])
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["content-type"].startswith("text/css")
    old = await client.get(found[1].replace(found[2], "0" * 16))
    assert old.headers["cache-control"] == "no-store"
    assert old.content == style.content


async def test_static_files_come_compressed_to_whoever_asks(client: httpx.AsyncClient) -> None:
    plain = await client.get("/static/0/style.css", headers={"Accept-Encoding": "identity"})
    packed = await client.get("/static/0/style.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/settings.py", "style.css/", "voting"])
async def test_nothing_but_static_files_is_served_from_there(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/0/{name}")).status_code == 404


async def test_refusals_are_pages_for_browsers_and_problems_for_programs(client: httpx.AsyncClient) -> None:
    page = await client.get("/nothing-here", headers=HTML)
    problem = await client.get("/nothing-here", headers={"Accept": "application/json"})
    assert (page.status_code, problem.status_code) == (404, 404)
    assert page.headers["content-type"].startswith("text/html")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["type"] == "urn:uvote:problem:not-found"


async def test_a_page_speaks_the_language_that_it_says(client: httpx.AsyncClient) -> None:
    for asked in ("en", "de-CH, fr;q=0.5", "*", ";;q=x", "en;q=0"):
        page = await client.get("/", headers={**HTML, "Accept-Language": asked})
        assert '<html lang="en">' in page.text


async def test_a_silent_dependency_is_a_page_with_503_and_when_to_try_again(client: httpx.AsyncClient) -> None:
    """No other service runs here."""
    for path in (f"/election/{'1' * 22}", f"/election/{'1' * 22}/board", f"/election/{'1' * 22}/result"):
        page = await client.get(path, headers=HTML)
        assert page.status_code == 503
        assert int(page.headers["retry-after"]) > 0
        assert "A part of this site does not answer at the moment" in page.text
        problem = await client.get(path, headers={"Accept": "application/json"})
        assert (problem.status_code, problem.json()["dependency"]) == (503, "election")
