"""Refresh tokens: opaque, one use each, in families.

- A token's successor follows from the token under a key of ours. Parallel requests with one token therefore get the
  same successor, and a family is a chain: whoever holds a stolen token and its owner cannot both go on.
- A use later than GRACE after the first one ends the family.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from services.auth.sealing import Sealing

GRACE = timedelta(seconds=10)
TOKEN_LIFE = timedelta(days=7)
SESSION_LIFE = timedelta(days=30)


def new_token() -> str:
    """The first token of a family."""
    return secrets.token_urlsafe(32)


def successor(sealing: Sealing, token: str) -> str:
    """The next token of the family."""
    mac = hmac.digest(sealing.refresh, token.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True)
class TokenState:
    """A token that was given out, and its session."""

    session_id: str
    organiser_id: str
    device_id: str
    issued_at: datetime
    used_at: datetime | None
    started_at: datetime
    ended_at: datetime | None


class Verdict(Enum):
    """What a token that is presented leads to."""

    ROTATE = auto()  # its first use: the successor is given out
    FOLLOW = auto()  # a parallel request: it gets what the first one got, or what has become of that
    END_FAMILY = auto()  # a reuse: somebody has a copy
    REFUSE = auto()  # it has expired, or its session has ended


def judge(token: TokenState, now: datetime) -> Verdict:
    """The rules of this module."""
    if token.ended_at is not None or now - token.started_at > SESSION_LIFE:
        return Verdict.REFUSE
    if token.used_at is not None:
        return Verdict.FOLLOW if now - token.used_at <= GRACE else Verdict.END_FAMILY
    return Verdict.ROTATE if now - token.issued_at <= TOKEN_LIFE else Verdict.REFUSE
