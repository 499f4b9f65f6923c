"""Memory of `uvote verify`: 200 MiB and 400 bytes per credential for all processes, 100 bytes per ballot."""

import subprocess
import sys
import time
from pathlib import Path

from tests.voting_archives.builder import BuiltElection, chosen

ROOT = Path(__file__).parents[2]

# Prints what 100,000 credentials and then 100,000 ballots add to a process, in bytes for each.
GROWTH = """
import hashlib
from pathlib import Path
from services.voting.ballot_index import BallotIndex, SeenBallots
from services.voting.credential_list import CredentialList
from services.voting.group import BELENIOS_2048

COUNT = 100_000

def peak():
    return 1024 * int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

def chunks():
    yield b"["
    for number in range(COUNT):
        yield b'"%d,%d"%s' % (10**610 + number, number, b"]" if number == COUNT - 1 else b",")

start = peak()
credentials = CredentialList(chunks(), BELENIOS_2048)
listed = peak()
index, seen = BallotIndex(credentials), SeenBallots()
for number in range(COUNT):
    seen.add(hashlib.sha256(b"%d" % number).hexdigest())
    index.append(number, 11_000 * number, 11_000 * (number + 1))
print((listed - start) / COUNT, (peak() - listed) / COUNT)
"""


def test_credentials_and_ballots_add_little() -> None:
    command = [sys.executable, "-c", GROWTH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    per_credential, per_ballot = map(float, done.stdout.split())
    assert 32 < per_credential < 400
    assert per_ballot < 100


def memory_of_family(pid: int) -> int:
    """Bytes of a process and its children, shared pages counted once (PSS); 0 when one has just ended."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        rollups = [Path(f"/proc/{member}/smaps_rollup").read_text() for member in (pid, *children)]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(1024 * int(rollup.split("\nPss:")[1].split()[0]) for rollup in rollups if "\nPss:" in rollup)


def test_all_processes_together_stay_below_200_mib(tmp_path: Path) -> None:
    built = BuiltElection(weights=[1] * 60)
    for voter in range(60):
        built.cast(built.make_ballot(voter, chosen(voter % 5)))
    built.publish()
    command = [sys.executable, "-m", "services.uvote", "verify", str(built.write(tmp_path))]
    peak = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory_of_family(process.pid))
            time.sleep(0.005)  # a look, not a wait
    assert process.returncode == 0
    assert 2**20 < peak < 200 * 2**20
