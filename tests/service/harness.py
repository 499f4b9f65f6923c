"""The system under test: a database with all roles and migrations, and real services as processes of their own.

Only the services that a test asks for are started. They are forked from one preloaded parent, so that this takes a
moment only.
"""

import asyncio
import os
import random
import secrets
import signal as signals
import socket
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from services.auth.client import AuthClient
from services.auth.contract import Credentials, NewOrganiser, Organiser
from services.shared.identity import Caller
from services.uvote.installation import HOST, PORTS, Installation, Keys
from services.uvote.launcher import Launcher, last_words, wait_until_ready
from services.uvote.migrate import prepare
from services.uvote.postgres import PrivatePostgres

PASSWORD = "correct horse battery staple"
END_SECONDS = 30
NOBODY: Mapping[str, str] = {}
# What makes tests quick; a test that needs something else says so when it starts a service.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "voter": {"poll_seconds": 0.1},
    "ballot": {"poll_seconds": 0.1, "append_grace_seconds": 1, "proof_processes": 1},
    "result": {"poll_seconds": 0.1},
}


def free_port() -> int:
    """A port that nobody listens on, from below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randint(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for something that another process does."""
    async with asyncio.timeout(END_SECONDS):
        while not await condition():  # noqa: ASYNC110  # another process sets no event of ours
            await asyncio.sleep(0.01)


@dataclass
class Process:
    """A service that was started; `settings` are those that it was given besides the usual ones."""

    pid: int
    port: int
    settings: Mapping[str, Any]
    told_to_end: bool = False


class System:
    """A service's name may carry a label, as in `ballot/2`: that is another replica of it, on a port of its own."""

    def __init__(self, launcher: Launcher, installation: Installation, logs: Path) -> None:
        self.launcher = launcher
        self.installation = installation
        self.logs = logs
        self.processes: dict[str, Process] = {}

    async def start(self, *names: str, **settings: Any) -> None:
        """Starts services (again, on the same port, if they have ended) and waits until they are ready.

        `settings` come on top of the usual ones, by the names that they have in the service's settings; a service
        that is started again keeps them.
        """
        started = [name for name in names if await self.begin(name, **settings)]
        await asyncio.gather(*(self.ready(name) for name in started))

    async def begin(self, name: str, **settings: Any) -> bool:
        """Starts a service and does not wait until it is ready; False when it runs already."""
        before = self.processes.get(name)
        if before and not before.told_to_end and self.launcher.exit_code(before.pid) is None:
            return False
        if before:
            await self.ended(name)
            settings = {**before.settings, **settings}
        service, _, label = name.partition("/")
        port = before.port if before else free_port() if label else self.installation.ports[service]
        if label and self.installation.metrics_ports:
            settings = {"metrics_port": free_port(), **settings}
        told = {**SETTINGS.get(service, {}), "port": port, **settings}
        environment = self.installation.environment(service, **told)
        self.processes[name] = Process(self.launcher.start(service, environment, self._log(name)), port, settings)
        return True

    async def ready(self, name: str) -> None:
        """Waits until the service is ready; fails with its last words when it does not become so."""
        pid = self.processes[name].pid
        await wait_until_ready(self.launcher, name, self.url(name), pid, self._log(name))

    def kill(self, name: str, signal: int = signals.SIGKILL) -> None:
        """Sends a signal."""
        process = self.processes[name]
        process.told_to_end = process.told_to_end or signal not in {signals.SIGSTOP, signals.SIGCONT}
        self.launcher.signal(process.pid, signal)

    async def ended(self, name: str) -> int:
        """Waits until the service has ended; how (negative: by which signal)."""
        deadline = time.monotonic() + END_SECONDS
        while (code := self.launcher.exit_code(self.processes[name].pid)) is None:
            assert time.monotonic() < deadline, f"{name} does not end"
            await asyncio.sleep(0.01)
        return code

    async def close(self) -> None:
        """Ends what runs."""
        alive = [name for name, process in self.processes.items() if self.launcher.exit_code(process.pid) is None]
        for name in alive:
            self.kill(name)
        await asyncio.gather(*(self.ended(name) for name in alive))

    def pid(self, name: str) -> int:
        """The process."""
        return self.processes[name].pid

    def url(self, name: str) -> str:
        """Where the service listens, or would."""
        service, _, label = name.partition("/")
        port = self.processes[name].port if label else self.installation.ports[service]
        return f"http://{HOST}:{port}"

    def metrics_url(self, name: str) -> str:
        """Where Prometheus reads of the service, in a system that is observed."""
        service, _, label = name.partition("/")
        port = self.processes[name].settings["metrics_port"] if label else self.installation.metrics_ports[service]
        return f"http://{HOST}:{port}"

    def caller(self, name: str) -> Caller:
        """Somebody who holds that service's key (or the operator's)."""
        return self.installation.caller(name)

    def log(self, name: str) -> str:
        """What the service has said."""
        return self._log(name).read_text()

    def last_words(self, name: str) -> str:
        """The end of that."""
        return last_words(self._log(name))

    def _log(self, name: str) -> Path:
        return self.logs / f"{name.replace('/', '-')}.log"

    @property
    def database_url(self) -> str:
        """For the superuser."""
        return self.installation.superuser_url

    async def organiser(self, name: str = "Ada") -> tuple[Organiser, dict[str, str]]:
        """A new organiser and one access token for each audience; starts `auth` if need be."""
        await self.start("auth")
        auth = AuthClient(self.url("auth"), caller=self.caller("operator"))
        try:
            email = f"{name.lower()}-{secrets.token_hex(4)}@example.org"
            organiser = await auth.add_organiser(NewOrganiser(email=email, name=name, password=PASSWORD))
            session = await auth.sign_in(Credentials(email=email, password=PASSWORD))
        finally:
            await auth.close()
        return organiser, session.access


