"""What voters' browsers say when they cannot go on: two words of short lists, and nothing else.

- A report is counted, at ticks, and forgotten; nothing is stored, and the answer is the same whatever it says.
- Anybody can send reports: more than REPORTS_PER_SECOND are not counted.
"""

import structlog

from services.ballot.contract import BrowserFailure
from services.ballot.elections import Elections
from services.ballot.metrics import browser_failures
from services.shared.rate import Rate

log = structlog.get_logger()

REPORTS_PER_SECOND = 50


class Failures:
    """Counts reports."""

    def __init__(self, elections: Elections) -> None:
        self.elections = elections
        self.rate = Rate(REPORTS_PER_SECOND)

    def report_failure(self, uuid: str, failure: BrowserFailure) -> None:
        """Takes note of one."""
        if self.rate.admits():
            step, reason = failure.step.value, failure.reason.value
            browser_failures.add(step=step, browser_reason=reason, election_class=self.elections.class_of(uuid))
            log.warning("browser_failed", step=step, browser_reason=reason)
