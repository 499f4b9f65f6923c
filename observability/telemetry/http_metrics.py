"""Counts of requests by `prometheus-fastapi-instrumentator`, in our own series and names.

Its defaults are not used: they have a size per request, which gives single ballots away, and labels without bounds.
"""

import re
from collections.abc import Callable

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import Instrumentator
from prometheus_fastapi_instrumentator.metrics import Info

from observability.telemetry.metrics import counter
from observability.telemetry.middleware import ROUTE
from observability.telemetry.registry import NO_ACTION, Registry, Route

requests = counter("uvote_http_requests")


def count_requests(app: FastAPI, registry: Registry, service: str) -> None:
    """Counts the requests of an application, without those that are unseen."""
    unseen = [f"^{re.escape(route.path)}$" for route in registry.routes[service].values() if route.unseen]
    instrumentator = Instrumentator(
        registry=CollectorRegistry(), excluded_handlers=unseen, should_group_status_codes=True
    )
    instrumentator.add(_record(frozenset(registry.values("method"))))
    instrumentator.instrument(app)


def _record(methods: frozenset[str]) -> Callable[[Info], None]:
    def record(info: Info) -> None:
        route: Route | None = info.request.scope.get(ROUTE)
        if route is not None and not route.unseen:
            requests.add(action=route.action, method=info.method, status=info.modified_status)
        elif route is None:
            method = info.method if info.method in methods else "other"
            requests.add(action=NO_ACTION, method=method, status=info.modified_status)

    return record
