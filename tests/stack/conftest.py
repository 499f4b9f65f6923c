"""The real observability servers, built where they are missing; they run once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.uvote.stack import stack_running
from services.uvote.stack_programs import find_programs
from services.uvote.stack_servers import Ports


@dataclass(frozen=True)
class Stack:
    """The servers that run: their files and ports."""

    data: Path
    ports: Ports

    def get(self, server: str, path: str, tenant: str = "", **query: str) -> httpx.Response:
        """Ask a server, as one of the tenants if it has such."""
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        return httpx.get(f"{self.ports.url(server)}{path}", params=query, headers=headers, timeout=10)


@pytest.fixture(scope="session")
def programs() -> dict[str, Path]:
    return find_programs(print)


@pytest.fixture(scope="session")
def stack(programs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    data, ports = tmp_path_factory.mktemp("stack"), Ports.free()
    with stack_running(programs, data, ports):
        yield Stack(data, ports)
