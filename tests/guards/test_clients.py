"""A service's client has one method for each of its routes, of the same name."""

import importlib
import inspect
import json

import pytest

from services.shared.client import ServiceClient
from services.uvote.openapi import document, existing

HEALTH = {"read_live", "read_ready", "read_health"}
CALLED = [name for name in existing() if name != "frontend"]


def operations(service: str) -> set[str]:
    paths = json.loads(document(service))["paths"].values()
    return {operation["operationId"] for path in paths for operation in path.values()} - HEALTH


def methods(service: str) -> set[str]:
    client = getattr(importlib.import_module(f"services.{service}.client"), f"{service.title()}Client")
    assert issubclass(client, ServiceClient)
    assert client.service == service
    return {name for name, _ in inspect.getmembers(client, inspect.isfunction) if name in vars(client)}


@pytest.mark.parametrize("service", CALLED)
def test_a_client_names_its_methods_as_the_service_names_its_routes(service: str) -> None:
    named = {name for name in methods(service) if not name.startswith("_")}
    assert named == operations(service)
