"""Is every vote where it belongs: boards that verify, numbers that agree, tallies that advance, awaited trustees."""

from dashboards.generate.asking import ACTED, ELECTION_CLASS
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Source, Step
from dashboards.generate.linking import ON_CALL, to_dashboard, to_lines

THESE = 'election_class="$election_class"'
LINES = to_lines("Lines of boards and tallies", "ballot|result", ballot=True)
ELECTION_DAY = to_dashboard(
    "Election day of ${__field.labels.election}",
    "election-day",
    of_value=True,
    election="${__field.labels.election}",
    election_class="$election_class",
)
RESULT = to_dashboard("The service that counts", "service", service="result")
BALLOT = to_dashboard("The ballot box", "service", service="ballot")

CHAIN = Panel(
    "stat",
    "Do all boards verify?",
    "Every event of every board names the one before by its hash; `result` follows all boards and recomputes that. "
    "Anybody can do the same with the public archive.",
    (Query(f"max(uvote_board_broken{{{THESE}}})"),),
    Fact("a board is falsified", "up"),
    (LINES, RESULT),
    width=5,
    words={0: ("YES", "green"), 1: ("NO", "red")},
    empty="No board yet",
    steps=(
        Step(1, "red", "a row of the ballot box was changed: keep everything as it is, call the election officer."),
    ),
)
CHECK_AGE = Panel(
    "stat",
    "Last verified",
    "How long ago the whole of each board, up to its end, was found to verify; of the one that waits longest.",
    (Query(f"max(uvote_board_check_age_seconds{{{THESE}}})"),),
    Fact("the database stops", "up"),
    (LINES, RESULT),
    unit="s",
    width=5,
    decimals=0,
    empty="No board yet",
    steps=(Step(120, "orange", "checking stands still."), Step(600, "red", "nobody would notice a falsified board.")),
)
AGREE = Panel(
    "stat",
    "Do all numbers agree?",
    "Ballots stored, counted by the board, distinct voters, and ballots in the tally: compared exactly, at one "
    "height "
    "of the board, where they are. Only the verdict is published, never the numbers.",
    (Query(f"min(uvote_numbers_match{{{THESE}}})"),),
    Fact("a board is falsified", "down"),
    (LINES, BALLOT, RESULT),
    width=5,
    base="red",
    words={1: ("YES", "green"), 0: ("NO", "red")},
    empty="No board yet",
    steps=(Step(1, "green", "they agree; if not, keep everything as it is and call the election officer."),),
)
OWED = Panel(
    "stat",
    "Longest owed step",
    "Sealing, ending a board, counting, destroying secrets: since when the oldest of these is waited for. Opening "
    "and "
    "closing wait for the clock and are not in it.",
    (Query(f"max(uvote_step_oldest_seconds{{{THESE}}})"),),
    Fact("the election closes", "up", beyond=5),
    (LINES, ON_CALL),
    unit="s",
    width=5,
    decimals=0,
    steps=(Step(60, "orange", "a service is late."), Step(300, "red", "the election stands still: see which step.")),
)
INVALID = Panel(
    "stat",
    "Voters with false proofs (24 h)",
    "Listed voters who signed a ballot whose proofs do not hold, each counted once: a defect of the page, or "
    "somebody "
    "who tries. Such ballots are never taken.",
    (Query(f"sum(increase(uvote_invalid_proof_credentials_total{{{THESE}}}[24h]))"),),
    Fact("a proof is forged", "up"),
    (LINES, BALLOT),
    width=4,
    decimals=0,
    steps=(
        Step(1, "orange", "one is somebody who tries."),
        Step(3, "red", "three are a page that makes false ballots: look at it at once."),
    ),
)
PHASES = Panel(
    "state-timeline",
    "All elections: their phases",
    "Open boards take votes. By the database's clock.",
    (
        Query(
            " + ".join(
                f'{number} * max by (election) (uvote_board_phase{{{THESE}, phase="{phase}"}})'
                for number, phase in enumerate(("not_yet", "open", "paused", "closed"), start=1)
            ),
            "{{election}}",
        ),
    ),
    Fact("the election closes", "up"),
    (ELECTION_DAY, LINES),
    width=12,
    base="blue",
    words={1: ("not yet", "blue"), 2: ("open", "green"), 3: ("PAUSED", "orange"), 4: ("closed", "purple")},
    empty="No board yet",
    steps=(Step(3, "orange", "paused: nobody can vote until an organiser ends it."),),
)
TALLIES = Panel(
    "bargauge",
    "Where the tallies are",
    "Elections by how far they are: following the board, counting after its end, waiting for trustees, decrypted.",
    (Query(f"sum by (phase) (uvote_tallies{{{THESE}}})", "{{phase}}"),),
    Fact("an election opens", "up"),
    (LINES, RESULT),
    width=6,
    decimals=0,
    base="text",
    steps=(Step(1, "blue", "so many elections; those that await trustees need a person."),),
    empty="No tally yet",
)
TRUSTEES = Panel(
    "bargauge",
    "Trustees: what became of their shares",
    "After the close each trustee opens their part of the tally. Missing: call them. Unusable: they selected another "
    "key file; let them post again.",
    (Query(f"sum by (share) (uvote_tally_trustees{{{THESE}}})", "{{share}}"),),
    Fact("the counting goes on", "up"),
    (LINES, RESULT),
    width=6,
    decimals=0,
    base="text",
    steps=(Step(1, "blue", "so many trustees."),),
    empty="No election waits for trustees.",
)
LATE = Panel(
    "timeseries",
    "Steps that are owed, and since when",
    "By step. Each should last seconds; a tally of many ballots a few minutes.",
    (Query(f"max by (owed) (uvote_step_oldest_seconds{{{THESE}}})", "{{owed}}"),),
    Fact("the election closes", "up", beyond=5),
    (LINES, ON_CALL),
    unit="s",
    width=12,
    steps=(Step(300, "red", "the election stands still."),),
)
BALLOTS = Panel(
    "timeseries",
    "Votes on the boards",
    "Ballots, replaced ones too, up to the last full batch of ten voters. It never falls.",
    (
        Query(f"max by (election) (uvote_ballots_accepted{{{THESE}}})", "{{election}}: on the board"),
        Query(f"max by (election) (uvote_tally_counted{{{THESE}}}) > 0", "{{election}}: in the tally"),
    ),
    Fact("voters vote", "up"),
    (ELECTION_DAY, LINES),
    unit="short",
    width=12,
    empty="No board yet",
    steps=(Step(1000000, "orange", "larger than was ever tried."),),
)
CLOCK = Panel(
    "timeseries",
    "Clocks: database against service",
    "Seconds that the database is ahead. Its clock alone decides when voting begins and ends; a difference is a sign "
    "that one of them is wrong against the world.",
    (Query("max by (instance) (abs(uvote_clock_offset_seconds))", "{{instance}}"),),
    Fact("a stranger is scraped", "up"),
    (BALLOT, LINES),
    unit="s",
    width=12,
    steps=(Step(2, "red", "voting may begin or end at the wrong time: look at the database's clock."),),
)
SAYS = Panel(
    "logs",
    "What boards and tallies say",
    "Warnings, errors and starts of the ballot side; each line counts what happened within ten seconds.",
    (
        Query(
            '{service_name=~"ballot|result"} | level =~ `warning|error` or version != `` '
            "| line_format `{{.service_name}}: {{__line__}} {{.version}} {{if .count}}{{.count}}x{{end}} "
            "{{.reason}} {{.error}} {{.poll}}`",
            source=Source.BALLOT_LINES,
        ),
    ),
    Fact("ballots are refused", "up"),
    (LINES, ON_CALL),
    width=12,
    empty="Nothing to complain of.",
)

INTEGRITY_PAGE = Dashboard(
    "integrity",
    "Integrity and tally",
    "Is every vote where it belongs: boards that verify, numbers that agree, tallies and trustees.",
    "6h",
    (
        Row(4, (CHAIN, AGREE, CHECK_AGE, OWED, INVALID)),
        Row(7, (PHASES, TALLIES, TRUSTEES)),
        Row(8, (BALLOTS, LATE)),
        Row(7, (CLOCK, SAYS)),
    ),
    (ELECTION_CLASS,),
    (ACTED,),
)
