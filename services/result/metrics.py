"""What `result` measures: how far tallies are, whether boards and numbers hold. No count before a board has ended."""

from observability.telemetry.metrics import gauge
from observability.telemetry.registry import registry

PHASES = registry().values("tally_phase")
CLASSES = registry().values("election_class")
SHARES = registry().values("share")

tallies = gauge("uvote_tallies")
tally_counted = gauge("uvote_tally_counted")
tally_trustees = gauge("uvote_tally_trustees")
numbers_match = gauge("uvote_numbers_match")
numbers_age = gauge("uvote_numbers_age_seconds")
board_broken = gauge("uvote_board_broken")
board_check_age = gauge("uvote_board_check_age_seconds")
