"""For whoever is on call: what fails first, since when, what else it takes along, and what was changed before."""

from dashboards.generate.asking import (
    MARKS,
    SERVICES,
    acts,
    oldest_mail,
    refused_votes,
    stuck_browsers,
    voting_works,
)
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Source, Step
from dashboards.generate.linking import (
    INTEGRITY,
    ITS_LINES,
    ITS_SERVICE,
    ITS_TRACES,
    TELEMETRY,
    to_dashboard,
    to_lines,
    to_traces,
)

# Probes, and what services ask each other every second.
PROBES = "read_live|read_ready|read_health"
QUIET = f"{PROBES}|list_work|list_trustee_invitations|list_full_events"
ELECTION_DAY = to_dashboard("Election day", "election-day")
BALLOT_LINES = to_lines("Lines of the ballot side", ".+", ballot=True)
IDENTITY_LINES = to_lines("Lines of the identity side", ".+")
FAILED_TRACES = to_traces("Failed requests", "span.http.response.status_code >= 500")

CAST_TIME = Panel(
    "stat",
    "Time to cast a vote",
    "What the votes of ten voters in the last 30 seconds each took at least, in whole seconds; 0 while there were "
    "fewer than ten. There is no finer number, since it could be one voter's.",
    (Query("max(uvote_cast_seconds)"),),
    Fact("a crowd comes", "up"),
    (INTEGRITY, BALLOT_LINES),
    unit="s",
    width=4,
    decimals=0,
    steps=(
        Step(3, "orange", "voters wait; look at the queues."),
        Step(10, "red", "browsers give up and send again, which makes it worse."),
    ),
)
ANSWERING = Panel(
    "stat",
    "Services that answer",
    "How many of the six have a process that Prometheus can ask.",
    (Query(f'sum(max by (job) (up{{job=~"{SERVICES}"}}))'),),
    Fact("a service stops", "down"),
    (TELEMETRY, IDENTITY_LINES, BALLOT_LINES),
    width=3,
    base="red",
    decimals=0,
    steps=(Step(6, "green", "all are there; below it the picture beneath names the one that is not."),),
)
FAILED_SHARE = Panel(
    "stat",
    "Failing requests",
    "Share of answers with 5xx in five minutes, all services together. Casting and looking up trackers are not in "
    "it: "
    "those are counted at ticks, as votes that were not taken. Nor are probes and what services ask every second.",
    (
        Query(
            f'sum(rate(uvote_http_requests_total{{status="5xx", action!~"{QUIET}"}}[5m])) / '
            f'sum(rate(uvote_http_requests_total{{action!~"{QUIET}"}}[5m]))'
        ),
    ),
    Fact("the database stops", "up"),
    (FAILED_TRACES, IDENTITY_LINES),
    empty="Nobody asks",
    unit="percentunit",
    width=3,
    decimals=1,
    steps=(Step(0.01, "orange", "people see errors."), Step(0.1, "red", "something that many need is broken.")),
)
SLOWEST = Panel(
    "stat",
    "Organisers wait (p95)",
    "Of the identity side in five minutes; the ballot side has no times, since one time could be one voter's.",
    (Query("histogram_quantile(0.95, sum by (le) (rate(uvote_http_request_duration_seconds_bucket[5m])))"),),
    Fact("a crowd comes", "up", beyond=1.5),
    (to_traces("Slow requests", "duration > 500ms"), IDENTITY_LINES),
    unit="s",
    width=3,
    steps=(Step(1, "orange", "people notice."), Step(5, "red", "people give up; look at connections in use.")),
)


def _named(expression: str, words: str) -> str:
    return f'label_replace({expression}, "dependency", "{words}", "job", "(.+)")'


