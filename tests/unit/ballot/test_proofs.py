"""The pool of processes: real ones, that are killed and flooded."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.ballot.proofs import ProofPool
from services.shared.problems import Invalid, Unavailable
from services.voting.canonical import render_json
from tests.unit.ballot.elections import a_ballot, an_election


@pytest.fixture
async def pool() -> AsyncIterator[ProofPool]:
    pool = ProofPool(processes=2, queue=3)
    yield pool
    pool.close()


def pids(pool: ProofPool) -> list[int]:
    return [worker.running.pid for worker in pool.workers if worker.running]


async def test_good_ballots_pass(pool: ProofPool) -> None:
    ballot = a_ballot()
    await pool.check_signature(an_election(), ballot)
    await pool.check_proofs(an_election(), ballot)


async def test_a_false_proof_is_named(pool: ProofPool) -> None:
    ballot = json.loads(a_ballot())
    proofs = ballot["answers"][0]["individual_proofs"][0]
    proofs[0], proofs[1] = proofs[1], proofs[0]
    with pytest.raises(Invalid) as refusal:
        await pool.check_proofs(an_election(), render_json(ballot))
    assert refusal.value.type.endswith(":invalid-proof")
    assert "question 1" in refusal.value.detail


async def test_a_false_signature_is_named(pool: ProofPool) -> None:
    ballot = json.loads(a_ballot())
    ballot["credential"] = json.loads(a_ballot(2))["credential"]
    with pytest.raises(Invalid) as refusal:
        await pool.check_signature(an_election(), render_json(ballot))
    assert refusal.value.type.endswith(":invalid-signature")


async def test_the_pool_is_ready_when_its_processes_are(pool: ProofPool) -> None:
    with pytest.raises(LookupError):
        await pool.require_ready()
    await pool.start()
    await pool.require_ready()
    await pool.warm(an_election())


async def test_a_killed_process_is_replaced_and_the_ballot_checked_elsewhere(pool: ProofPool) -> None:
    await pool.start()
    before = pids(pool)
    checks = [asyncio.create_task(pool.check_proofs(an_election(), a_ballot())) for _ in range(2)]
    await asyncio.sleep(0)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*checks)
    await pool.check_proofs(an_election(), a_ballot())
    assert not set(before) & set(pids(pool))


async def test_a_full_queue_says_when_to_come_back_and_empties(pool: ProofPool) -> None:
    ballot = a_ballot()
    outcomes = await asyncio.gather(
        *(pool.check_proofs(an_election(), ballot) for _ in range(5)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert len(refused) == 2
    assert int(refused[0].headers["Retry-After"]) > 0
    await pool.check_proofs(an_election(), ballot)


async def test_the_processes_end_with_the_pool() -> None:
    pool = ProofPool(processes=1, queue=1)
    await pool.start()
    (worker,) = pool.workers
    process = worker.process
    assert process
    assert process.stdin
    process.stdin.close()  # what happens when the service ends in whatever way
    assert await process.wait() == 0


async def test_the_processes_know_no_secret(pool: ProofPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UVOTE_CALLER_KEY", "secret")
    await pool.start()
    environment = await asyncio.to_thread(Path(f"/proc/{pids(pool)[0]}/environ").read_text)
    assert "UVOTE" not in environment
