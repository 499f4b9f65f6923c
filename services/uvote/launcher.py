"""Starts the services of an installation as processes of one preloaded parent, and knows when they are ready.

The parent lives as long as this object and this process, whichever ends first, and the services as long as the parent.
"""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

import httpx

from services.shared.settings import SERVICES
from services.uvote.installation import HOST, Installation
from services.uvote.migrate import prepare

START_SECONDS = 30
POLL_SECONDS = 0.02
LAST_WORDS = 2000


class LaunchError(Exception):
    """Why a service does not run, in a sentence for whoever started it."""


class Launcher:
    """The preloaded parent, seen from outside. It loads while its maker goes on; a test may give it another program."""

    def __init__(self, program: str = "services.uvote.preloaded") -> None:
        self.control, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        with theirs:
            command = [sys.executable, "-m", program]
            # In a session of its own: Ctrl-C is for us, and we end the services in order.
            self.process = Popen(  # noqa: S603  # our own interpreter and module
                command, stdin=theirs.fileno(), env=environment, start_new_session=True
            )
        self.unread = b""
        self.codes: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets all services drain, and waits until they have ended."""
        self.control.close()
        self.process.wait()

    def start(self, name: str, environment: Mapping[str, str], log: Path) -> int:
        """Starts a service, whose output is appended to `log`, and returns its process id."""
        settings, ours = os.pipe()
        with open(ours, "w") as pipe, log.open("ab") as output:  # noqa: PTH123  # a file descriptor is no path
            try:
                socket.send_fds(self.control, [json.dumps({"fork": name}).encode()], [settings, output.fileno()])
            finally:
                os.close(settings)
            pid = self._answer()
            json.dump(dict(environment), pipe)
        return pid

    def signal(self, pid: int, number: int) -> None:
        """Signals a service, unless it has ended."""
        self.control.sendall(json.dumps({"signal": int(number), "pid": pid}).encode())
        self._answer()

    def exit_code(self, pid: int) -> int | None:
        """How a service has ended (negative: by which signal); None while it runs."""
        if pid not in self.codes:
            self._listen(socket.MSG_DONTWAIT)
        return self.codes.get(pid)

    def _answer(self) -> int:
        while (pid := self._listen(0)) is None:
            pass
        return pid

    def _listen(self, flags: int) -> int | None:
        """Reads what the parent says; the answer to a command, if it is among that."""
        try:
            said = self.control.recv(65536, flags)
        except BlockingIOError:
            return None
        if not said:
            raise LaunchError("The parent of the services has ended.")
        *lines, self.unread = (self.unread + said).split(b"\n")
        answer = None
        for message in map(json.loads, lines):
            if "ended" in message:
                self.codes[message["ended"]] = message["code"]
            else:
                answer = message["pid"]
        return answer


def _is_ours(variable: str) -> bool:
    return variable.startswith("UVOTE_") or variable == "DATABASE_URL"


def check_ports(ports: Mapping[str, int]) -> None:
    """Raises LaunchError when something else listens on one of the ports."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                reason = f"{name} cannot listen on port {port} ({error.strerror})"
                remedy = "stop what uses the port (another demo or stack?) and run this again"
                raise LaunchError(f"{reason}: {remedy}.") from None


async def wait_until_ready(launcher: Launcher, name: str, url: str, pid: int, log: Path) -> None:
    """Returns when the service is ready; raises LaunchError with its last words when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    reason = "does not listen"
    async with httpx.AsyncClient(timeout=START_SECONDS, verify=False) as client:  # noqa: S501  # no TLS on this machine
        while (code := launcher.exit_code(pid)) is None and time.monotonic() < deadline:
            try:
                reply = await client.get(f"{url}/health/ready")
            except httpx.TransportError:
                await asyncio.sleep(POLL_SECONDS)
                continue
            if reply.status_code == 200:
                return
            reason = f"lacks {reply.json().get('missing')}"
            await asyncio.sleep(POLL_SECONDS)
    state = f"{reason} after {START_SECONDS} s" if code is None else f"has ended with {code}"
    raise LaunchError(f"The service {name} {state}. Its last words:\n{last_words(log)}")


def last_words(log: Path) -> str:
    """The end of a service's log."""
    return log.read_bytes()[-LAST_WORDS:].decode(errors="replace")


@asynccontextmanager
async def running(
    launcher: Launcher, installation: Installation, logs: Path, names: Iterable[str] = SERVICES
) -> AsyncIterator[dict[str, int]]:
    """Prepares the database and runs the services while the block runs; yields their process ids."""
    check_ports({name: installation.ports[name] for name in names})
    check_ports({f"{name}'s metrics": port for name, port in installation.metrics_ports.items() if name in names})
    await prepare(installation.superuser_url, installation.keys.passwords)
    pids = {name: launcher.start(name, installation.environment(name), logs / f"{name}.log") for name in names}
    try:
        await asyncio.gather(
            *(
                wait_until_ready(launcher, name, installation.url(name), pid, logs / f"{name}.log")
                for name, pid in pids.items()
            )
        )
        yield pids
    finally:
        launcher.close()
