"""Links: to another dashboard with the same time range, or to a query in Explore. Placeholders stay readable."""

import json
import re
from urllib.parse import quote

from dashboards.generate.describing import Link, Query, Source

PLACEHOLDER = re.compile(r"(\$\{[^}]+\})")


def to_dashboard(title: str, uid: str, *, of_value: bool = False, **variables: str) -> Link:
    """Another dashboard, over the same time."""
    values = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return Link(title, f"/d/{uid}?${{__url_time_range}}{values}", of_value)


def to_query(title: str, query: Query, *, of_value: bool = False) -> Link:
    """A query in Explore, over the same time."""
    uid = f"${{{query.source.variable}}}"
    text = {"refId": "A", "datasource": {"type": query.source.type, "uid": uid}}
    text |= {"queryType": "traceql", "query": query.text} if query.source.type == "tempo" else {"expr": query.text}
    pane = {"datasource": uid, "queries": [text], "range": {"from": "${__from}", "to": "${__to}"}}
    panes = _encoded(json.dumps({"a": pane}, separators=(",", ":")))
    return Link(title, f"/explore?schemaVersion=1&panes={panes}", of_value)


def _encoded(text: str) -> str:
    """Percent-encoded, but for the placeholders, which Grafana fills before the browser sees the address."""
    return "".join(part if PLACEHOLDER.fullmatch(part) else quote(part, safe="") for part in PLACEHOLDER.split(text))


def to_lines(title: str, service: str, condition: str = "", *, ballot: bool = False, of_value: bool = False) -> Link:
    """Lines of a service, of one side."""
    source = Source.BALLOT_LINES if ballot else Source.IDENTITY_LINES
    text = f'{{service_name=~"{service}"}}' + (f" | {condition}" if condition else "")
    return to_query(title, Query(text, source=source), of_value=of_value)


def to_traces(title: str, condition: str, *, of_value: bool = False) -> Link:
    """Traces of the identity side."""
    return to_query(title, Query(f"{{ {condition} }}", source=Source.IDENTITY_TRACES), of_value=of_value)


ON_CALL = to_dashboard("On call", "on-call")
TELEMETRY = to_dashboard("Telemetry pipeline", "telemetry-pipeline")
INTEGRITY = to_dashboard("Integrity and tally", "integrity")
MAIL = to_dashboard("Mail", "mail")
ITS_SERVICE = to_dashboard(
    "This service: ${__field.labels.job}", "service", of_value=True, service="${__field.labels.job}"
)
ITS_TRACES = to_traces(
    "Traces of ${__field.labels.action}", 'span.uvote.action = "${__field.labels.action}"', of_value=True
)
ITS_LINES = to_lines("Lines of ${__field.labels.action}", ".+", "action = `${__field.labels.action}`", of_value=True)
