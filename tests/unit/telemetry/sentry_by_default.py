"""A small service that fails under sentry-sdk as it is out of the box; prints the event that would leave, and the
headers of its call to another service.

A process of its own: the library changes other libraries for good.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import sentry_sdk
from fastapi import FastAPI
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport


class Kept(Transport):
    """Keeps what would leave."""

    events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keeps it."""
        self.events.append(envelope.get_event())


def failing_service(asked: list[dict[str, str]]) -> FastAPI:
    """Calls another service, and fails; `asked` are the headers of its calls."""
    app = FastAPI()

    def other(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.headers))
        return httpx.Response(200)

    @app.post("/")
    async def fail(body: dict[str, Any]) -> None:
        local = "in a " + "variable"  # put together here: lines of the source leave too
        async with httpx.AsyncClient(transport=httpx.MockTransport(other)) as client:
            await client.get("http://other/")
        raise ValueError("in the " + "message", local[:0])

    return app


async def main() -> None:
    """One request."""
    sentry_sdk.init("http://key@127.0.0.1:9/1", transport=Kept)
    asked: list[dict[str, str]] = []
    transport = httpx.ASGITransport(failing_service(asked), raise_app_exceptions=False, client=("127.9.8.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.post("/?x=in-the-query", json={"x": "in the body"}, headers={"User-Agent": "in-the-agent"})
    json.dump({"events": Kept.events, "headers": asked}, sys.stdout, default=str)


if __name__ == "__main__":
    asyncio.run(main())
