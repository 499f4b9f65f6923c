"""Asks Prometheus, Loki and Tempo what a dashboard's JSON asks, with its variables filled in."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

POINTS = 240
SCRAPE_SECONDS = 10
TENANTS = {
    "identity_lines": "identity",
    "identity_traces": "identity",
    "ballot_lines": "ballot",
    "ballot_traces": "ballot",
}
SOURCE = re.compile(r"^\$\{(\w+)\}$")
TEMPLATE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class Series:
    """Numbers over time, or one number, with labels."""

    labels: Mapping[str, str]
    points: list[tuple[float, float]]

    def named(self, legend: str) -> str:
        """What a legend with placeholders makes of its labels."""
        return TEMPLATE.sub(lambda found: self.labels.get(found[1], ""), legend)


@dataclass(frozen=True)
class Servers:
    """Where the three are."""

    prometheus: str
    loki: str
    tempo: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    def _get(self, url: str, tenant: str = "", **parameters: str) -> Any:
        """Raises httpx.HTTPStatusError with the server's words when it refuses the question."""
        reply = self.client.get(url, params=parameters, headers={"X-Scope-OrgID": tenant} if tenant else {})
        if reply.is_error:
            raise httpx.HTTPStatusError(f"{reply.text}\n{parameters}", request=reply.request, response=reply)
        return reply.json()

    def numbers(self, promql: str, at: float | None = None) -> list[Series]:
        """The answer at one time."""
        moment = {} if at is None else {"time": str(at)}
        found = self._get(f"{self.prometheus}/api/v1/query", query=promql, **moment)["data"]["result"]
        return [Series(each["metric"], [_point(each["value"])]) for each in found]

    def curves(self, promql: str, since: float, until: float, step: float) -> list[Series]:
        """The answers over a time."""
        found = self._get(
            f"{self.prometheus}/api/v1/query_range", query=promql, start=str(since), end=str(until), step=str(step)
        )
        return [Series(each["metric"], [*map(_point, each["values"])]) for each in found["data"]["result"]]

    def lines(self, tenant: str, logql: str, since: float, until: float, step: float) -> list[Series] | list[Any]:
        """Lines, newest first, each with `time`, `line` and its labels; or curves, when the question counts."""
        times = {"start": f"{since:.3f}", "end": f"{until:.3f}", "step": str(step), "limit": "200"}
        data = self._get(f"{self.loki}/loki/api/v1/query_range", tenant, query=logql, **times)["data"]
        if data["resultType"] == "matrix":
            return [Series(each["metric"], [*map(_point, each["values"])]) for each in data["result"]]
        found = [
            {**stream["stream"], "time": int(moment) / 1e9, "line": line}
            for stream in data["result"]
            for moment, line in stream["values"]
        ]
        return sorted(found, key=lambda line: -line["time"])

    def traces(self, tenant: str, traceql: str, since: float, until: float) -> list[dict[str, Any]]:
        """Traces that match, as Tempo's search lists them."""
        times = {"start": str(int(since)), "end": str(int(until) + 1), "limit": "20"}
        found = self._get(f"{self.tempo}/api/search", tenant, q=traceql, **times).get("traces", [])
        return [dict(trace) for trace in found]

    def trace(self, tenant: str, trace_id: str) -> Any:
        """A whole trace as Tempo tells it; nothing when the tenant has none."""
        reply = self.client.get(f"{self.tempo}/api/traces/{trace_id}", headers={"X-Scope-OrgID": tenant})
        return reply.json() if reply.is_success else None

    def exemplars(self, promql: str, since: float, until: float) -> list[dict[str, str]]:
        """The labels of all exemplars that belong to a query."""
        times = {"start": str(since), "end": str(until)}
        told = self._get(f"{self.prometheus}/api/v1/query_exemplars", query=promql, **times)["data"]
        return [each["labels"] for series in told for each in series["exemplars"]]


def _point(told: list[Any]) -> tuple[float, float]:
    return float(told[0]), float(told[1])


@dataclass(frozen=True)
class Reading:
    """A dashboard's JSON, over a time that ends now."""

    servers: Servers
    document: Mapping[str, Any]
    seconds: float
    now: float = field(default_factory=time.time)

    @property
    def step(self) -> float:
        """Seconds between two points."""
        return max(1.0, round(self.seconds / POINTS))

    def variables(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """Each variable's value: the given one, else the first that the servers offer."""
        rate = max(self.step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)
        values = {"__rate_interval": f"{rate:.0f}s", **(given or {})}
        for told in self.document["templating"]["list"]:
            if told["type"] == "query" and told["name"] not in values:
                offered = list(self._offered(filled(told["query"], values), told.get("regex", "")))
                values[told["name"]] = offered[0] if offered else ""
        return values

    def _offered(self, question: str, pattern: str) -> Iterator[str]:
        if of_label := re.fullmatch(r"label_values\((\w+), (\w+)\)", question):
            metric, label = of_label.groups()
            yield from sorted(each.labels[label] for each in self.servers.numbers(f"group by ({label}) ({metric})"))
            return
        (promql,) = re.fullmatch(r"query_result\((.*)\)", question).groups()  # type: ignore[union-attr]  # there is no third form
        for each in self.servers.numbers(promql):
            told = "{" + ", ".join(f'{name}="{value}"' for name, value in each.labels.items()) + "}"
            if found := re.search(pattern.strip("/"), told):
                yield found[1]

    def answer(self, target: Mapping[str, Any], values: Mapping[str, str]) -> Any:
        """What the servers say to one query of a panel or of a mark."""
        source = SOURCE.fullmatch(target["datasource"]["uid"])
        assert source, target
        since = self.now - self.seconds
        if target["datasource"]["type"] == "tempo":
            return self.servers.traces(TENANTS[source[1]], filled(target["query"], values), since, self.now)
        text = filled(target["expr"], values)
        if target["datasource"]["type"] == "loki":
            return self.servers.lines(TENANTS[source[1]], text, since, self.now, self.step)
        if target.get("instant"):
            return self.servers.numbers(text, self.now)
        start = since - since % self.step  # on the grid of the steps, as Grafana asks
        return self.servers.curves(text, start, self.now, self.step)


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with `$name` and `${name}` filled in."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: values.get(found[1] or found[2], found[0]), text)
