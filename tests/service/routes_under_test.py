"""The routes of a service with all that they declare, read from its application, so that a new one cannot escape."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from services.shared.requests import DEFAULT_LIMIT
from services.uvote.openapi import markers, unopened_app


@dataclass(frozen=True)
class Route:
    """One route. `kind` and `callers` say who may call it; `model` is its JSON body, if it declares one."""

    service: str
    method: str
    template: str
    name: str
    kind: str
    callers: tuple[str, ...]
    model: type[BaseModel] | None
    media_type: str | None
    limit: int
    queries: tuple[tuple[str, Any], ...]

    @property
    def key(self) -> tuple[str, str]:
        """What tables name it by."""
        return self.service, self.name

    @property
    def parameters(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"{(\w+)(?::\w+)?}", self.template)

    @property
    def changes_something(self) -> bool:
        """Whether a right request may leave something behind."""
        return self.method not in {"GET", "HEAD"}

    def path(self, values: dict[str, str]) -> str:
        """The path with these values, as they are."""
        return re.sub(r"{(\w+)(?::\w+)?}", lambda found: values[found[1]], self.template)

    def __str__(self) -> str:
        return f"{self.service}: {self.method} {self.template}"


@cache
def routes(service: str) -> tuple[Route, ...]:
    """All of them."""
    return tuple(_routes(service))


def _routes(service: str) -> Iterator[Route]:
    for context in iter_route_contexts(unopened_app(service).routes):
        route = context.original_route
        assert isinstance(route, APIRoute)
        (marker,) = markers(context.dependant)
        model = route.body_field.field_info.annotation if route.body_field else None
        assert model is None or (inspect.isclass(model) and issubclass(model, BaseModel))
        described = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
        queries = tuple((field.alias, field.field_info.annotation) for field in context.dependant.query_params)
        for method in sorted(context.methods or ()):
            yield Route(
                service,
                method,
                str(context.path),
                route.name,
                marker.kind,
                tuple(getattr(marker, "names", ())),
                model,
                "application/json" if model else next(iter(described), None),
                getattr(route.endpoint, "body_limit", DEFAULT_LIMIT),
                queries,
            )
