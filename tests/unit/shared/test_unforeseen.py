"""What nobody foresaw: a bare 500, a log line that quotes nothing, and a poll that goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.shared.app import Resources, create_service, new_router
from services.shared.identity import new_key, public
from services.shared.polling import polling
from services.shared.problems import Unavailable
from services.shared.settings import Settings

SECRET = "squeamish ossifrage"


class SampleSettings(Settings):
    service: ClassVar[str] = "sample"


@asynccontextmanager
async def opener(_: Resources) -> AsyncIterator[None]:
    yield


def sample_app() -> Any:
    router = new_router()

    @router.get("/fail", dependencies=[public()])
    async def fail() -> None:
        raise ZeroDivisionError(SECRET)

    settings = SampleSettings(port=0, caller_key=SecretStr(new_key()))
    return create_service(settings, routers=[router], opener=opener, title="sample")


async def test_an_unforeseen_error_is_a_bare_500_and_its_log_names_kind_and_place_only() -> None:
    transport = httpx.ASGITransport(sample_app())
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
            reply = await client.get("/v1/fail")
    assert reply.status_code == 500
    assert reply.json() == {
        "type": "urn:uvote:problem:internal",
        "title": "Something went wrong here",
        "status": 500,
    }
    (line,) = logs
    assert line["error"] == "ZeroDivisionError"
    assert line["function"].endswith("fail")
    assert SECRET not in str(logs)


@pytest.mark.parametrize("failure", [ZeroDivisionError(SECRET), Unavailable(SECRET)])
async def test_a_poll_goes_on_after_any_failure_and_quotes_none(failure: Exception) -> None:
    rounds = 0
    enough = asyncio.Event()

    async def act() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            enough.set()
        raise failure

    with capture_logs() as logs:
        async with polling("work", act, 0):
            await asyncio.wait_for(enough.wait(), 20)
    assert len(logs) >= 2
    assert SECRET not in str(logs)
