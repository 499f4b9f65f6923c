"""How often somebody may try: free at first, then after delays that double, never forbidden for good.

- A browser that has signed in to the account before has a count of its own: whatever strangers do to the account, or
  from the same address, does not delay it.
- An attempt counts when it begins, so that many at once are not free. A success takes it back.
"""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FORGET_AFTER = timedelta(days=1)
LONGEST_EXPONENT = 20


@dataclass(frozen=True)
class Limit:
    """How many attempts are free, and the longest delay after them, in seconds."""

    free: int
    longest: int


LIMITS = {
    "account": Limit(free=10, longest=900),
    "address": Limit(free=50, longest=300),
    "device": Limit(free=10, longest=60),
    "change": Limit(free=10, longest=900),
    "sign_up": Limit(free=10, longest=3600),
}


@dataclass(frozen=True)
class Bucket:
    """What is counted: a kind of LIMITS, and a digest of whom."""

    kind: str
    subject: bytes

    @property
    def limit(self) -> Limit:
        """The kind's limit."""
        return LIMITS[self.kind]


@dataclass(frozen=True)
class Attempts:
    """What a bucket holds."""

    count: int
    last_at: datetime
    free_at: datetime


def bucket(kind: str, subject: str) -> Bucket:
    """The bucket of this account, address or browser."""
    return Bucket(kind, hashlib.sha256(subject.encode()).digest())


def sign_in_buckets(email_key: str, address: str, device_id: str | None) -> Sequence[Bucket]:
    """Where an attempt to sign in counts; `device_id` is given for browsers that this account knows only."""
    if device_id is not None:
        return [bucket("device", device_id)]
    return [bucket("account", email_key), bucket("address", network(address))]


def network(address: str) -> str:
    """The address, of IPv6 the network of one household."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def wait_seconds(attempts: Attempts, now: datetime) -> int:
    """How long the next attempt has to wait; 0 when it may begin."""
    return max(0, math.ceil((attempts.free_at - now).total_seconds()))


def counted(attempts: Attempts, limit: Limit, now: datetime) -> Attempts:
    """The bucket with one attempt more."""
    count = 1 if now - attempts.last_at > FORGET_AFTER else attempts.count + 1
    over = min(count - limit.free, LONGEST_EXPONENT)
    delay = min(2**over, limit.longest) if over >= 0 else 0
    return Attempts(count, now, now + timedelta(seconds=delay))