async def _prepare(url: str, passwords: Mapping[str, str]) -> None:
    try:
        await prepare(url, passwords)
    except* asyncpg.PostgresError:
        traceback.print_exc()


class Workshop:
    """What all systems of one test run share: a server, a database to copy, the preloaded parent, the keys."""

    def __init__(self, postgres: PrivatePostgres, launcher: Launcher, logs: Path) -> None:
        self.postgres = postgres
        self.launcher = launcher
        self.logs = logs
        self.keys = Keys()

    async def prepare(self) -> None:
        """Makes the database that the others are copies of. A service whose migration fails will not become ready."""
        await self._execute("CREATE DATABASE prepared")
        await _prepare(self.postgres.dsn(database="prepared"), self.keys.passwords)

    @asynccontextmanager
    async def system(
        self, like: System | None = None, *, collectors: Mapping[str, str] = NOBODY
    ) -> AsyncIterator[System]:
        """A system with an empty database, or with what another one holds, whose services have ended.

        `collectors` are the addresses to which each side sends; with them the services serve metrics too.
        """
        name = f"system_{secrets.token_hex(4)}"
        template = urlsplit(like.database_url).path[1:] if like else "prepared"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        url = self.postgres.dsn(database=name)
        # Who may connect is not copied with a database.
        await _prepare(url, {})
        installation = Installation(
            url,
            ports={service: free_port() for service in PORTS},
            keys=self.keys,
            metrics_ports={service: free_port() for service in PORTS if collectors},
            collectors=collectors,
        )
        logs = self.logs / name
        logs.mkdir()
        system = System(self.launcher, replace(installation, smtp_port=free_port()), logs)
        try:
            yield system
        finally:
            await system.close()
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.postgres.dsn())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class OwnWorkshop(Workshop):
    """One with a server of its own, which a test may stop, kill and start again; it keeps what it was told."""

    def __init__(self, directory: Path, launcher: Launcher) -> None:
        super().__init__(PrivatePostgres.start(directory), launcher, directory)
        self.directory = directory

    async def stop_postgres(self) -> None:
        """In order; open connections are cut."""
        await asyncio.to_thread(self.postgres.stop)

    async def kill_postgres(self) -> None:
        """As a crash would."""
        os.kill(self.postgres.pid, signals.SIGKILL)
        await asyncio.to_thread(self.postgres.stop)

    async def start_postgres(self) -> None:
        """Again, at the same place."""
        self.postgres = await asyncio.to_thread(PrivatePostgres.start, self.directory)
