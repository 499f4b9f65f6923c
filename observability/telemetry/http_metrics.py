"""Counts of requests by `prometheus-fastapi-instrumentator`, in our own series and names.

Its defaults are not used: they have a size per request, which gives single ballots away, and labels without bounds.

- Requests of the ballot side are shown in whole tens, at ticks: one voter is a few requests. Failures (5xx) are shown
  one by one, at ticks of 10 s.
- Nothing that is sent to an unseen address is counted, by whatever method: a browser asks before it casts.
"""

import re
from collections.abc import Callable

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info

from observability.telemetry.metrics import EXACT, counter
from observability.telemetry.middleware import ROUTE
from observability.telemetry.registry import NO_ACTION, Registry, Route, Side
from observability.telemetry.routing import RouteFinder

requests = counter("uvote_http_requests")


def count_requests(app: FastAPI, registry: Registry, service: str) -> None:
    """Counts the requests of an application, without those that are unseen."""
    unseen = [route for route in registry.routes[service].values() if route.unseen]
    instrumentator = Instrumentator(
        registry=CollectorRegistry(),
        excluded_handlers=[f"^{re.escape(route.path)}$" for route in unseen],
        should_group_status_codes=True,
    )
    instrumentator.add(_record(frozenset(registry.values("method")), RouteFinder(unseen)))
    instrumentator.instrument(app)


def _record(methods: frozenset[str], unseen: RouteFinder) -> Callable[[Info], None]:
    def record(info: Info) -> None:
        scope, status = info.request.scope, info.modified_status
        route: Route | None = scope.get(ROUTE)
        if unseen.meets(scope["path"]):
            return
        given = {"action": NO_ACTION, "method": info.method if info.method in methods else "other", "status": status}
        if route is not None:
            given["action"] = route.action
        if status == "5xx" and (route is None or route.side is Side.BALLOT):
            requests.add_at(EXACT, 1, **given)
        else:
            requests.add(**given)

    return record
