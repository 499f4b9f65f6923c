"""The service `ballot` as it is, but with workers that find every proof good: what is left is what casting costs."""

import sys

from services.ballot import proofs
from services.uvote.serve import serve

if __name__ == "__main__":
    proofs.PROGRAM = "tests.load.accepting_worker"
    sys.exit(serve("ballot"))
