"""Which registered route a request meets, found before the application looks, by one expression for all of them."""

import re
from collections.abc import Iterable

from observability.telemetry.registry import Route

PARAMETER = re.compile(r"{[^}]*}")


class RouteFinder:
    """Finds routes by method and path. An address without parameters goes before one with them, as in the services."""

    def __init__(self, routes: Iterable[Route]) -> None:
        by_path: dict[str, dict[str, Route]] = {}
        for route in sorted(routes, key=lambda route: route.path.count("{")):
            by_path.setdefault(route.path, {}).update(dict.fromkeys(route.methods, route))
        self.routes = list(by_path.values())
        self.expression = re.compile("|".join(f"(?P<r{at}>{_expression(path)})" for at, path in enumerate(by_path)))

    def meets(self, path: str) -> bool:
        """Whether this is the address of a route, by whatever method."""
        return bool(self.routes) and self.expression.fullmatch(path) is not None

    def find(self, method: str, path: str) -> Route | None:
        """The route, or None when nothing registered is met."""
        met = self.expression.fullmatch(path)
        if met is None or met.lastgroup is None:
            return None
        return self.routes[int(met.lastgroup[1:])].get(method)


def _expression(path: str) -> str:
    parts = PARAMETER.split(path)
    given = PARAMETER.findall(path)
    pieces = [".*" if parameter.endswith(":path}") else "[^/]+" for parameter in given]
    return "".join(re.escape(part) + piece for part, piece in zip(parts, [*pieces, ""], strict=True))
