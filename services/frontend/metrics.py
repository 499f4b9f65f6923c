"""What `frontend` measures besides its answers: changes that no page of ours asked for, browsers without scripts."""

from observability.telemetry.metrics import counter

foreign_requests = counter("uvote_foreign_requests")
browser_failures = counter("uvote_browser_failures")
