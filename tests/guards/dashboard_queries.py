"""Every question that the dashboards ask, also those behind their links and variables."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from dashboards.generate.dashboards import ALL
from dashboards.generate.describing import Query, Source


def link_query(url: str) -> Query:
    """The query that a link to Explore opens."""
    (panes,) = parse_qs(urlsplit(url).query)["panes"]
    (query,) = json.loads(panes)["a"]["queries"]
    (source,) = (each for each in Source if query["datasource"]["uid"] == f"${{{each.variable}}}")
    return Query(query.get("expr") or query["query"], source=source)


def all_queries() -> list[Query]:
    """Of panels, marks, variables and links."""
    found = [query for page in ALL for panel in page.panels for query in panel.queries]
    found += [mark.query for page in ALL for mark in page.marks]
    for page in ALL:
        found += [
            Query(question[1])
            for each in page.choices
            if (question := re.match(r"query_result\((.*)\)$", each.question))
        ]
    links = {link.url for page in ALL for panel in page.panels for link in panel.links}
    return [*found, *(link_query(url) for url in links if url.startswith("/explore"))]


def of_type(name: str) -> list[str]:
    return sorted({query.text for query in all_queries() if query.source.type == name})
