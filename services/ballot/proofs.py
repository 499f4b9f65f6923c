"""The bounded pool of processes that check signatures and proofs.

- The pool takes so many ballots and no more; beyond, the sender is told to come back, and nothing is lost.
- The processes start with the service and prepare each election before it opens, so the first voter waits for none.
- A process that dies or hangs is replaced; its ballot is tried once more, then the sender is told to come back.
- Processes are started afresh, not forked: they share no connection, key or lock with the service.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import structlog

from observability.telemetry.pulse import looks
from observability.telemetry.ticks import MeanOfTick, MostOfTick, steps_of
from services.ballot import metrics
from services.ballot.proof_worker import ELECTION, GOOD, HEAD, PROOFS, SIGNATURE, UNKNOWN_ELECTION, message
from services.shared.problems import Invalid, Unavailable
from services.voting.election import Election

log = structlog.get_logger()

PROGRAM = "services.ballot.proof_worker"
ROOT = Path(__file__).parent.parent.parent
ANSWER_SECONDS = 30
ATTEMPTS = 2
BUSY_RETRY_SECONDS = 5


class WorkerLost(Exception):
    """The process has ended, or did not answer in time."""


class Worker:
    """One process; it is started when it is first asked, and again when it was lost."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.lock = asyncio.Lock()

    async def ask(self, kind: bytes, content: bytes) -> tuple[bytes, bytes]:
        """Sends a message and returns the kind and the content of the answer.

        Raises:
            WorkerLost: there was none; the next question starts a new process.
        """
        async with self.lock:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    process = self.running or await self._start()
                    assert process.stdin is not None
                    process.stdin.write(message(kind, content))
                    return await _read_answer(process)
            except (OSError, EOFError, TimeoutError) as error:
                log.warning("proof_worker_lost", error=type(error).__name__)
                self.kill()
                raise WorkerLost from None
            except BaseException:
                self.kill()  # a question without its answer would be answered to the next one
                raise

    async def start(self) -> None:
        """Starts the process if there is none, so that the next question need not wait for it."""
        async with self.lock:
            if self.running is None:
                await self._start()

    @property
    def running(self) -> Process | None:
        """The process, unless it has ended."""
        return self.process if self.process and self.process.returncode is None else None

    async def _start(self) -> Process:
        # In a session of its own: Ctrl-C is for the service, which still needs its workers while it drains.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            PROGRAM,
            stdin=PIPE,
            stdout=PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        try:
            await _read_answer(process)
        except BaseException:
            _end(process)
            raise
        self.process = process
        return process

    def kill(self) -> None:
        """Ends the process at once."""
        process, self.process = self.process, None
        if process is not None:
            _end(process)


def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _read_answer(process: Process) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    kind, length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    return kind, await process.stdout.readexactly(length) if length else b""


class ProofPool:
    """So many processes, and a queue before them of at most `queue` ballots."""

    def __init__(self, processes: int, queue: int) -> None:
        self.workers = [Worker() for _ in range(processes)]
        self.idle: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in self.workers:
            self.idle.put_nowait(worker)
        self.room = self.queue = queue
        self.warmed: set[str] = set()
        self.fullest, self.busy = MostOfTick(steps_of(queue)), MeanOfTick()
        metrics.proof_queue_use.read_by(self.fullest.read)
        metrics.proof_workers_use.read_by(self.busy.read)
        metrics.proof_workers_running.read_by(self._count_running)
        looks.append(self._look)

    async def start(self) -> None:
        """Starts the processes that do not run."""
        await asyncio.gather(*(worker.start() for worker in self.workers))

    async def require_ready(self) -> None:
        """Raises LookupError while a process is missing."""
        if any(worker.running is None for worker in self.workers):
            raise LookupError("the processes that check proofs are starting")

    def _look(self) -> None:
        self.busy.note(1 - self.idle.qsize() / len(self.workers))

    def _count_running(self) -> int:
        return sum(worker.running is not None for worker in self.workers)

    async def warm(self, election: Election) -> None:
        """Lets every process prepare an election's tables, once."""
        if election.fingerprint not in self.warmed:
            await asyncio.gather(*(worker.ask(ELECTION, election.raw) for worker in self.workers))
            self.warmed.add(election.fingerprint)

    async def check_signature(self, election: Election, raw: bytes) -> None:
        """Returns when the credential that the ballot names has signed it; raises as `check_proofs` does."""
        await self._check(SIGNATURE, election, raw, "invalid-signature")

    async def check_proofs(self, election: Election, raw: bytes) -> None:
        """Returns when the proofs of the ballot hold.

        Raises:
            Invalid: they do not.
            Unavailable: there is no room in the queue, or no process has answered.
        """
        await self._check(PROOFS, election, raw, "invalid-proof")

    async def _check(self, kind: bytes, election: Election, raw: bytes, code: str) -> None:
        if self.room == 0:
            raise Unavailable("Very many ballots arrive at this moment.", code="busy", retry_after=BUSY_RETRY_SECONDS)
        self.room -= 1
        self.fullest.note(1 - self.room / self.queue)
        try:
            verdict, sentence = await self._attempt(kind, election, raw)
        finally:
            self.room += 1
        if verdict != GOOD:
            raise Invalid(f"The ballot is refused: {sentence.decode()}.", code=code)

    async def _attempt(self, kind: bytes, election: Election, raw: bytes) -> tuple[bytes, bytes]:
        for _ in range(ATTEMPTS):
            worker = await self.idle.get()
            try:
                return await self._ask(worker, kind, election, raw)
            except WorkerLost:
                continue
            finally:
                self.idle.put_nowait(worker)
        raise Unavailable("The ballot could not be checked.")

    async def _ask(self, worker: Worker, kind: bytes, election: Election, raw: bytes) -> tuple[bytes, bytes]:
        content = election.fingerprint.encode() + raw
        answer = await worker.ask(kind, content)
        if answer[0] == UNKNOWN_ELECTION:
            await worker.ask(ELECTION, election.raw)
            answer = await worker.ask(kind, content)
        return answer

    def close(self) -> None:
        """Ends the processes."""
        looks.remove(self._look)
        for worker in self.workers:
            worker.kill()
