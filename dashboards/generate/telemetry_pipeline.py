"""Is what I see true and complete? Voting does not depend on any of this: a red page here stops no vote."""

from dashboards.generate.asking import SERVICES
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Source, Step
from dashboards.generate.linking import ITS_SERVICE, ON_CALL, to_lines, to_query

SERVERS = "prometheus|alertmanager|loki|tempo|otelcol"
ALL = f"{SERVICES}|{SERVERS}"
IDENTITY_LINES = to_lines("All lines of the identity side", ".+")
BALLOT_LINES = to_lines("All lines of the ballot side", ".+", ballot=True)
TARGETS = to_query("All targets", Query("up"))
UNKNOWN = f'scrape_samples_scraped{{job=~"{SERVICES}"}} - scrape_samples_post_metric_relabeling{{job=~"{SERVICES}"}}'

SILENT = Panel(
    "stat",
    "Who does not answer",
    "Services and servers whose numbers Prometheus cannot fetch. What they do meanwhile is not seen.",
    (Query(f'count(up{{job=~"{ALL}"}}) - sum(up{{job=~"{ALL}"}})'),),
    Fact("the collector is gone", "up"),
    (TARGETS, ON_CALL),
    width=4,
    decimals=0,
    steps=(Step(1, "red", "part of what you see is old; the picture beneath names it."),),
)
UNREGISTERED = Panel(
    "stat",
    "Unregistered series",
    "Series that a service offers and the registry does not name. They are not stored, but somebody has added "
    "something that may say too much.",
    (Query(f"sum({UNKNOWN})"),),
    Fact("a stranger is scraped", "up"),
    (to_query("Whose they are", Query(UNKNOWN)), ON_CALL),
    width=4,
    decimals=0,
    steps=(Step(1, "red", "find out what it is before it reaches another sink; call whoever owns privacy."),),
)
UNSAID = Panel(
    "stat",
    "Dropped by services (1 h)",
    "Lines, spans and values that were not said: queues were full, nobody read, or the registry does not name them.",
    (Query("sum(increase(uvote_telemetry_dropped_total[1h]))"),),
    Fact("the collector is gone", "up"),
    (to_query("By whom and why", Query("uvote_telemetry_dropped_total > 0")), IDENTITY_LINES),
    width=4,
    decimals=0,
    steps=(Step(1, "orange", "lines and traces have gaps; numbers do not."),),
)
QUEUE = Panel(
    "stat",
    "Fullest queue of the collector",
    "Of what it can hold while Loki or Tempo do not take it.",
    (Query("max(otelcol_exporter_queue_size / otelcol_exporter_queue_capacity)"),),
    Fact("Loki is gone", "up"),
    (IDENTITY_LINES, TARGETS),
    unit="percentunit",
    width=4,
    most=1,
    decimals=0,
    steps=(Step(0.5, "orange", "Loki or Tempo are slow or gone."), Step(0.9, "red", "lines and traces will be lost.")),
)


def _of_the_last_hour(name: str) -> str:
    """What a counter has gained; some are born with the first thing lost, which `increase` would not see."""
    counter = f'{{__name__=~"{name}(_total)?"}}'
    return f'label_replace(clamp_min(({counter} - {counter} offset 1h) or {counter}, 0), "lost", "{name}", "", "")'


