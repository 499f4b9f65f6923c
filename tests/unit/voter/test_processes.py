"""Processes for long work end with whoever began it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, os, time
from services.voter.processes import processes

async def main():
    async with processes(2) as pool:
        pids = await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(pool, slow) for _ in range(2)))
        print(*set(pids), flush=True)
        await asyncio.sleep(600)

def slow():
    time.sleep(0.2)
    return os.getpid()

if __name__ == "__main__":
    asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_no_process_outlives_a_service_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, env=environment, text=True) as service:
        assert service.stdout is not None
        workers = [int(pid) for pid in service.stdout.readline().split()]
        assert workers
        assert all(map(is_alive, workers))
        service.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 30
        while any(map(is_alive, workers)):
            assert time.monotonic() < deadline, "a process outlives its parent"
            time.sleep(0.02)
