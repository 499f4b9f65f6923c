"""Checking batches of ballots in several processes.

Promises:
- Each process ends when this one ends, however it does: its pipe closes.
- At any time a process holds one batch; batches are given out in order, and none after one that is wrong.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TypeAlias

from services.uvote.progress import Progress
from services.voting.batches import Batch, BatchVerdict, CheckBatches, check_batch, work_of
from services.voting.election import Election
from services.voting.verify import check_here

_MOST_PROCESSES = 16  # each takes some 8 MB
_LITTLE_WORK = work_of(16, 0)  # is done before processes would have started

_Pipe: TypeAlias = "Connection[Batch, BatchVerdict | OSError]"


def check_in_processes(path: Path, progress: Progress) -> CheckBatches:
    """Check batches of the archive at `path` on all cores; raises OSError when the file or a process fails."""

    def check(election: Election, batches: Iterable[Batch], work: int) -> Iterator[BatchVerdict]:
        progress.begin(work)
        for verdict in _check(path, election, batches, work):
            progress.advance(verdict.work)
            yield verdict

    return check


def _check(path: Path, election: Election, batches: Iterable[Batch], work: int) -> Iterator[BatchVerdict]:
    processes = min(_cores(), _MOST_PROCESSES)
    if processes == 1 or work <= _LITTLE_WORK:
        with path.open("rb") as stream:
            yield from check_here(stream)(election, batches, work)
        return
    pipes: list[_Pipe] = []
    try:
        for _ in range(processes):
            pipes.append(_start(path, election, pipes))
        yield from _distribute(pipes, iter(batches))
    finally:
        for pipe in pipes:
            pipe.close()


def _start(path: Path, election: Election, pipes: list[_Pipe]) -> _Pipe:
    """Fork a process that ends when the pipe that is returned closes."""
    context = get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, [*pipes, ours], path, election), daemon=True)
    process.start()
    theirs.close()
    return ours


def _work(
    pipe: "Connection[BatchVerdict | OSError, Batch]", inherited: list[_Pipe], path: Path, election: Election
) -> None:
    """Check what comes until nothing can come any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end closes the pipe
    for other in inherited:
        other.close()
    try:
        with path.open("rb") as stream:
            while True:
                pipe.send(check_batch(stream, election, pipe.recv()))
    except EOFError:
        pass
    except OSError as error:
        pipe.send(error)


def _distribute(pipes: list[_Pipe], batches: Iterator[Batch]) -> Iterator[BatchVerdict]:
    busy = []
    for pipe, batch in zip(pipes, batches, strict=False):
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
