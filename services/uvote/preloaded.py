"""The parent of the services' processes: it has loaded all their code and knows none of their secrets.

Promises:

* It forks before any loop, thread or key exists in it. A child reads its settings itself, from a pipe that the parent
  hands on unread, so none has another's.
* It ends when the other end of its control socket (standard input) closes, in whatever way; so do its children: they
  are told to drain, and killed when that takes too long. On Linux they also die with it at once should it be killed.

On the control socket: `{"fork": NAME}` with two file descriptors (settings to read, log to write) is answered by
`{"pid": PID}`, and so is `{"signal": NUMBER, "pid": PID}`; `{"ended": PID, "code": CODE}` is said of each child.
"""

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from types import FrameType

from services.shared.settings import SERVICES
from services.uvote.serve import serve

DRAIN_SECONDS = 25  # a little more than a service takes itself
PR_SET_PDEATHSIG = 1

# What uvicorn, httpx and asyncpg load only when they are used.
LATE = (
    "asyncpg.protocol",
    "encodings.idna",
    "httptools",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


def preload() -> None:
    """Imports what the services need; one that cannot be loaded says so when it is started."""
    for name in (*LATE, *(f"services.{name}.app" for name in SERVICES)):
        with suppress(Exception):  # the child imports it again, and its log tells
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that the children share these pages


def die_with(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


class Parent:
    """Forks, signals and reaps; `run` returns in the children."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: set[int] = set()
        self.woken, self.waker = os.pipe()
        for end in (self.woken, self.waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.waker)
        signal.signal(signal.SIGCHLD, _wake)
        signal.signal(signal.SIGTERM, self.stop)
        self.stopping = False

    def stop(self, _: int, __: FrameType | None) -> None:
        """Remembers that the end has come."""
        self.stopping = True

    def run(self) -> str | None:
        """Obeys until the control socket closes. In a child: the name of the service to be."""
        selector = selectors.DefaultSelector()
        selector.register(self.control, selectors.EVENT_READ)
        selector.register(self.woken, selectors.EVENT_READ)
        while not self.stopping:
            ready = [key.fileobj for key, _ in selector.select()]
            if self.woken in ready:
                os.read(self.woken, 4096)
                self.reap()
            if self.control in ready and (name := self.obey()):
                selector.close()
                return name
        self.end_children()
        return None

    def obey(self) -> str | None:
        """One command; in a child that it made: the child's name."""
        said, files, _, _ = socket.recv_fds(self.control, 4096, 2)
        if not said:
            self.stopping = True
            return None
        command = json.loads(said)
        if "signal" in command:
            self.deliver(command["pid"], command["signal"])
            return None
        return self.fork(command["fork"], *files)

    def deliver(self, pid: int, number: int) -> None:
        """Signals a child that has not been reaped, so its number is its own."""
        if pid in self.children:
            os.kill(pid, number)
        self.say({"pid": pid})

    def fork(self, name: str, settings: int, log: int) -> str | None:
        """Makes a child; in the child: its name."""
        assert threading.active_count() == 1
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.become_child(parent, settings, log)
            return name
        os.close(settings)
        os.close(log)
        self.children.add(pid)
        self.say({"pid": pid})
        return None

    def become_child(self, parent: int, settings: int, log: int) -> None:
        """Leaves everything of the parent's behind, and takes the settings."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with(parent)
        self.control.close()
        for descriptor in (self.woken, self.waker):
            os.close(descriptor)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(ours, theirs)
        for descriptor in (nothing, log):
            os.close(descriptor)
        with open(settings) as given:  # a file descriptor
            os.environ.update(json.load(given))

    def reap(self) -> None:
        """Says which children have ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                self.children.discard(pid)
                self.say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def say(self, message: dict[str, int]) -> None:
        """Tells the other end, if it is still there."""
        with suppress(OSError):
            self.control.sendall(json.dumps(message).encode() + b"\n")

    def end_children(self) -> None:
        """Lets the children drain, stopped ones too, and kills those that do not end."""
        for pid in self.children:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.children and time.monotonic() < deadline:
            self.reap()
            time.sleep(0.01)
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)


def _wake(_: int, __: FrameType | None) -> None:
    """A handler must be there for the wake-up pipe to be written."""


def main() -> int:
    """The parent's whole life; in each child, a service's."""
    preload()
    name = Parent(socket.socket(fileno=os.dup(0))).run()
    if name is None:
        return 0
    try:
        return serve(name)
    except Exception:  # noqa: BLE001  # whatever it is goes to the service's log
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    sys.exit(main())
