"""Checking batches of ballots in several processes.

Promises:
- Each process ends when this one ends, however it does: its pipe closes.
- At any time a process holds one batch; batches are given out in order, and none after one that is wrong.
- The processes are forked before anything was read, so what is read is in memory once.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TypeAlias

from services.uvote.progress import Progress
from services.voting.batches import Batch, BatchVerdict, CheckBatches, check_batch
from services.voting.election import Election
from services.voting.verify import check_here

_MOST_PROCESSES = 16  # each takes some 8 MB of its own
_SMALL_FILE = 200_000  # bytes that are checked before processes would have started

_Pipe: TypeAlias = "Connection[Election | Batch, BatchVerdict | OSError]"


@contextmanager
def checking_processes(path: Path, progress: Progress) -> Iterator[CheckBatches]:
    """A way to check batches of the archive at `path` on all cores; it raises OSError when a file or process fails."""
    pipes: list[_Pipe] = []
    try:
        if path.stat().st_size > _SMALL_FILE and _cores() > 1:
            for _ in range(min(_cores(), _MOST_PROCESSES)):
                pipes.append(_start(path, pipes))

        def check(election: Election, batches: Iterable[Batch], work: int) -> Iterator[BatchVerdict]:
            progress.begin(work)
            for verdict in _check(path, pipes, election, batches):
                progress.advance(verdict.work)
                yield verdict

        yield check
    finally:
        for pipe in pipes:
            pipe.close()


def _check(path: Path, pipes: list[_Pipe], election: Election, batches: Iterable[Batch]) -> Iterator[BatchVerdict]:
    if pipes:
        yield from _distribute(pipes, election, iter(batches))
    else:
        with path.open("rb") as stream:
            yield from check_here(stream)(election, batches, 0)


def _start(path: Path, pipes: list[_Pipe]) -> _Pipe:
    """Fork a process that ends when the pipe that is returned closes."""
    context = get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, [*pipes, ours], path), daemon=True)
    process.start()
    theirs.close()
    return ours


def _work(pipe: "Connection[BatchVerdict | OSError, Election | Batch]", inherited: list[_Pipe], path: Path) -> None:
    """Check the batches that follow an election until nothing can come any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end closes the pipe
    for other in inherited:
        other.close()
    try:
        election = pipe.recv()
        assert isinstance(election, Election)
        with path.open("rb") as stream:
            while True:
                batch = pipe.recv()
                assert not isinstance(batch, Election)
                pipe.send(check_batch(stream, election, batch))
    except (EOFError, ConnectionError):
        pass
    except OSError as error:
        pipe.send(error)


def _distribute(pipes: list[_Pipe], election: Election, batches: Iterator[Batch]) -> Iterator[BatchVerdict]:
    busy = []
    for pipe, batch in zip(pipes, batches, strict=False):
        pipe.send(election)
        pipe.send(batch)
        busy.append(pipe)
    while busy:
        ready = wait(busy)
        for pipe in [pipe for pipe in busy if pipe in ready]:
            verdict = _receive(pipe)
            yield verdict
            if verdict.wrong:
                batches = iter(())
            following = next(batches, None)
            if following is None:
                busy.remove(pipe)
            else:
                pipe.send(following)


def _receive(pipe: _Pipe) -> BatchVerdict:
    try:
        answer = pipe.recv()
    except EOFError as error:
        raise OSError("a process that checks ballots has ended early") from error
    if isinstance(answer, OSError):
        raise answer
    return answer


def _cores() -> int:
    """Those that this process may use, where the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
