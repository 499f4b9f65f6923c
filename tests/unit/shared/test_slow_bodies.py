"""A body that does not arrive is given up, and its sender is told so."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from services.shared import problems, requests
from services.shared.app import new_router
from services.shared.identity import public


async def test_a_body_that_stops_arriving_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(requests, "SLOWEST_BYTES_PER_SECOND", 10**9)
    router = new_router()

    @router.post("/", dependencies=[public()])
    async def read(request: Request) -> int:
        return len(await request.body())

    async def half_a_body() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.Event().wait()

    app = FastAPI()
    problems.install(app)
    app.include_router(router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/", content=half_a_body())
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:uvote:problem:too-slow")
