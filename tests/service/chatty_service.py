"""A service that says everything wrong: unregistered events, fields, attributes, names, headers, errors, at each route.

It takes the place of `auth`, whose settings it reads; every word that it should not say begins with SECRET.
"""

import logging
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

import structlog
from fastapi import APIRouter, Request, Response
from opentelemetry import trace

from services.shared import identity
from services.shared.app import Resources, create_service, run
from services.uvote.serve import read_settings

SECRET = "ada@example.org"
REGISTERED, UNREGISTERED = "/v1/jwks", f"/v1/ways-to-{SECRET}"

log = structlog.get_logger()
# An exception whose very class tells.
SecretError = type(f"{SECRET} Error", (Exception,), {})


def fail_aside() -> None:
    """In a thread of its own."""
    raise SecretError(SECRET)


class Ending:
    """An object that fails when it ends."""

    def __del__(self) -> None:
        raise SecretError(SECRET)


router = APIRouter(dependencies=[identity.public()])


@router.get("/jwks")
@router.get(UNREGISTERED.removeprefix("/v1"))
async def read_keys(request: Request, response: Response) -> None:
    """Says what it can, and fails."""
    response.headers[f"X-{SECRET}"] = SECRET
    log.error(SECRET, address=SECRET)
    log.info("roll_frozen", address=SECRET, **{SECRET: 1})
    logging.getLogger(SECRET).error("Said by %s", SECRET)
    warnings.warn(SECRET, stacklevel=1)
    Thread(target=fail_aside).start()
    Ending()
    span = trace.get_current_span()
    span.set_attributes({"address": SECRET, SECRET: 1, "uvote.action": SECRET, "error.type": SECRET})
    span.add_event(SECRET, {"address": SECRET})
    span.record_exception(SecretError(SECRET))
    local = SECRET
    raise SecretError(f"Nothing is known of {local}.") from ValueError(SECRET)


@asynccontextmanager
async def opener(_: Resources) -> AsyncIterator[None]:
    """Needs nothing."""
    yield


if __name__ == "__main__":
    settings = read_settings("auth")
    run(create_service(settings, routers=[router], opener=opener, title=SECRET), settings)
    sys.exit(0)
