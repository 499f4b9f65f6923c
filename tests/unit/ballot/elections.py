"""Elections and ballots for tests of the board's rules."""

from functools import cache

from services.voting.ballot import make_ballot
from services.voting.credential import derive_code
from services.voting.election import Election, generate_uuid, render_election
from services.voting.group import BELENIOS_2048
from services.voting.question import HomomorphicQuestion
from services.voting.trustee import generate_private_key


@cache
def an_election() -> Election:
    """A question with two answers."""
    question = HomomorphicQuestion(answers=("yes", "no"), blank=False, minimum=1, maximum=1, text="?")
    key = BELENIOS_2048.g_power(generate_private_key(BELENIOS_2048))
    raw = render_election(name="Test", description="", uuid=generate_uuid(), public_key=key, questions=[question])
    return Election.parse(raw)


def a_ballot(voter: int = 1) -> bytes:
    """A new ballot."""
    return make_ballot(an_election(), derive_code(b"secret", f"voter {voter}"), [[1, 0]])
