"""How the day of an election is scaled down: half a minute takes TICK seconds, and all else in proportion."""

REAL_TICK = 30.0
TICK = 5.0
SECOND = TICK / REAL_TICK

RUSH, QUIET = 32, 8
RUSH_GAP = 4 * SECOND  # on average
QUIET_GAPS = 1.05 * TICK, 2 * TICK
ONSET = 4 * TICK  # the first voter comes some time after the opening
THINKING = 20 * SECOND, 90 * SECOND  # from the page to the cast
SCRAPES = 1.5 * SECOND
