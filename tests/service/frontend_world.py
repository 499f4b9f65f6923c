"""A browser without a window or scripts: it keeps cookies, sends forms as our pages make them, and follows nothing."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from http.cookies import SimpleCookie

import httpx

from tests.service.harness import PASSWORD, System

HTML = {"Accept": "text/html,application/xhtml+xml"}
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Browser:
    """One profile at `frontend`. `cookies` are those that it would send now, with their prefix."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, headers: Mapping[str, str] = HTML) -> httpx.Response:
        """Opens a page."""
        return self._keep(await self.client.get(path, headers={**headers, **self._cookie()}))

    async def post(
        self, path: str, fields: Mapping[str, str], *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Sends a form as one of our pages would, with nothing added."""
        given = {**HTML, "Sec-Fetch-Site": "same-origin", **self._cookie(), **(headers or {})}
        return self._keep(await self.client.post(path, data=dict(fields), headers=given))

    async def submit(self, page: str, action: str, fields: Mapping[str, str]) -> httpx.Response:
        """Opens a page and sends its form, with its token."""
        found = CSRF.search((await self.get(page)).text)
        assert found, f"{page} has no form"
        return await self.post(action, {"csrf": unescape(found[1]), **fields})

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Opens a session."""
        return await self.submit("/sign-in", "/sign-in", {"email": email, "password": password, "next": ""})

    def _cookie(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def _keep(self, response: httpx.Response) -> httpx.Response:
        for header in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(header).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return response


@asynccontextmanager
async def browser_at(system: System) -> AsyncIterator[Browser]:
    """A fresh profile."""
    async with httpx.AsyncClient(base_url=system.url("frontend"), timeout=30) as client:
        yield Browser(client)