WORST = " or ".join(
    (
        _named("3 * (1 - max by (job) (uvote_database_up))", "database of $1"),
        _named(f'2 * (1 - max by (job) (up{{job=~"{SERVICES}"}}))', "$1 itself"),
        _named(
            'label_replace(max by (dependency) (uvote_breaker_open), "job", "$1", "dependency", "(.+)")',
            "calls to $1",
        ),
    )
)
FIRST = Panel(
    "bargauge",
    "What fails, the cause first",
    "The eight worst of all that voting depends on. A database that is gone stops its service, and a service that is "
    "gone stops the calls to it: mend what stands on top. Calls count as failing while a circuit breaker keeps them "
    "back.",
    (Query(f"sort_desc(topk(8, sum by (dependency, job) ({WORST})))", "{{dependency}}"),),
    Fact("a service stops", "up"),
    (ITS_SERVICE, TELEMETRY, to_lines("What the services say of it", ".+", "level =~ `warning|error`")),
    width=8,
    most=3,
    words={0: ("well", "green"), 1: ("held back", "orange"), 2: ("DOWN", "red"), 3: ("GONE", "red")},
    steps=(
        Step(1, "orange", "calls are held back, as their service did not answer."),
        Step(2, "red", "a service or its database is gone."),
    ),
)
SINCE_WHEN = Panel(
    "state-timeline",
    "Since when?",
    "Each service, and whether its last transaction reached the database. A gap means that nobody could be asked.",
    (
        Query(f'max by (job) (up{{job=~"{SERVICES}"}})', "{{job}}"),
        Query("max by (job) (uvote_database_up)", "{{job}}: database"),
    ),
    Fact("a service stops", "down"),
    (ITS_SERVICE, TELEMETRY),
    width=16,
    base="red",
    words={1: ("up", "green"), 0: ("DOWN", "red")},
    steps=(Step(1, "green", "it answers."),),
)
VOTES = Panel(
    "timeseries",
    "Votes on the boards of open elections",
    "Real elections that are open, in whole batches of ten voters at ticks of 30 seconds, so that no step stands "
    "for one "
    "vote. It climbs while voting works and people vote; that it is flat proves nothing by itself.",
    (
        Query(
            'sum(uvote_ballots_accepted{election_class="real"} '
            '* on (election) (max by (election) (uvote_board_phase{phase="open"}) == 1))',
            "votes",
        ),
    ),
    Fact("voters vote", "up"),
    (ELECTION_DAY, INTEGRITY, BALLOT_LINES),
    unit="short",
    width=6,
    empty="No election is open.",
    steps=(Step(1000000, "orange", "larger than was ever tried."),),
)
RATE = Panel(
    "timeseries",
    "Requests per second",
    "By service, without casting, tracker look-ups, health probes and what services ask each other every second.",
    (
        Query(
            f'sum by (job) (rate(uvote_http_requests_total{{action!~"{QUIET}"}}[$__rate_interval]))',
            "{{job}}",
        ),
    ),
    Fact("an organiser works", "up"),
    (ITS_SERVICE, ELECTION_DAY),
    unit="reqps",
    steps=(Step(200, "orange", "more than one process of each was measured to carry; start more."),),
)
ERRORS = Panel(
    "timeseries",
    "Actions that fail most",
    "Answers with 5xx per second, the five worst actions. Probes are left out: a service that starts is not ready.",
    (
        Query(f'sum(rate(uvote_http_requests_total{{status="5xx", action!~"{PROBES}"}}[$__rate_interval]))', "all"),
        Query(
            f'topk(5, sum by (job, action) (rate(uvote_http_requests_total{{status="5xx", action!~"{PROBES}"}}'
            "[$__rate_interval])) > 0)",
            "{{job}} {{action}}",
        ),
    ),
    Fact("the database stops", "up"),
    (ITS_TRACES, ITS_LINES, ITS_SERVICE, FAILED_TRACES),
    unit="reqps",
    width=6,
    steps=(Step(0.1, "red", "this action does not work."),),
)
LATENCY = Panel(
    "timeseries",
    "Slowest actions (p95)",
    "Of the identity side. A diamond is one request and leads to its trace.",
    (
        Query(
            "topk(5, histogram_quantile(0.95, sum by (job, action, le) "
            "(rate(uvote_http_request_duration_seconds_bucket[$__rate_interval]))) > 0)",
            "{{job}} {{action}}",
            exemplars=True,
        ),
    ),
    Fact("a crowd comes", "up", beyond=1.5),
    (ITS_TRACES, ITS_LINES, ITS_SERVICE),
    unit="s",
    empty="No organiser has asked for anything in this time.",
    steps=(Step(1, "orange", "people notice."),),
)
CALLS = Panel(
    "timeseries",
    "Calls between services that fail",
    "Calls per second that got no answer, or one of 5xx other than 503, by who calls whom.",
    (
        Query("sum(rate(uvote_dependency_failures_total[$__rate_interval]))", "all"),
        Query(
            "sum by (job, dependency) (rate(uvote_dependency_failures_total[$__rate_interval])) > 0",
            "{{job}} calls {{dependency}}",
        ),
    ),
    Fact("a service stops", "up"),
    (ITS_SERVICE, IDENTITY_LINES),
    unit="ops",
    width=6,
    steps=(Step(0.1, "orange", "a service lacks another one."),),
)
OWN_WORK = Panel(
    "timeseries",
    "Work that services do by themselves: age of the last good round",
    "Mails, opening, closing, tallies, publishing. An age that grows means that this work stands still.",
    (
        Query(
            'topk(6, max by (job, poll) (uvote_poll_age_seconds{poll!~"forget|keys"}))',
            "{{job}} {{poll}}",
        ),
    ),
    Fact("the database stops", "up", beyond=20),
    (ITS_SERVICE, to_lines("What it waits for", ".+", "poll =~ `.+`")),
    unit="s",
    steps=(Step(120, "red", "it stands still; its lines say what it waits for."),),
)
QUEUES = Panel(
    "timeseries",
    "How full is each queue?",
    "The most of each 30 seconds, in steps of a tenth of what fits in. What comes on top is refused as busy.",
    (
        Query("max by (job) (uvote_proof_queue_use)", "{{job}}: proofs of ballots"),
        Query("max by (job) (uvote_append_queue_use)", "{{job}}: ballots for the board"),
        Query("max by (job) (uvote_password_queue_use)", "{{job}}: passwords"),
    ),
    Fact("a crowd comes", "up"),
    (ITS_SERVICE, BALLOT_LINES),
    unit="percentunit",
    most=1,
    steps=(Step(0.8, "red", "people will be refused: start another replica, or ask who sends so much."),),
)
BUSY = Panel(
    "timeseries",
    "How busy is each process?",
    "Processor time in each 30 seconds, in steps of a tenth of the one core that a process can use.",
    (Query("max by (job) (uvote_cpu_use)", "{{job}}"),),
    Fact("a crowd comes", "up"),
    (ITS_SERVICE, IDENTITY_LINES),
    unit="percentunit",
    most=1,
    steps=(Step(0.9, "red", "it cannot do more: start another replica."),),
)
WAITS = Panel(
    "timeseries",
    "Longest wait inside a service",
    "For a connection to the database, and of everything in a process while it was busy with one thing. In steps.",
    (
        Query("topk(3, max by (job) (uvote_database_pool_wait_seconds))", "{{job}}: for a connection"),
        Query("topk(3, max by (job) (uvote_event_loop_lag_seconds))", "{{job}}: for its turn"),
    ),
    Fact("a crowd comes", "up"),
    (ITS_SERVICE, IDENTITY_LINES),
    unit="s",
    steps=(Step(2, "red", "find what holds the connections, or the process."),),
)
SIGN_INS = Panel(
    "timeseries",
    "Sign-ins of organisers, by end",
    "Per minute. Many wrong ones are somebody who guesses; many throttled ones are somebody who was stopped.",
    (Query("60 * sum by (outcome) (rate(uvote_sign_ins_total[$__rate_interval]))", "{{outcome}}"),),
    Fact("sign-ins fail", "up"),
    (to_traces("Traces of sign-ins", 'span.uvote.action = "sign_in"'), to_lines("Lines of sign-ins", "auth")),
    unit="cpm",
    steps=(Step(60, "orange", "somebody tries passwords; see whose network it is at the edge."),),
)
TOKENS = Panel(
    "timeseries",
    "Tokens that are refused",
    "Per minute, by what is wrong with them. `expired` now and then is usual; `wrong-signature` and `unknown-key` "
    "are "
    "not.",
    (
        Query("60 * sum(rate(uvote_tokens_refused_total[$__rate_interval]))", "all"),
        Query(
            "topk(5, 60 * sum by (job, reason) (rate(uvote_tokens_refused_total[$__rate_interval])) > 0)",
            "{{job}}: {{reason}}",
        ),
    ),
    Fact("tokens are forged", "up"),
    (ITS_SERVICE, IDENTITY_LINES),
    unit="cpm",
    steps=(Step(30, "orange", "a key or a clock is wrong, or somebody tries tokens."),),
)
WAITING = Panel(
    "timeseries",
    "Mails that wait",
    "Queued or put off, by what they are for.",
    (Query("sum by (kind) (uvote_mails_waiting)", "{{kind}}"),),
    Fact("the mail server is gone", "up"),
    (to_dashboard("Mail", "mail"), to_lines("Lines of the mail queue", "voter")),
    width=8,
    unit="none",
    steps=(Step(1000, "orange", "more than a quarter of an hour of work, unless it shrinks."),),
)
VERSIONS = Panel(
    "table",
    "What runs, since how many seconds",
    "Version and digest of the settings of each process. Processes of one service that differ are in the middle of a "
    "change, or were forgotten in one.",
    (
        Query(
            f'sort(time() - uvote_start_time_seconds{{job=~"{SERVICES}"}} '
            "+ on (job, instance) group_right () 0 * uvote_build_info)",
            "seconds",
        ),
    ),
    Fact("a service starts otherwise", "down"),
    (ITS_SERVICE, to_lines("Starts and ends", ".+")),
    unit="s",
    width=24,
    base="orange",
    steps=(Step(600, "text", "younger ones may be why something changed."),),
)
WARNINGS = Panel(
    "logs",
    "Warnings, errors and starts",
    "Of both sides. Those of the ballot side stand for ten seconds each and count what happened.",
    (
        Query(
            '{service_name=~".+"} | level =~ `warning|error` or version != `` '
            "| line_format `{{.service_name}}: {{__line__}} {{.version}} {{.error}} {{.transaction}} "
            "{{.poll}} {{.work}}`",
            source=Source.IDENTITY_LINES,
        ),
        Query(
            '{service_name=~".+"} | level =~ `warning|error` or version != `` '
            "| line_format `{{.service_name}}: {{__line__}} {{.version}} {{if .count}}{{.count}}x{{end}} {{.reason}} "
            "{{.error}} {{.poll}} {{.step}}`",
            source=Source.BALLOT_LINES,
        ),
    ),
    Fact("a service stops", "up"),
    (IDENTITY_LINES, BALLOT_LINES, TELEMETRY),
    width=12,
    empty="Nobody has started, nobody complains.",
)

TOP = (
    voting_works(INTEGRITY),
    CAST_TIME,
    stuck_browsers(),
    ANSWERING,
    FAILED_SHARE,
    SLOWEST,
    oldest_mail(width=3),
)
ON_CALL = Dashboard(
    "on-call",
    "On call",
    "Does voting work, and if not, why: the failing dependency first, then rates, errors, times, queues, and what "
    "changed.",
    "1h",
    (
        Row(4, TOP),
        Row(9, (FIRST, SINCE_WHEN)),
        Row(8, (VOTES, refused_votes(width=6), ERRORS, CALLS)),
        Row(8, (RATE, LATENCY, OWN_WORK)),
        Row(8, (QUEUES, BUSY, WAITS)),
        Row(8, (WARNINGS, acts(width=12))),
        Row(7, (WAITING, SIGN_INS, TOKENS)),
        Row(8, (VERSIONS,)),
    ),
    (),
    MARKS,
)
