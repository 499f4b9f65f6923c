from datetime import UTC, datetime, timedelta

import pytest

from services.auth.refreshing import (
    GRACE,
    SESSION_LIFE,
    TOKEN_LIFE,
    TokenState,
    Verdict,
    digest,
    judge,
    new_token,
    successor,
)
from services.auth.sealing import Sealing
from services.uvote.installation import new_secret

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MOMENT = timedelta(seconds=1)


def token(
    *, issued: timedelta = MOMENT, used: timedelta | None = None, started: timedelta = MOMENT, ended: bool = False
) -> TokenState:
    used_at = NOW - used if used else None
    return TokenState("session", "organiser", "device", NOW - issued, used_at, NOW - started, NOW if ended else None)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (token(), Verdict.ROTATE),
        (token(issued=TOKEN_LIFE), Verdict.ROTATE),
        (token(issued=TOKEN_LIFE + MOMENT), Verdict.REFUSE),
        (token(used=GRACE), Verdict.FOLLOW),
        (token(used=GRACE + MOMENT), Verdict.END_FAMILY),
        (token(used=GRACE + MOMENT, issued=TOKEN_LIFE + MOMENT), Verdict.END_FAMILY),
        (token(started=SESSION_LIFE + MOMENT), Verdict.REFUSE),
        (token(ended=True), Verdict.REFUSE),
        (token(ended=True, used=MOMENT), Verdict.REFUSE),
    ],
)
def test_a_token_is_good_once_and_for_the_parallel_requests_of_ten_seconds(state: TokenState, verdict: Verdict) -> None:
    assert judge(state, NOW) is verdict


def test_a_successor_follows_from_the_token_for_whoever_has_the_key_only() -> None:
    ours, theirs, first = Sealing.under(new_secret()), Sealing.under(new_secret()), new_token()
    assert successor(ours, first) == successor(ours, first) != first
    assert successor(ours, first) != successor(theirs, first)
    assert len(digest(first)) == 32
