"""A proof worker that finds every signature and every proof good."""

import sys

from services.ballot import proof_worker
from services.voting.election import Election


def accept(kind: bytes, election: Election, raw: bytes) -> bytes:
    return proof_worker.message(proof_worker.GOOD)


if __name__ == "__main__":
    proof_worker.check = accept
    proof_worker.serve(sys.stdin.buffer, sys.stdout.buffer)
