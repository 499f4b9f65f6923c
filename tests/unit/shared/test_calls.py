"""What is measured of calls between services."""

from observability.telemetry.metrics import measuring
from services.shared.metrics import note_call


def test_a_breaker_that_nobody_asks_any_more_is_seen_to_close() -> None:
    still_open = True
    labels = {"side": "identity", "dependency": "election"}
    with measuring("voter") as metrics:
        note_call("election", answered=False, is_open=lambda: still_open)
        assert metrics.collectors.get_sample_value("uvote_breaker_open", labels) == 1
        still_open = False
        assert metrics.collectors.get_sample_value("uvote_breaker_open", labels) == 0
