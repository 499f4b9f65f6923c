"""What checking an archive and making a ballot cost: beside belenios-tool 2.0, and in plain powers of this run."""

import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.voting.ballot import make_ballot
from services.voting.batches import check_ballot
from services.voting.group import BELENIOS_2048
from tests.voting_archives.builder import BuiltElection, chosen

Row = dict[str, Any]

BALLOTS = 1000
ROUNDS = 3
ROOT = Path(__file__).parents[2]


def verification() -> list[Row]:
    """Rows about the archive of 1,000 ballots "1 of 5", and about one such ballot."""
    built = BuiltElection(weights=[1] * BALLOTS)
    for voter in range(BALLOTS):
        built.cast(built.make_ballot(voter, chosen(voter % 5)))
    built.publish()
    with tempfile.TemporaryDirectory() as folder:
        path = built.write(Path(folder))
        return [*_archive_rows(path), *_ballot_rows(built)]


def _archive_rows(path: Path) -> list[Row]:
    tool = ["belenios-tool", "election", "verify", "--dir", str(path.parent)]
    ours = [sys.executable, "-m", "services.uvote", "verify", str(path)]
    rounds = [(_run(tool), _run(ours)) for _ in range(ROUNDS)]  # by turns, so that both meet the same machine
    theirs_wall, ours_wall = (statistics.median(times[side][0] for times in rounds) for side in (0, 1))
    theirs_cpu, ours_cpu = (statistics.median(times[side][1] for times in rounds) for side in (0, 1))
    ratio = theirs_wall / ours_wall
    return [
        {"name": "belenios-tool 2.0, archive of 1,000 ballots", "value": theirs_wall, "unit": "s"},
        {"name": "uvote verify, the same archive", "value": ours_wall, "unit": "s"},
        {"name": "uvote verify, times as fast", "value": ratio, "unit": "x", "goal": ">= 3", "met": ratio >= 3},
        {"name": "belenios-tool 2.0, CPU per ballot", "value": 1000 * theirs_cpu / BALLOTS, "unit": "ms"},
        {"name": "uvote verify, CPU per ballot", "value": 1000 * ours_cpu / BALLOTS, "unit": "ms"},
    ]


def _ballot_rows(built: BuiltElection) -> list[Row]:
    election, code = built.election, built.codes[0]
    base, exponents = BELENIOS_2048.g_power(7), [secrets.randbelow(BELENIOS_2048.q) for _ in range(200)]
    raw = make_ballot(election, code, [chosen(2)])
    power = _seconds(lambda: [BELENIOS_2048.power(base, exponent) for exponent in exponents]) / len(exponents)
    making = _seconds(lambda: [make_ballot(election, code, [chosen(2)]) for _ in range(20)]) / 20
    checking = _seconds(lambda: [check_ballot(raw, election) for _ in range(20)]) / 20
    powers = making / power
    return [
        {"name": "one plain power modulo 2048 bits", "value": 1e6 * power, "unit": "us"},
        {"name": "making a ballot 1 of 5", "value": powers, "unit": "powers", "goal": "<= 20", "met": powers <= 20},
        {"name": "checking a ballot 1 of 5", "value": checking / power, "unit": "powers"},
    ]


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds on the clock and of the processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of the quickest of some rounds."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return min(once() for _ in range(5))
