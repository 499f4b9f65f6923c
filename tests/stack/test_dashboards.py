"""What the dashboards show moves as they say when the world changes, on the real services and servers.

One day is lived through once (`day_of_changes`). Before and after each change all panels that name it as their fact are
read as Grafana would; the tests then look at what was found.
"""

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote

import pytest
import yaml

from dashboards.generate.dashboards import ALL
from dashboards.generate.describing import Change, Fact, Link, Panel, Query, Source
from dashboards.preview.__main__ import draw
from dashboards.preview.asking import TENANTS, Reading, Series, Servers, filled
from services.uvote.launcher import Launcher
from services.uvote.stack import stack_running
from services.uvote.stack_servers import Ports
from tests.guards.dashboard_queries import all_queries, link_query, of_type
from tests.guards.queries import grouped_labels, matchers, metrics
from tests.service.harness import OwnWorkshop
from tests.stack.conftest import Stack, eventually
from tests.stack.day_of_changes import CHANGES, SERVICES, Day, day_begun

pytestmark = pytest.mark.timeout(1200)  # the first test waits for the whole day

LOOK_SECONDS = 75
HOUR = 3600
NOISE = 0.05  # what a value may move by itself
# Of which service the page of one service is read while something changes.
LOOKED_AT: Mapping[str, str] = {
    "a crowd comes": "auth",
    "sign-ins fail": "auth",
    "a service stops": "election",
    "a service starts otherwise": "result",
    "the database stops": "voter",
    "the collector is gone": "election",
}


@dataclass(frozen=True)
class Watched:
    """Something on a dashboard that has a fact. A mark shows nothing most of the time, a panel only if it says so."""

    name: str
    page: str
    query: Query
    fact: Fact
    may_be_empty: bool


def watched() -> Iterator[Watched]:
    for page in ALL:
        for panel in page.panels:
            yield Watched(f"{page.uid}: {panel.title}", page.uid, panel.queries[0], panel.fact, bool(panel.empty))
        for mark in page.marks:
            yield Watched(f"{page.uid}: {mark.name}", page.uid, mark.query, mark.fact, may_be_empty=True)


WATCHED = {each.name: each for each in watched()}


@dataclass
class Seen:
    """A value before a change, and those since."""

    before: float | None
    after: float | None = None

    def moved(self, fact: Fact) -> bool:
        """Whether it has moved as it was said that it would."""
        if self.after is None or self.before is None:
            return False
        if fact.moves == "up":
            return self.after > (self.before * (1 + NOISE) if fact.beyond is None else fact.beyond)
        return self.after < self.before * (1 - NOISE)


