"""What `ballot` needs from outside."""

import os
from typing import Annotated, ClassVar

from pydantic import Field

from services.shared.settings import BallotSide, DatabaseSettings


class BallotSettings(DatabaseSettings, BallotSide):
    """`frontend_origin` is the one origin whose pages may call the public routes from a browser.

    A ballot that arrived in time may be appended until `append_grace_seconds` after the close; then the board ends.
    """

    service: ClassVar[str] = "ballot"

    election_url: str
    frontend_origin: str
    append_grace_seconds: Annotated[float, Field(ge=0, le=300)] = 30
    proof_processes: Annotated[int, Field(ge=1, le=64)] = max(1, (os.cpu_count() or 2) - 1)
    proof_queue: Annotated[int, Field(ge=1)] = 1000
    # What is published of ballots while they arrive moves at such ticks.
    publish_seconds: Annotated[float, Field(gt=0)] = 30
    poll_seconds: Annotated[float, Field(gt=0, le=1)] = 0.5
