"""Mails: do they leave, how many wait, what the mail server says."""

from dashboards.generate.asking import oldest_mail
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Source, Step
from dashboards.generate.linking import ON_CALL, to_dashboard, to_lines, to_traces

LINES = to_lines("Lines of the mail queue", "voter")
SERVICE = to_dashboard("The service that sends", "service", service="voter")
SENDING = to_traces("Traces of sending", 'span.uvote.transaction = "send_mail"')
# What organisers do that makes mails.
ACTS = "queue_invitations|queue_reminders|resend_invitation|send_test_mail|correct_address"

WAITING = Panel(
    "stat",
    "Mails that wait",
    "Not tried yet, or to be tried again. All elections together.",
    (Query("sum(uvote_mails_waiting)"),),
    Fact("the mail server is gone", "up"),
    (LINES, SERVICE),
    width=4,
    decimals=0,
    steps=(Step(1000, "orange", "a quarter of an hour of work or more, unless it shrinks."),),
)
PUT_OFF = Panel(
    "stat",
    "Put off by the mail server",
    "Tried, and to be tried again: the mail server was busy, does not know us yet, or did not answer.",
    (Query('sum(uvote_mails_waiting{mail_state="deferred"})'),),
    Fact("the mail server is gone", "up"),
    (LINES, SERVICE),
    width=4,
    decimals=0,
    steps=(Step(1, "orange", "read why in the lines; many at once: call whoever runs the mail server."),),
)
HANDED_OVER = Panel(
    "stat",
    "Handed over (24 h)",
    "Mails that the mail server took. Whether they arrive is not ours to see.",
    (Query('sum(increase(uvote_mails_total{mail_outcome="accepted"}[24h]))'),),
    Fact("an election opens", "up"),
    (LINES, SERVICE),
    width=4,
    base="text",
    decimals=0,
    steps=(Step(1, "green", "mails leave; 0 on election day means that nobody has a code."),),
)
REFUSED = Panel(
    "stat",
    "Refused for good (24 h)",
    "Mostly addresses that do not exist. Their owners have no code until the address is corrected.",
    (Query('sum(increase(uvote_mails_total{mail_outcome="refused"}[24h]))'),),
    Fact("a mail is refused", "up"),
    (LINES, SERVICE),
    width=4,
    decimals=0,
    steps=(
        Step(1, "orange", "tell the election officer, whose mail page names them."),
        Step(50, "red", "the mail server may take us for a spammer: stop and call whoever runs it."),
    ),
)
TROUBLE = Panel(
    "stat",
    "No mail server (10 min)",
    "Attempts at which nobody answered, or the connection broke.",
    (Query('sum(increase(uvote_mails_total{mail_outcome="trouble"}[10m]))'),),
    Fact("the mail server is gone", "up"),
    (LINES, SERVICE),
    width=4,
    decimals=0,
    steps=(Step(1, "red", "the mail server or the way to it is down; nothing is lost, mails wait."),),
)
BY_OUTCOME = Panel(
    "timeseries",
    "What the mail server says",
    "Attempts per minute, by answer: accepted, put off (deferred), refused for good, or no answer (trouble).",
    (Query("60 * sum by (mail_outcome) (rate(uvote_mails_total[$__rate_interval]))", "{{mail_outcome}}"),),
    Fact("an election opens", "up"),
    (LINES, SENDING, ON_CALL),
    unit="cpm",
    width=12,
    steps=(Step(600, "orange", "faster than most mail servers like; expect it to put mails off."),),
)
BY_KIND = Panel(
    "timeseries",
    "What waits",
    "By what the mails are for. Invitations at an opening come all at once and then shrink steadily.",
    (Query("sum by (kind) (uvote_mails_waiting)", "{{kind}}"),),
    Fact("the mail server is gone", "up"),
    (LINES, SENDING, ON_CALL),
    width=12,
    steps=(Step(1000, "orange", "a quarter of an hour of work or more, unless it shrinks."),),
)
AGE = Panel(
    "timeseries",
    "How long the oldest has waited",
    "Not tried yet (queued), or tried in vain (deferred). It grows by itself while nothing leaves.",
    (Query("max by (mail_state) (uvote_mails_oldest_seconds)", "{{mail_state}}"),),
    Fact("the mail server is gone", "up", beyond=5),
    (LINES, SENDING, ON_CALL),
    unit="s",
    width=12,
    steps=(Step(900, "red", "invitations stall."),),
)
SAYS = Panel(
    "logs",
    "What the mail queue says",
    "What organisers asked of it, and what went wrong, newest first; no address and no name is in any line.",
    (
        Query(
            f'{{service_name="voter"}} | level =~ `warning|error` or action =~ `{ACTS}` '
            "| line_format `{{__line__}} {{.action}} {{.status}} {{.error}} {{.poll}}`",
            source=Source.IDENTITY_LINES,
        ),
    ),
    Fact("the database stops", "up"),
    (LINES, SERVICE),
    width=12,
    empty="Nothing was asked of it, and nothing went wrong.",
)

MAIL_PAGE = Dashboard(
    "mail",
    "Mail",
    "Do mails leave, how many wait, and what the mail server says.",
    "3h",
    (
        Row(4, (oldest_mail(), WAITING, PUT_OFF, HANDED_OVER, REFUSED, TROUBLE)),
        Row(8, (BY_OUTCOME, BY_KIND)),
        Row(8, (AGE, SAYS)),
    ),
)
