"""Questions that several dashboards ask, and the panels that several of them show."""

from dashboards.generate.describing import Choice, Fact, Link, Mark, Panel, Query, Source, Step
from dashboards.generate.linking import ON_CALL, to_dashboard, to_lines

SERVICES = "auth|voter|election|ballot|result|frontend"
# Casts that are lost through our fault, not by a rule of the election.
OUR_FAULT = "internal|unavailable|database-unavailable|busy|too-slow|other"
# What a voter's browser cannot do without our help.
STUCK = "script-blocked|insecure|unsupported|offline|busy|wrong-definition"
# What organisers do that changes an election or who may act.
ACTS = (
    ""
    "seal_election|unseal_election|change_schedule|confirm_decryption|publish_result|archive_election|delete_election|add_trustee|remove_trustee|publish_trustee_key|import_roll|delete_roll|correct_address|remove_voter|queue_invitations|queue_reminders|resend_invitation|add_organiser|set_password|change_password|rotate_keys"
)

ELECTION_CLASS = Choice(
    "election_class", "Real or test", "label_values(uvote_board_phase, election_class)", "/(real|test)/"
)
# Those that are open come first, so that the page opens on one of them.
ELECTION = Choice(
    "election",
    "Election (as in its address)",
    'query_result(sort_desc(max by (election) (uvote_board_phase{election_class="$election_class", phase="open"})))',
    '/election="([^"]+)"/',
)
SERVICE = Choice("service", "Service", f'query_result(group by (job) (up{{job=~"{SERVICES}"}}))', '/job="([^"]+)"/')

WORKS = (
    '(min(max by (job) (up{job=~"ballot|frontend"})) * max(uvote_database_up{job="ballot"}) * '
    f'(sum(increase(uvote_casts_refused_total{{reason=~"{OUR_FAULT}", election_class="real"}}[2m])) + '
    f'sum(increase(uvote_browser_failures_total{{browser_reason=~"{STUCK}", election_class="real"}}[2m])) < bool 3)) '
    'or 0 * min(up{job=~"ballot|frontend"})'
)
REFUSED = 'uvote_casts_refused_total{election_class="real"}[$__rate_interval]'


def voting_works(*links: Link, width: int = 4) -> Panel:
    """The first question of everybody."""
    return Panel(
        "stat",
        "Does voting work?",
        "Yes while the voting pages, the ballot box and its database answer, and fewer than three votes were lost "
        "through our fault in two minutes: refused for no rule of the election, or reported by a voter's browser. It "
        "cannot show a voter who gives up without a word: accepted votes are published in whole batches of ten "
        "voters, so turnout alone proves nothing within a minute. Test elections are left out.",
        (Query(WORKS),),
        Fact("the database stops", "down"),
        (*links, to_lines("Lines of the ballot box", "ballot|frontend", ballot=True)),
        width=width,
        words={1: ("YES", "green"), 0: ("NO", "red")},
        empty="Not known: Prometheus sees no service",
        base="red",
        steps=(Step(1, "green", "voting works; below it, open the on-call page at once."),),
    )


def stuck_browsers(width: int = 4) -> Panel:
    """Voters who cannot vote and whom no server log shows."""
    return Panel(
        "stat",
        "Browsers that fail (1 h)",
        "Voting pages that reported a blocked script, missing cryptography, no network or a page that does not fit, "
        "at ticks of ten seconds. A browser that cannot even report is not counted.",
        (
            Query(
                f'sum(increase(uvote_browser_failures_total{{browser_reason=~"{STUCK}", election_class="real"}}[1h]))'
            ),
        ),
        Fact("browsers fail", "up"),
        (ON_CALL, to_lines("What the browsers said", "ballot|frontend", "step =~ `.+`", ballot=True)),
        width=width,
        decimals=0,
        steps=(
            Step(1, "orange", "some voters need another browser or network; offer help."),
            Step(10, "red", "the page or the way to it is broken for many."),
        ),
    )


def refused_votes(width: int = 8) -> Panel:
    """Refusals by reason over time."""
    return Panel(
        "timeseries",
        "Votes that were not taken, by reason",
        "Per minute; moves at ticks of ten seconds. Most reasons are rules of the election (closed, already voted, "
        "not on "
        f"the list). These are our fault: {OUR_FAULT.replace('|', ', ')}. Anybody can post rubbish: a wave of "
        "malformed-ballot hurts nobody.",
        (
            Query(f"60 * sum(rate({REFUSED}))", "all"),
            Query(f"topk(6, 60 * sum by (reason) (rate({REFUSED})) > 0)", "{{reason}}"),
        ),
        Fact("ballots are refused", "up"),
        (
            ON_CALL,
            to_lines(
                "Lines of ${__field.labels.reason}",
                "ballot",
                "reason = `${__field.labels.reason}`",
                ballot=True,
                of_value=True,
            ),
        ),
        unit="cpm",
        width=width,
        steps=(Step(10, "red", "ten votes a minute are lost; if the reason is our fault, voting is down for them."),),
    )


def oldest_mail(width: int = 4) -> Panel:
    """Whether mails leave."""
    return Panel(
        "stat",
        "Oldest mail that waits",
        "How long the oldest mail has not been handed to the mail server; 0 when none waits. Handed over is not "
        "delivered: what happens behind the mail server cannot be seen here.",
        (Query("max(uvote_mails_oldest_seconds)"),),
        Fact("the mail server is gone", "up", beyond=5),
        (to_dashboard("Mail", "mail"), to_lines("Lines of the mail queue", "voter")),
        unit="s",
        width=width,
        steps=(
            Step(300, "orange", "mails are slow; look at the mail server."),
            Step(900, "red", "invitations stall; the mail server refuses us or is gone."),
        ),
    )


def acts(width: int = 12) -> Panel:
    """Who is told here: nobody; what was done: this."""
    return Panel(
        "logs",
        "What organisers and operators did",
        "Acts that change an election, its roll or who may act, each with its answer and, where it was sampled, its "
        "trace. Who it was stands in the election's own audit log, not here.",
        (Query(ACTS_DONE, source=Source.IDENTITY_LINES),),
        Fact("an organiser works", "up"),
        (to_lines("All requests of organisers", "auth|election|voter|frontend"), ON_CALL),
        width=width,
        empty="Nothing was changed in this time.",
    )


ACTS_DONE = (
    '{service_name=~"auth|election|voter"} |= "request_served" '
    f"| action =~ `{ACTS}` | status =~ `2..|3..` "
    "| line_format `{{.service_name}}: {{.action}} answered {{.status}} in {{.seconds}} s`"
)
RESTARTED = Mark(
    "Restart",
    "orange",
    Query(f'changes(uvote_start_time_seconds{{job=~"{SERVICES}"}}[30s]) > 0'),
    "{{job}} {{instance}} started anew",
    Fact("a service starts otherwise", "up"),
)
OTHER_VERSION = Mark(
    "Other version or settings",
    "purple",
    Query(
        "group by (job, version, configuration) (uvote_build_info unless last_over_time(uvote_build_info[1d] offset "
        "30s))"
    ),
    "{{job}} runs version {{version}} with settings {{configuration}}",
    Fact("a service starts otherwise", "up"),
)
ACTED = Mark(
    "Administrative act",
    "blue",
    Query("sum by (act) (changes(uvote_acts_total[30s])) > 0"),
    "{{act}}",
    Fact("an organiser works", "up"),
)
MARKS = (RESTARTED, OTHER_VERSION, ACTED)
