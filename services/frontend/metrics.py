"""What `frontend` measures besides its answers: changes that no page of ours asked for, browsers without scripts."""

from observability.telemetry.metrics import counter
from services.shared.rate import Rate

REPORTS_PER_SECOND = 50

foreign_requests = counter("uvote_foreign_requests")
browser_failures = counter("uvote_browser_failures")


class Reports(Rate):
    """How many reports of browsers are counted: anybody can send them."""

    def __init__(self) -> None:
        super().__init__(REPORTS_PER_SECOND)
