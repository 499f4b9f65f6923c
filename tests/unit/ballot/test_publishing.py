"""What is published of a board says no more than its whole batches of voters."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.ballot.publishing import BATCH, Coarse, Turnout
from services.ballot.rows import Cast

# A ballot is named by its credential; a tick is the number of ballots on the board when it comes.
Ballots = Sequence[int]
ballots = st.lists(st.integers(0, 60), max_size=150)
ticks = st.lists(st.integers(0, 150), max_size=8).map(sorted)


def casts(board: Ballots) -> list[Cast]:
    return [
        Cast(height, credential not in board[:height], credential % 3 + 1) for height, credential in enumerate(board)
    ]


def publish(board: Ballots, ticks: Sequence[int]) -> list[tuple[Turnout, bool]]:
    """What is seen after each tick."""
    coarse, seen, followed = Coarse(), [], 0
    for tick in ticks:
        coarse.follow(casts(board)[followed:tick])
        followed = max(followed, tick)
        seen.append((coarse.published, coarse.withheld))
    return seen


def whole_batches(board: Ballots) -> Ballots:
    """The board up to the ballot that completed its last full batch."""
    distinct = list(dict.fromkeys(board))
    full = len(distinct) // BATCH * BATCH
    return board[: board.index(distinct[full - 1]) + 1] if full else []


@given(ballots, ballots, ticks)
def test_boards_that_are_equal_in_their_whole_batches_at_every_tick_publish_the_same(
    one: Ballots, other: Ballots, ticks: Sequence[int]
) -> None:
    """The other board goes on in another way wherever that completes no batch of its own."""
    kept = whole_batches(one)
    tail = [credential for credential in other if credential in {*kept, *other[: BATCH - 1]}]
    twin = [*kept, *tail]
    same = [tick for tick in ticks if whole_batches(one[:tick]) == whole_batches(twin[:tick])]
    assert publish(one, same) == publish(twin, same)


@given(ballots, ticks)
def test_each_visible_step_covers_a_whole_batch_of_distinct_credentials(board: Ballots, ticks: Sequence[int]) -> None:
    seen = [Turnout(), *(turnout for turnout, _ in publish(board, ticks))]
    for before, after in pairwise(seen):
        assert after == before or after.voted - before.voted >= BATCH
        assert after.voted % BATCH == 0


@given(ballots, st.integers(0, 150))
def test_revotes_fill_no_batch(board: Ballots, tick: int) -> None:
    revotes = [credential for credential in dict.fromkeys(board) for _ in range(BATCH)]
    everything = [*board, *revotes]
    assert publish(everything, [len(everything)]) == publish(board, [len(board)])
    assert publish(board, [tick]) == publish(whole_batches(board[:tick]), [tick])


def test_below_one_batch_everything_is_0_and_said_to_be_withheld() -> None:
    assert publish(range(BATCH - 1), [BATCH - 1]) == [(Turnout(), True)]
    assert publish(range(BATCH), [BATCH]) == [(Turnout(BATCH, BATCH, sum(n % 3 + 1 for n in range(BATCH))), False)]
