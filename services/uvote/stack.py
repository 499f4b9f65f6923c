"""The real observability servers on this machine: collector, Prometheus, Alertmanager, Loki and Tempo.

Promises:

* They listen on 127.0.0.1 only, and all their files are in one folder.
* They end with this process, however it ends, `kill -9` included, and this process ends with the one that started it.
"""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from subprocess import Popen
from types import FrameType

import httpx

from services.uvote.installation import HOST, METRICS_PORTS
from services.uvote.launcher import LaunchError, check_ports, last_words
from services.uvote.stack_programs import ProgramError, find_programs
from services.uvote.stack_servers import Ports, Server, environment, lay_out, ready_pages, servers

SECONDS_TO_START = 90
SECONDS_TO_STOP = 20
SECONDS_TO_ANSWER = 5
POLL_SECONDS = 0.2
SERVICES = {name: f"http://{HOST}:{port}" for name, port in METRICS_PORTS.items()}  # as the demo runs them
DATA = Path(__file__).parents[2] / ".cache" / "stack"

# The lifeline is standard input, a pipe of which only our process holds the other end, so it closes when we end in
# whatever way. `wait` keeps the server's process id ours until the asking has ended.
SUPERVISOR = """
exec 3<&0 </dev/null >>"$1" 2>&1
shift
"$@" 3<&- &
server=$!
{ read -r _; while kill "$server"; do sleep 0.5; done; } <&3 2>/dev/null &
lifeline=$!
exec 3<&-
wait "$server"
status=$?
kill "$lifeline"
exit "$status"
"""


class Running:
    """One server's process, seen from outside."""

    def __init__(self, server: Server, log: Path, settings: Mapping[str, str]) -> None:
        self.server = server
        self.log = log
        command = ["sh", "-c", SUPERVISOR, "sh", str(log), *server.command]
        told = {**settings, "GOMEMLIMIT": f"{server.memory_mib}MiB"}
        # In a session of its own: Ctrl-C is for us, and we end the servers in order.
        self.process: Popen[bytes] = Popen(  # noqa: S603  # programs that we found or built
            command, stdin=subprocess.PIPE, env=told, cwd=log.parent, start_new_session=True
        )

    def check(self) -> None:
        """Raises LaunchError with the server's last words when it has ended."""
        if (code := self.process.poll()) is not None:
            raise LaunchError(f"{self.server.name} has ended with {code}. Its last words:\n{last_words(self.log)}")

    def wait_until_ready(self, deadline: float) -> None:
        """Returns when the server says that it is ready; raises LaunchError when it ends or takes too long."""
        while time.monotonic() < deadline:
            self.check()
            with suppress(httpx.TransportError):
                if httpx.get(self.server.ready, timeout=SECONDS_TO_ANSWER).is_success:
                    return
            time.sleep(POLL_SECONDS)
        reason = f"{self.server.name} is not ready after {SECONDS_TO_START} s"
        raise LaunchError(f"{reason}. Its last words:\n{last_words(self.log)}")

    def ask_to_end(self) -> None:
        """Cuts the lifeline."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait(self) -> None:
        """Returns when it has ended, which is not left to it for ever."""
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # not reaped yet, so the number is its own
            self.process.wait()


@contextmanager
def stack_running(
    programs: Mapping[str, Path], data: Path, ports: Ports, services: Mapping[str, str]
) -> Iterator[list[Running]]:
    """Runs the servers, with their files in `data`, while the block runs; they are ready when it begins.

    `services` are the addresses of metrics that Prometheus reads. Raises LaunchError when a port is taken or a server
    does not start.
    """
    check_ports(asdict(ports))
    for name in ("logs", "loki", "tempo"):
        (data / name).mkdir(parents=True, exist_ok=True)
    lay_out(data, ports, services)
    settings = environment(data, ports)
    running: list[Running] = []
    try:
        running.extend(
            Running(server, data / "logs" / f"{server.name}.log", settings) for server in servers(programs, data, ports)
        )
        deadline = time.monotonic() + SECONDS_TO_START
        for process in running:
            process.wait_until_ready(deadline)
        yield running
    finally:
        for process in running:
            process.ask_to_end()
        for process in running:
            process.wait()


def require_running(ports: Ports) -> None:
    """Raises LaunchError when nobody would take what services have to say."""
    for name, url in ready_pages(ports).items():
        try:
            answers = httpx.get(url, timeout=SECONDS_TO_ANSWER).is_success
        except httpx.TransportError:
            answers = False
        if not answers:
            remedy = "run `./taskw stack` in another terminal, wait until it says that it is ready, and run this again"
            raise LaunchError(f"{name} does not answer at {url}: {remedy}.")


def _watch(running: list[Running]) -> None:
    """Returns when the process that started us has ended; raises LaunchError when a server has."""
    parent = os.getppid()
    while os.getppid() == parent:
        for process in running:
            process.check()
        time.sleep(1)


def _end_in_order(_: int, __: FrameType | None) -> None:
    """What else asks us to end is treated as Ctrl-C is."""
    signal.raise_signal(signal.SIGINT)


def _addresses(data: Path, ports: Ports) -> str:
    return f"""
     The stack is ready; `./taskw demo -- --stack` in another terminal sends to it.

     Prometheus    {ports.url("prometheus")}
     Alertmanager  {ports.url("alertmanager")}
     Loki          {ports.url("loki")}  (tenants identity and ballot, header X-Scope-OrgID)
     Tempo         {ports.url("tempo")}  (the same)
     Collector     {ports.url("otlp_identity")} for the identity side, {ports.url("otlp_ballot")} for the ballot side
     Data and logs {data}

     Ctrl-C ends them; what they have stored stays until you remove that folder.
"""


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def add_arguments(parser: ArgumentParser) -> None:
    """What the stack can be told."""
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="where everything is stored (.cache/stack)"
    )
    parser.add_argument("--build-only", action="store_true", help="build what is missing, and end")


def run(args: Namespace) -> int:
    """Runs until it is interrupted. Exit 0: interrupted, or all is built. 1: something is in the way."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end_in_order)
    data, ports = args.data.resolve(), Ports()
    try:
        programs = find_programs(_say)
        if args.build_only:
            return 0
        with stack_running(programs, data, ports, SERVICES) as running:
            _say(_addresses(data, ports))
            _watch(running)
    except KeyboardInterrupt:
        _say("\n     Ended.")
    except (LaunchError, ProgramError, OSError) as error:
        print(f"uvote stack: {error}", file=sys.stderr)
        return 1
    return 0
