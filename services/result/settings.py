"""What `result` needs from outside."""

from typing import ClassVar

from services.shared.settings import BallotSide, DatabaseSettings


class ResultSettings(DatabaseSettings, BallotSide):
    """Where its two callees are."""

    service: ClassVar[str] = "result"

    election_url: str
    ballot_url: str
    poll_seconds: float = 0.5
