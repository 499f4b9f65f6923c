"""Every method of every client gets an answer from the real service that it understands.

That the methods are the routes, by name, is kept by `tests/guards/test_clients.py`; that the routes keep what was
once promised, by `tests/guards/test_openapi.py`.
"""

import pytest

from services.shared.settings import SERVICES
from tests.contract.journeys import recorded_world, visit_auth, visit_drafts, visit_elections
from tests.contract.recording import Answered, methods
from tests.contract.vote import hold_vote
from tests.service.harness import System

CALLED = [name for name in SERVICES if name != "frontend"]


@pytest.fixture(scope="module")
async def answered(system: System) -> Answered:
    """The methods that were answered on journeys through all services."""
    found: Answered = set()
    await visit_auth(system, found)
    async with recorded_world(system, found) as world:
        # What no service must meddle with comes first: the others do not run yet.
        await visit_drafts(world)
        await visit_elections(world)
        await hold_vote(world, found)
    return found


@pytest.mark.parametrize("service", CALLED)
async def test_every_method_of_a_client_is_answered_in_its_terms(answered: Answered, service: str) -> None:
    assert methods(service)
    assert methods(service) - {name for callee, name in answered if callee == service} == set()