class Looker:
    """Reads values as Grafana does."""

    def __init__(self, day: Day) -> None:
        ports = day.stack.ports
        self.servers = Servers(ports.url("prometheus"), ports.url("loki"), ports.url("tempo"))
        self.documents = {path.stem: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")}
        self.day = day
        self.began = time.time()  # of the present change, which is how far back traces are looked for

    def variables(self, page: str, change: str) -> dict[str, str]:
        """What the page's variables are during a change."""
        given = {"election_class": "real", "service": LOOKED_AT.get(change, "auth")}
        if self.day.election is not None:
            given["election"] = self.day.election.uuid
        return Reading(self.servers, self.documents[page], HOUR).variables(given) | {"__rate_interval": "40s"}

    def value(self, each: Watched) -> float | None:
        """The sum of the numbers, or how many lines or traces there are; None when a number is missing or none."""
        query, values = each.query, self.variables(each.page, each.fact.change)
        text, now = filled(query.text, values), time.time()
        if query.source.type == "tempo":
            return float(len(self.servers.traces(TENANTS[query.source.variable], text, self.began, now)))
        if query.source.type == "loki":
            return self.lines(query.source, text, now)
        points = [point for series in self.servers.numbers(text) for _, point in series.points]
        if not points:
            return 0.0 if each.may_be_empty else None
        if not all(map(math.isfinite, points)):
            return 0.0 if each.may_be_empty and all(map(math.isnan, points)) else None
        return sum(points)

    def answer(self, query: Query, values: Mapping[str, str]) -> list[Any]:
        """All that there is of the last hour."""
        text, now = filled_with_labels(query.text, values), time.time()
        tenant = TENANTS.get(query.source.variable, "")
        if query.source.type == "tempo":
            return self.servers.traces(tenant, text, now - HOUR, now)
        if query.source.type == "loki":
            return self.servers.lines(tenant, text, now - HOUR, now, 60)
        return self.servers.curves(text, now - HOUR, now, 15)

    def labels_of(self, panel: Panel, values: Mapping[str, str]) -> list[Mapping[str, str]]:
        """Of every series that the panel has shown today."""
        return [series.labels for query in panel.queries for series in self.answer(query, values)]

    def follow(self, link: Link, values: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Whether the target has something to show that is about this very series."""
        known = {**values, **{f"__field.labels.{name}": value for name, value in labels.items()}}
        url = filled_with_labels(unquote(link.url), known)
        if "${__field" in url:
            return False  # a series without that label
        if url.startswith("/explore"):
            found = self.answer(link_query(link.url), known)
            return bool(found) and all(self.is_about(each, labels, link) for each in found)
        page, _, asked = url.removeprefix("/d/").partition("?")
        given = dict(re.findall(r"var-(\w+)=([^&]+)", asked))
        query = next(each for each in PAGES[page].panels if each.kind == "stat").queries[0]
        return bool(self.answer(query, {**self.variables(page, ""), **given}))

    def is_about(self, found: Any, labels: Mapping[str, str], link: Link) -> bool:
        """Whether a line, or a whole trace, has the label that was asked for."""
        asked = re.findall(r"__field\.labels\.(\w+)", link.url)
        if isinstance(found, Series) or not asked:
            return True
        if "traceID" in found:
            told = json.dumps(self.servers.trace("identity", found["traceID"]))
            return all(f'"{labels[name]}"' in told for name in asked)
        return all(labels[name] in {found.get(name), found.get("service_name")} for name in asked)

    def exemplars(self, promql: str, label: str) -> set[str]:
        """The traces that a query's exemplars name."""
        return {each[label] for each in self.servers.exemplars(promql, time.time() - HOUR, time.time())}

    def has_trace(self, trace_id: str) -> bool:
        return bool(self.servers.trace("identity", trace_id))

    def has_lines(self, trace_id: str, question: str) -> bool:
        """Whether the data source's question for a trace's lines gives such, each of that trace."""
        text = question.replace("$${__trace.traceId}", trace_id)
        found = self.answer(Query(text, source=Source.IDENTITY_LINES), {})
        return bool(found) and {line["trace_id"] for line in found} == {trace_id}

    def lines(self, source: Source, text: str, now: float) -> float:
        counted = text if "count_over_time" in text else f"sum(count_over_time({text} [1h]))"
        curves = self.servers.lines(TENANTS[source.variable], counted, now - 1, now, 1)
        return sum(series.points[-1][1] for series in curves)


def filled_with_labels(text: str, values: Mapping[str, str]) -> str:
    """Also with `${__field.labels.name}`."""
    return filled(re.sub(r"\$\{(__field[.\w]+)\}", lambda found: values.get(found[1], found[0]), text), values)


ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "dashboards"
PROVISIONED = ROOT / "observability/grafana/provisioning/datasources/datasources.yaml"
PAGES = {page.uid: page for page in ALL}


async def settle(day: Day, looker: Looker) -> None:
    """Waits until the system is well again, so that the next change is the only one."""

    def is_well() -> bool | None:
        well = (
            "sum(up{job=~'auth|voter|election|ballot|result|frontend'}) == 6",
            "min(count_over_time(uvote_start_time_seconds[1m])) > 3",  # rates need more than one look
            "min(uvote_database_up) == 1",
            "max(uvote_breaker_open) == 0",
        )
        return bool(looker.servers.numbers(" and ".join(well))) or None

    await asyncio.to_thread(eventually, is_well)
    await day.sign_in()


# From here on Loki and the collector are gone for good.
LAST: tuple[Change, ...] = ("Loki is gone", "the collector is gone")


async def live_through(day: Day, looker: Looker, changes: Sequence[Change]) -> dict[str, Seen]:
    """Makes the changes and reads what names them as its fact."""
    found: dict[str, Seen] = {}
    for change in changes:
        if change not in {"the counting goes on", "the collector is gone"}:
            await settle(day, looker)
        concerned = {name: each for name, each in WATCHED.items() if each.fact.change == change}
        looker.began = time.time()
        seen = {name: Seen(await asyncio.to_thread(looker.value, each)) for name, each in concerned.items()}
        async with CHANGES[change](day):
            await look(concerned, seen, looker)
        found |= seen
    return found


async def look(concerned: Mapping[str, Watched], seen: Mapping[str, Seen], looker: Looker) -> None:
    """Reads again and again until all have moved, or for as long as a person would wait."""
    deadline = time.monotonic() + LOOK_SECONDS
    open_ones = set(concerned)
    while open_ones and time.monotonic() < deadline:
        for name in sorted(open_ones):
            seen[name].after = await asyncio.to_thread(looker.value, concerned[name])
            if seen[name].moved(concerned[name].fact):
                open_ones.discard(name)
        await asyncio.sleep(1)


@pytest.fixture(scope="module")
async def day(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    """Servers, services and a database of this module's own, as all of them will be stopped."""
    data, ports = tmp_path_factory.mktemp("day"), Ports.free()
    async with AsyncExitStack() as closing:
        running = closing.enter_context(stack_running(programs, data, ports, {}))
        stack = Stack(data, ports)
        launcher = closing.enter_context(Launcher())
        workshop = await asyncio.to_thread(OwnWorkshop, tmp_path_factory.mktemp("own"), launcher)
        closing.push_async_callback(workshop.stop_postgres)
        await workshop.prepare()
        system = await closing.enter_async_context(workshop.system(collectors=ports.collectors))
        stack.scrape(system)
        yield await closing.enter_async_context(day_begun(stack, running, workshop, system))


@pytest.fixture(scope="module")
def looker(day: Day) -> Iterator[Looker]:
    looker = Looker(day)
    yield looker
    looker.servers.client.close()


@pytest.fixture(scope="module")
async def lived(day: Day, looker: Looker) -> dict[str, Seen]:
    """What was seen of each panel while all servers ran."""
    return await live_through(day, looker, [change for change in CHANGES if change not in LAST])


def test_every_change_that_a_panel_names_is_made() -> None:
    assert tuple(CHANGES) == get_args(Change)


@pytest.mark.parametrize("query", all_queries(), ids=lambda query: query.text[:60])
async def test_the_servers_understand_every_question(query: Query, lived: dict[str, Seen], looker: Looker) -> None:
    looker.answer(query, {**looker.variables("service", ""), **LABELS})


# What stands for a label of a value in a link, before one follows it.
LABELS = {"__field.labels.action": "sign_in"}


@pytest.mark.parametrize("promql", of_type("prometheus"))
async def test_every_series_and_label_was_scraped(promql: str, lived: dict[str, Seen], looker: Looker) -> None:
    def is_there(selector: str) -> bool:
        return bool(looker.servers.numbers(f"count(last_over_time({selector}[1h]))"))

    named = metrics(promql)
    for metric in named:
        assert is_there(metric), metric
    for matcher in (each for each in matchers(promql) if each.metric):
        assert is_there(f'{matcher.metric}{{{matcher.label}!=""}}'), matcher
    for label in grouped_labels(promql) - MADE_HERE:
        assert any(is_there(f'{metric}{{{label}!=""}}') for metric in named), label


MADE_HERE = {"dependency"}  # also by `label_replace`


def links(*, late: bool) -> list[Any]:
    """All. Late are those from panels that show nothing before the last changes, and that need Prometheus only."""
    return [
        pytest.param(page.uid, panel, link, id=f"{page.uid}: {panel.title}: {link.title}")
        for page in ALL
        for panel in page.panels
        for link in panel.links
        if late == (panel.fact.change in LAST and "lines}" not in link.url and "traces}" not in link.url)
    ]


@pytest.mark.parametrize(("page", "panel", "link"), links(late=False))
async def test_a_link_leads_to_what_it_promises(
    page: str, panel: Panel, link: Link, lived: dict[str, Seen], looker: Looker
) -> None:
    """With the labels of a real series, if it asks for such; then the target has something about that very one."""
    assert leads_on(page, panel, link, looker)


def leads_on(page: str, panel: Panel, link: Link, looker: Looker) -> bool:
    """For one service at least, where the page is of one service."""
    for service in SERVICES if page == "service" else SERVICES[:1]:
        values = looker.variables(page, panel.fact.change) | {"service": service}
        labels = [{}] if "__field" not in link.url else looker.labels_of(panel, values)
        if any(looker.follow(link, values, each) for each in labels):
            return True
    return False


async def test_an_exemplar_leads_to_its_trace_and_on_to_its_lines(lived: dict[str, Seen], looker: Looker) -> None:
    """By the very ways that the data sources are provisioned with."""
    sources = {each["uid"]: each["jsonData"] for each in yaml.safe_load(PROVISIONED.read_text())["datasources"]}
    (way,) = sources["prometheus"]["exemplarTraceIdDestinations"]
    assert way["datasourceUid"] == Source.IDENTITY_TRACES.uid
    for query in (query for query in all_queries() if query.exemplars):
        values = looker.variables("service", "sign-ins fail")
        ids = looker.exemplars(filled(query.text, values), way["name"])
        assert ids, query
        question = sources[way["datasourceUid"]]["tracesToLogsV2"]["query"]
        assert any(looker.has_lines(trace_id, question) for trace_id in ids if looker.has_trace(trace_id)), query


async def test_every_dashboard_can_be_drawn(lived: dict[str, Seen], looker: Looker, tmp_path: Path) -> None:
    given = {name: value for name, value in looker.variables("election-day", "").items() if not name.startswith("__")}
    pictures = await asyncio.to_thread(draw, looker.servers, tmp_path, {**given, "service": "voter"}, 20)
    assert {picture.stem for picture in pictures} == set(PAGES)
    for picture in pictures:
        assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
async def seen(day: Day, lived: dict[str, Seen], looker: Looker) -> dict[str, Seen]:
    """The same, until the end of the day."""
    return lived | await live_through(day, looker, LAST)


@pytest.mark.parametrize("name", WATCHED)
async def test_a_value_moves_as_its_fact_says(name: str, seen: dict[str, Seen]) -> None:
    assert seen[name].moved(WATCHED[name].fact), (WATCHED[name].fact, seen[name])


@pytest.mark.parametrize(("page", "panel", "link"), links(late=True))
async def test_a_link_from_what_was_lost_leads_to_what_it_promises(
    page: str, panel: Panel, link: Link, seen: dict[str, Seen], looker: Looker
) -> None:
    """The same, when there is something to be seen."""
    assert leads_on(page, panel, link, looker)
