"""The wall within `frontend`: a page of one side asks other services only with the clients of its own side."""

from collections.abc import Iterator
from functools import cache

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from observability.telemetry.registry import Side, registry
from services.frontend.clients import OrganiserSide, PublicSide
from services.uvote.openapi import unopened_app

CLIENTS = {OrganiserSide: Side.IDENTITY, PublicSide: Side.BALLOT}


def resources(dependant: Dependant) -> Iterator[object]:
    """The kinds of resource that a route asks for, itself or through what it depends on."""
    for need in dependant.dependencies:
        for cell in getattr(need.call, "__closure__", None) or ():
            yield cell.cell_contents
        yield from resources(need)


@cache
def sides_asked() -> dict[str, set[Side]]:
    """For each route of `frontend`: the sides whose clients it uses."""
    found: dict[str, set[Side]] = {}
    for route in iter_route_contexts(unopened_app("frontend").routes):
        dependant = getattr(route, "dependant", None)
        if isinstance(dependant, Dependant):
            asked = {CLIENTS[kind] for kind in resources(dependant) if kind in CLIENTS}
            found.setdefault(str(route.name), set()).update(asked)
    return found


@pytest.mark.parametrize("action", registry().routes["frontend"])
def test_a_page_uses_the_clients_of_its_own_side_alone(action: str) -> None:
    assert sides_asked()[action] <= {registry().routes["frontend"][action].side}


def test_pages_of_both_sides_ask_other_services() -> None:
    """What is compared above is there."""
    asked = sides_asked()
    assert asked["list_elections"] == {Side.IDENTITY}
    assert asked["show_board"] == {Side.BALLOT}
