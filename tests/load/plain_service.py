"""A service as it is, or without any telemetry; its workers find every proof good, so that the rest can be measured.

Called with the service's name and `telling` or `silent`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from services.ballot import proofs
from services.shared import app as shared
from services.uvote.serve import serve


@contextmanager
def silence(app: FastAPI, *_: object, **__: object) -> Iterator[ASGIApp]:
    """In the place of telemetry."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield app


if __name__ == "__main__":
    name, manner = sys.argv[1:]
    proofs.PROGRAM = "tests.load.accepting_worker"
    if manner == "silent":
        vars(shared)["telemetry"] = silence
    sys.exit(serve(name))
