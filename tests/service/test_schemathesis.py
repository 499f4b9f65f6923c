"""Each service keeps what its committed interface says, whatever is sent: generated requests, right and wrong ones.

The paths lead to what is there, and the caller is one whom the route lets in, so that the requests reach the code
behind. `test_bad_input.py` asks the same routes systematically.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.shared.settings import SERVICES
from services.uvote.openapi import place
from tests.service.bad_input_stage import Stage, make_stage
from tests.service.harness import System
from tests.service.right_pages import RIGHT
from tests.service.routes_under_test import Route, routes

EXAMPLES = 8
# Most pages take nothing but their address.
EXAMPLES_OF_PAGES = 3
CONFORMANCE: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What would take away what the others need: these come last, in this order.
LAST = (
    "sign_out_everywhere",
    "invite_trustee",
    "remove_trustee",
    "remove_voter",
    "delete_roll",
    "seal_election",
    "delete_election",
)


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    async with make_stage(system) as stage:
        yield stage


def operations(service: str) -> Iterator[tuple[Route, APIOperation[Any, Any, Any, Any]]]:
    """Every operation of the committed interface, with its route."""
    schema = schemathesis.openapi.from_dict(json.loads(place(service).read_text()))
    by_name = {(route.method, route.name): route for route in routes(service)}
    results = list(schema.get_all_operations())
    found = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(found) == len(results), "the document itself is wrong"
    named = [(by_name[each.method.upper(), each.definition.raw["operationId"]], each) for each in found]
    yield from sorted(named, key=lambda pair: LAST.index(pair[0].name) if pair[0].name in LAST else -1)


def attack(stage: Stage, route: Route, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
    """Sends generated requests of one operation."""
    things = stage.things[RIGHT[route.key].state]
    headers = stage.authorization(route, things)
    known = {name: value for name, value in things.values.items() if name in route.parameters}
    if mode is GenerationMode.NEGATIVE and not operation.body:
        known = {}  # the path is what can be wrong
    is_page = route.service == "frontend"
    session, url = requests.Session(), stage.system.url(route.service)

    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=known or None))
    @settings(
        max_examples=EXAMPLES_OF_PAGES if is_page else EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Case[Any]) -> None:
        # A page is promised to people only, so nothing is said of its form.
        checks: list[CheckFunction] = [not_a_server_error] if is_page else CONFORMANCE
        case.call_and_validate(url, session=session, headers=headers, checks=checks)

    with suppress(Unsatisfiable):  # whatever is sent here is right
        send()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_generated_requests_are_answered_as_the_interface_says(
    stage: Stage, service: str, mode: GenerationMode
) -> None:
    for route, operation in operations(service):
        if mode is GenerationMode.POSITIVE or operation.body or operation.path_parameters or operation.query:
            attack(stage, route, operation, mode)
