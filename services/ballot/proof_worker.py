"""The program that checks signatures and proofs: a process of its own, told and answering over pipes.

- It knows nothing but definitions of elections and ballots, both public; its environment holds no secret.
- It ends when its standard input closes, that is, with the service that started it, however that ends.

A message is a kind (one byte), a length (4 bytes, big-endian) and so many bytes. `ELECTION` gives a definition, to be
kept with its tables; `SIGNATURE` and `PROOFS` give the fingerprint of one (43 bytes) and a ballot, and ask whether
these of it hold. An answer has the same form.
"""

import struct
import sys
from collections import OrderedDict
from typing import BinaryIO

from services.voting.ballot import BallotError, check_proofs, check_signature, parse_ballot
from services.voting.election import Election

HEAD = struct.Struct(">cI")
FINGERPRINT = 43
KEPT = 64  # elections; the tables of one take 2.5 MB

READY, ELECTION, SIGNATURE, PROOFS = b"r", b"e", b"s", b"p"
GOOD, BAD, UNKNOWN_ELECTION = b"g", b"x", b"u"

CHECKS = {SIGNATURE: check_signature, PROOFS: check_proofs}


def message(kind: bytes, content: bytes = b"") -> bytes:
    """The bytes of a message or an answer."""
    return HEAD.pack(kind, len(content)) + content


class Checker:
    """Answers messages, and keeps the elections that it was told last."""

    def __init__(self) -> None:
        self.elections: OrderedDict[bytes, Election] = OrderedDict()

    def answer(self, kind: bytes, content: bytes) -> bytes:
        """The answer to a message."""
        if kind == ELECTION:
            return self.keep(Election.parse(content))
        election = self.elections.get(content[:FINGERPRINT])
        if election is None:
            return message(UNKNOWN_ELECTION)
        return check(kind, election, content[FINGERPRINT:])

    def keep(self, election: Election) -> bytes:
        """Prepares an election's tables."""
        election.y_power(1)
        election.group.g_power(1)
        self.elections[election.fingerprint.encode()] = election
        if len(self.elections) > KEPT:
            self.elections.popitem(last=False)
        return message(GOOD)


def check(kind: bytes, election: Election, raw: bytes) -> bytes:
    """The verdict on a ballot's signature or proofs."""
    try:
        CHECKS[kind](parse_ballot(raw), election)
    except BallotError as error:
        return message(BAD, str(error).encode())
    return message(GOOD)


def serve(given: BinaryIO, said: BinaryIO) -> None:
    """Answers until there is nothing more to answer."""
    checker = Checker()
    said.write(message(READY))
    said.flush()
    while head := given.read(HEAD.size):
        kind, length = HEAD.unpack(head)
        said.write(checker.answer(kind, given.read(length)))
        said.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
