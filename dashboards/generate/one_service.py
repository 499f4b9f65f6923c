"""One service, chosen by a variable: what it is asked, what it answers, what it waits for, what it says."""

from dashboards.generate.asking import MARKS, SERVICE
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Source, Step
from dashboards.generate.linking import ITS_LINES, ITS_TRACES, ON_CALL, TELEMETRY, to_lines, to_traces

MINE = 'job="$service"'
LINES = to_lines("Its lines, identity side", "$service")
BALLOT_LINES = to_lines("Its lines, ballot side", "$service", ballot=True)
TRACES = to_traces("Its traces", 'resource.service.name = "$service"')
NO_TIMES = "Not measured on the ballot side, where one time could be one voter's."

ANSWERS = Panel(
    "stat",
    "Processes that answer",
    "Of this service, as Prometheus finds them.",
    (Query(f"sum(up{{{MINE}}})"),),
    Fact("a service stops", "down"),
    (ON_CALL, TELEMETRY),
    width=4,
    base="red",
    decimals=0,
    steps=(Step(1, "green", "somebody answers; 0: the service is down."),),
    empty="Prometheus knows none",
)
DATABASE = Panel(
    "stat",
    "Its database",
    "Whether the last transaction could reach it.",
    (Query(f"min(uvote_database_up{{{MINE}}})"),),
    Fact("the database stops", "down"),
    (ON_CALL, LINES, BALLOT_LINES),
    width=4,
    base="red",
    words={1: ("reached", "green"), 0: ("GONE", "red")},
    steps=(Step(1, "green", "it is there."),),
    empty="Has none, or is down",
)
FAILED = Panel(
    "stat",
    "Requests that fail",
    "Share of its answers with 5xx in five minutes.",
    (
        Query(
            f'sum(rate(uvote_http_requests_total{{{MINE}, status="5xx"}}[5m])) / '
            f"(sum(rate(uvote_http_requests_total{{{MINE}}}[5m])) > 0)"
        ),
    ),
    Fact("the database stops", "up"),
    (TRACES, LINES, ON_CALL),
    unit="percentunit",
    width=4,
    decimals=1,
    empty="No requests",
    steps=(Step(0.01, "orange", "people see errors."), Step(0.1, "red", "it is broken for many.")),
)
SLOW = Panel(
    "stat",
    "Time of a request (p95)",
    "In five minutes.",
    (
        Query(
            "histogram_quantile(0.95, sum by (le) "
            f"(rate(uvote_http_request_duration_seconds_bucket{{{MINE}}}[5m]))) > 0"
        ),
    ),
    Fact("a crowd comes", "up", beyond=1.5),
    (TRACES, LINES),
    unit="s",
    width=4,
    empty="Not measured",
    steps=(Step(1, "orange", "people notice."), Step(5, "red", "people give up.")),
)
SIGN_OF_LIFE = Panel(
    "stat",
    "Runs since",
    "The youngest of its processes. One that is often young keeps dying.",
    (Query(f"time() - max(uvote_start_time_seconds{{{MINE}}})"),),
    Fact("a service starts otherwise", "down"),
    (LINES, BALLOT_LINES, ON_CALL),
    unit="dtdurations",
    width=4,
    decimals=0,
    base="orange",
    steps=(Step(600, "text", "younger ones may be why something changed."),),
    empty="It does not run",
)
UNSAID = Panel(
    "stat",
    "Telemetry it had to drop (1 h)",
    "Lines, spans and values that it did not say, for whatever reason. What you see of it is not all.",
    (Query(f"sum(increase(uvote_telemetry_dropped_total{{{MINE}}}[1h]))"),),
    Fact("the collector is gone", "up"),
    (TELEMETRY,),
    width=4,
    decimals=0,
    steps=(Step(1, "orange", "see the telemetry pipeline."),),
    empty="It does not run",
)
RATE = Panel(
    "timeseries",
    "Requests per second, by action",
    "The eight most frequent actions. Casting and looking up a tracker are never counted one by one, and so are not "
    "here.",
    (
        Query(
            f"topk(8, sum by (action) (rate(uvote_http_requests_total{{{MINE}}}[$__rate_interval])) > 0)",
            "{{action}}",
        ),
    ),
    Fact("sign-ins fail", "up"),
    (ITS_TRACES, ITS_LINES, ON_CALL),
    unit="reqps",
    empty="No requests in this time.",
    steps=(Step(100, "orange", "more than one process was measured to carry."),),
)
STATUS = Panel(
    "timeseries",
    "Answers per second, by status",
    "4xx are mistakes of those who ask, 5xx are ours.",
    (Query(f"sum by (status) (rate(uvote_http_requests_total{{{MINE}}}[$__rate_interval]))", "{{status}}"),),
    Fact("sign-ins fail", "up"),
    (TRACES, LINES, ON_CALL),
    unit="reqps",
    steps=(Step(100, "orange", "more than one process was measured to carry."),),
)
TIMES = Panel(
    "timeseries",
    "Time of its requests",
    "A diamond is one request and leads to its trace.",
    tuple(
        Query(
            f"histogram_quantile({share}, sum by (le) "
            f"(rate(uvote_http_request_duration_seconds_bucket{{{MINE}}}[$__rate_interval]))) > 0",
            name,
            exemplars=share == 0.95,
        )
        for share, name in ((0.95, "p95"), (0.5, "p50"))
    ),
    Fact("a crowd comes", "up", beyond=1.5),
    (TRACES, LINES),
    unit="s",
    empty=NO_TIMES,
    steps=(Step(1, "orange", "people notice."),),
)
TRANSACTIONS = Panel(
    "timeseries",
    "Slowest transactions (p95)",
    "The five slowest, their wait for a connection included.",
    (
        Query(
            "topk(5, histogram_quantile(0.95, sum by (transaction, le) "
            f"(rate(uvote_transaction_duration_seconds_bucket{{{MINE}}}[$__rate_interval]))) > 0)",
            "{{transaction}}",
            exemplars=True,
        ),
    ),
    Fact("a crowd comes", "up"),
    (
        to_traces(
            "Traces with ${__field.labels.transaction}",
            'span.uvote.transaction = "${__field.labels.transaction}"',
            of_value=True,
        ),
        LINES,
    ),
    unit="s",
    empty=NO_TIMES,
    steps=(Step(0.5, "orange", "the database is slow, or connections are short."),),
)
SATURATION = Panel(
    "timeseries",
    "How busy is it?",
    "Processor, and database connections in use, of each 30 seconds in steps of a tenth.",
    (
        Query(f"max by (instance) (uvote_cpu_use{{{MINE}}})", "{{instance}}: processor"),
        Query(f"max by (instance) (uvote_database_pool_use{{{MINE}}})", "{{instance}}: connections"),
    ),
    Fact("a crowd comes", "up"),
    (ON_CALL, LINES, BALLOT_LINES),
    unit="percentunit",
    most=1,
    empty="It does not run.",
    steps=(Step(0.9, "red", "it cannot do more: start another replica."),),
)
OWN_WORK = Panel(
    "timeseries",
    "Age of the last good round of its own work",
    "What it does without being asked. An age that grows means that this work stands still.",
    (Query(f'max by (poll) (uvote_poll_age_seconds{{{MINE}, poll!~"forget|keys"}})', "{{poll}}"),),
    Fact("the database stops", "up", beyond=20),
    (
        to_lines("What ${__field.labels.poll} says", "$service", "poll = `${__field.labels.poll}`", of_value=True),
        ON_CALL,
    ),
    unit="s",
    empty="It does nothing by itself, or does not run.",
    steps=(Step(120, "red", "it stands still."),),
)
SAYS = Panel(
    "logs",
    "What it says",
    "Lines of both sides, newest first. Those of the ballot side count what happened in ten seconds.",
    (
        Query(
            '{service_name="$service"} | line_format '
            "`{{__line__}} {{.action}} {{.status}} {{.seconds}} {{.error}} {{.transaction}} {{.poll}} {{.work}}`",
            source=Source.IDENTITY_LINES,
        ),
        Query(
            '{service_name="$service"} | line_format `{{__line__}} {{if .count}}{{.count}}x{{end}} {{.reason}} '
            "{{.error}} {{.poll}}`",
            source=Source.BALLOT_LINES,
        ),
    ),
    Fact("sign-ins fail", "up"),
    (LINES, BALLOT_LINES),
    width=12,
    empty="It said nothing in this time.",
)
TRACED = Panel(
    "traces",
    "Its latest traces",
    "Requests of organisers, and of the ballot side a sample that contains no cast and no look-up.",
    (
        Query('{ resource.service.name = "$service" }', source=Source.IDENTITY_TRACES),
        Query('{ resource.service.name = "$service" }', source=Source.BALLOT_TRACES),
    ),
    Fact("sign-ins fail", "up"),
    (TRACES,),
    width=12,
    empty="None in this time.",
)

SERVICE_PAGE = Dashboard(
    "service",
    "Service",
    "One service: requests, errors, times, transactions, own work, lines and traces.",
    "1h",
    (
        Row(4, (ANSWERS, DATABASE, FAILED, SLOW, SIGN_OF_LIFE, UNSAID)),
        Row(8, (RATE, STATUS, TIMES)),
        Row(8, (OWN_WORK, SATURATION, TRANSACTIONS)),
        Row(9, (SAYS, TRACED)),
    ),
    (SERVICE,),
    MARKS,
)
