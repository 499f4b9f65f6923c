"""Notes which methods of a client have been answered, and understood the answer."""

import importlib
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from services.shared.client import ServiceClient

# Methods that were answered, by service and name.
Answered = set[tuple[str, str]]
Client = TypeVar("Client", bound=ServiceClient)


def methods(service: str) -> set[str]:
    """The methods of a service's client."""
    client = getattr(importlib.import_module(f"services.{service}.client"), f"{service.title()}Client")
    return {name for name, _ in inspect.getmembers(client, inspect.isfunction) if name in vars(client)}


def recording(client: Client, answered: Answered) -> Client:
    """The same client; each method whose answer was understood is noted."""
    for name in methods(client.service):
        method = getattr(client, name)
        note = _noting_call if inspect.iscoroutinefunction(method) else _noting_stream
        setattr(client, name, note(method, partial(answered.add, (client.service, name))))
    return client


def _noting_call(method: Callable[..., Any], note: Callable[[], None]) -> Callable[..., Any]:
    async def noted(*args: Any, **kwargs: Any) -> Any:
        reply = await method(*args, **kwargs)
        note()
        return reply

    return noted


def _noting_stream(method: Callable[..., Any], note: Callable[[], None]) -> Callable[..., Any]:
    @asynccontextmanager
    async def noted(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with method(*args, **kwargs) as response:
            assert await response.aread()
            note()
            yield response

    return noted
