"""Whether people who sign in slow down the others: a page's 99th percentile with and without 20 sign-ins at a time."""

import asyncio
import statistics
import time
from typing import Any

import httpx

from services.auth.client import AuthClient
from services.auth.contract import Credentials
from services.shared.settings import SERVICES
from tests.load.worlds import fresh_system
from tests.service.harness import PASSWORD, System

Row = dict[str, Any]
REQUESTS = 300
SIGN_INS = 20
GOAL = 5


async def _read_pages(url: str) -> list[float]:
    """Seconds of each of REQUESTS page loads, one after the other."""
    seconds = []
    async with httpx.AsyncClient() as client:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            (await client.get(url)).raise_for_status()
            seconds.append(time.perf_counter() - began)
    return seconds


async def _keep_signing_in(auth: AuthClient, email: str) -> None:
    while True:
        await auth.sign_in(Credentials(email=email, password=PASSWORD))


async def _measure() -> tuple[float, float]:
    async with fresh_system() as system:
        await system.start(*SERVICES)
        url = f"{system.url('frontend')}/sign-in"
        await _read_pages(url)
        alone = await _read_pages(url)
        return _p99(alone), _p99(await _while_signing_in(system, url))


async def _while_signing_in(system: System, url: str) -> list[float]:
    accounts = [(await system.organiser(f"Ada{number}"))[0].email for number in range(SIGN_INS)]
    auth = AuthClient(system.url("auth"))
    signing_in = [asyncio.create_task(_keep_signing_in(auth, email)) for email in accounts]
    try:
        return await _read_pages(url)
    finally:
        for task in signing_in:
            task.cancel()
        await asyncio.gather(*signing_in, return_exceptions=True)
        await auth.close()


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def pages() -> list[Row]:
    """The rows of the table."""
    alone, crowded = asyncio.run(_measure())
    ratio = crowded / alone
    return [
        {"name": "page, 99th percentile", "value": alone * 1000, "unit": "ms", "goal": None, "met": None},
        {
            "name": f"the same during {SIGN_INS} sign-ins",
            "value": crowded * 1000,
            "unit": "ms",
            "goal": f"<= {GOAL} x ({ratio:.1f} x)",
            "met": ratio <= GOAL,
        },
    ]
