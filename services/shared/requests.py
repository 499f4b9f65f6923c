"""How requests are read, the same in every service.

- A body is refused as soon as it is known to be too large, by Content-Length or while it arrives.
- What a service sends to another is read only when it is known that a service sends it.
- JSON is read strictly: no duplicate keys, no NaN or Infinity, no NUL, no half surrogates.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from services.shared.identity import CallerIs
from services.shared.problems import Malformed, TooLarge

DEFAULT_LIMIT = 256 * 1024
BODY_SECONDS = 30
SLOWEST_BYTES_PER_SECOND = 64 * 1024  # what a large body is given besides

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def body_limit(limit: int) -> Callable[[Endpoint], Endpoint]:
    """Lets a route take bodies of up to `limit` bytes instead of the default."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.body_limit = limit  # type: ignore[attr-defined]  # functions take attributes
        return endpoint

    return mark


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("A member of the JSON object is given twice.", code="duplicate-key")
    return members


def _no_constant(_: str) -> Any:
    raise Malformed("NaN and Infinity are not JSON.", code="not-json")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise Malformed("A number is larger than any that is read.", code="not-json")
    return value


def _texts(value: Any) -> Iterator[str]:
    """Every string within the value, names of members included."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item


def parse_json(raw: bytes) -> Any:
    """Strict JSON.

    Raises:
        Malformed: when it is not JSON, or JSON that two readers could read differently, or that cannot be stored.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        # Escapes can smuggle in what UTF-8 itself refuses.
        for within in _texts(value) if "\\u" in text else ():
            if "\x00" in within:
                raise Malformed("The JSON text contains the character NUL.", code="not-storable")
            within.encode()
    except UnicodeEncodeError:
        raise Malformed("The JSON text contains half of a surrogate pair.", code="not-storable") from None
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON.", code="not-json") from None
    return value


class LimitedRequest(Request):
    """A request that stops reading at its route's limit and parses JSON strictly."""

    limit: int = DEFAULT_LIMIT

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces; raises TooLarge or Malformed instead of going on for ever."""
        self._check_length()
        read = 0
        async with asyncio.timeout(BODY_SECONDS + self.limit / SLOWEST_BYTES_PER_SECOND):
            async for piece in super().stream():
                read += len(piece)
                if read > self.limit:
                    raise self._too_large()
                yield piece

    def _check_length(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > self.limit:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        # What is still arriving is not read, so the connection cannot be used again.
        return TooLarge(f"This route takes at most {self.limit} bytes.", headers={"Connection": "close"})

    async def json(self) -> Any:
        """The body as strict JSON; None when there is no body."""
        if not hasattr(self, "_json"):
            raw = await self.body()
            self._json = parse_json(raw) if raw else None
        return self._json


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


class Route(APIRoute):
    """A route whose requests are read as this module says."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, given a limited request."""
        handle = super().get_route_handler()
        limit = getattr(self.endpoint, "body_limit", DEFAULT_LIMIT)
        callers = [need.call for need in self.dependant.dependencies if isinstance(need.call, CallerIs)]

        async def limited(request: Request) -> Response:
            bounded = LimitedRequest(request.scope, request.receive)
            bounded.limit = limit
            try:
                # Read before the framework does, which would hide why a body is refused.
                if self.body_field is not None and _is_json(bounded):
                    # The framework would look last at who sends it, and services send each other large bodies.
                    for caller in callers:
                        await caller(bounded)
                    await bounded.json()
                return await handle(bounded)
            except TimeoutError:
                raise Malformed("The body did not arrive in time.", code="too-slow") from None
            except ClientDisconnect:  # nobody hears this, and it is no failure of ours
                raise Malformed("The body broke off.", code="broken-off") from None

        return limited