LOSSES = [
    f"otelcol_{what}_{kind}"
    for what in ("receiver_refused", "exporter_send_failed", "exporter_enqueue_failed")
    for kind in ("spans", "log_records")
]
LOST = Panel(
    "stat",
    "Lost by the collector (1 h)",
    "Lines and spans that it could not hand on, or did not take.",
    (Query(f"sum({' or '.join(map(_of_the_last_hour, LOSSES))})"),),
    Fact("Loki refuses a line", "up"),
    (IDENTITY_LINES, TARGETS),
    width=4,
    decimals=0,
    steps=(Step(1, "orange", "lines and traces have gaps."),),
)
SLOW_SCRAPE = Panel(
    "stat",
    "Slowest scrape of a service",
    "How long Prometheus waits for a service's numbers; after five seconds it gives up.",
    (Query(f'max(scrape_duration_seconds{{job=~"{SERVICES}"}})'),),
    Fact("a stranger is scraped", "up", beyond=0.4),
    (TARGETS, ON_CALL),
    unit="s",
    width=4,
    steps=(
        Step(0.25, "orange", "a service is busy, or has far more series than it should."),
        Step(2, "red", "its numbers will be missing soon."),
    ),
)
SINCE_WHEN = Panel(
    "state-timeline",
    "Since when?",
    "Whether Prometheus could fetch the numbers of each service and server.",
    (Query(f'min by (job) (up{{job=~"{ALL}"}})', "{{job}}"),),
    Fact("the collector is gone", "down"),
    (ITS_SERVICE, TARGETS),
    width=12,
    base="red",
    words={1: ("answers", "green"), 0: ("SILENT", "red")},
    steps=(Step(1, "green", "it answers."),),
)
SAMPLES = Panel(
    "timeseries",
    "Series of each service",
    "How many series are stored of each. The number grows with elections, never with voters; a jump means that a "
    "label has lost its bounds.",
    (Query(f'sum by (job) (scrape_samples_post_metric_relabeling{{job=~"{SERVICES}"}})', "{{job}}"),),
    Fact("a service stops", "down"),
    (ITS_SERVICE, TARGETS),
    unit="short",
    width=12,
    steps=(Step(20000, "red", "the limit: from here on Prometheus drops the whole service."),),
)
DROPS = Panel(
    "timeseries",
    "What services drop, and why",
    "Per minute, the six largest. `queue_full`: the way out is slow or gone. `unregistered`: a defect of ours, which "
    "the registry has stopped.",
    (
        Query("60 * sum(rate(uvote_telemetry_dropped_total[$__rate_interval]))", "all"),
        Query(
            "topk(6, 60 * sum by (job, sink, drop) (rate(uvote_telemetry_dropped_total[$__rate_interval])) > 0)",
            "{{job}} {{sink}}: {{drop}}",
        ),
    ),
    Fact("the collector is gone", "up"),
    (ITS_SERVICE, IDENTITY_LINES, BALLOT_LINES),
    unit="cpm",
    steps=(Step(1, "orange", "lines and traces have gaps."),),
)
QUEUES = Panel(
    "timeseries",
    "Queues of the collector",
    "Batches that wait, by where they go. Each holds 500, then the newest are dropped.",
    (Query("max by (exporter, data_type) (otelcol_exporter_queue_size)", "{{exporter}}"),),
    Fact("Loki is gone", "up"),
    (TARGETS, IDENTITY_LINES),
    unit="short",
    steps=(Step(250, "orange", "Loki or Tempo are slow or gone."),),
)
LINES = Panel(
    "timeseries",
    "Lines that arrive",
    "Per minute and service, of both sides: a service that falls silent says nothing either way.",
    (
        Query(
            'sum by (service_name) (count_over_time({service_name=~".+"}[1m]))',
            "{{service_name}}, identity",
            source=Source.IDENTITY_LINES,
        ),
        Query(
            'sum by (service_name) (count_over_time({service_name=~".+"}[1m]))',
            "{{service_name}}, ballot",
            source=Source.BALLOT_LINES,
        ),
    ),
    Fact("sign-ins fail", "up"),
    (IDENTITY_LINES, BALLOT_LINES),
    unit="cpm",
    empty="No lines have arrived in this time.",
    steps=(Step(6000, "orange", "more than Loki was given room for: find who says so much."),),
)
TRACES = Panel(
    "timeseries",
    "Calls seen in traces",
    "Identity side only, per minute, by who calls whom: the service map, as numbers.",
    (
        Query(
            "60 * sum by (client, server) (rate(traces_service_graph_request_total[$__rate_interval]))",
            "{{client}} calls {{server}}",
        ),
    ),
    Fact("an organiser works", "up"),
    (to_query("Traces", Query("{}", source=Source.IDENTITY_TRACES)), TARGETS),
    unit="cpm",
    empty="No traced calls in this time.",
    steps=(Step(6000, "orange", "more than Tempo was given room for."),),
)
MEMORY = Panel(
    "timeseries",
    "Memory of the servers",
    "Of Prometheus, Loki, Tempo and Alertmanager; the collector limits its own to 200 MiB.",
    (Query(f'max by (job) (process_resident_memory_bytes{{job=~"{SERVERS}"}})', "{{job}}"),),
    Fact("Loki is gone", "down"),
    (TARGETS, ON_CALL),
    unit="bytes",
    steps=(Step(1500000000, "orange", "it may be ended by the system: give it more, or keep less."),),
)
SCRAPES = Panel(
    "timeseries",
    "Time of a scrape",
    "By job. Every scrape costs the service this much time.",
    (Query(f'max by (job) (scrape_duration_seconds{{job=~"{ALL}"}})', "{{job}}"),),
    Fact("a stranger is scraped", "up", beyond=0.4),
    (ITS_SERVICE, TARGETS),
    unit="s",
    steps=(Step(1, "orange", "close to the five seconds after which it fails."),),
)

TELEMETRY_PIPELINE = Dashboard(
    "telemetry-pipeline",
    "Telemetry pipeline",
    "Is what I see true and complete? Nothing here affects voting.",
    "1h",
    (
        Row(4, (SILENT, UNREGISTERED, UNSAID, QUEUE, LOST, SLOW_SCRAPE)),
        Row(9, (SINCE_WHEN, SAMPLES)),
        Row(8, (DROPS, QUEUES, LINES)),
        Row(8, (TRACES, SCRAPES, MEMORY)),
    ),
)
