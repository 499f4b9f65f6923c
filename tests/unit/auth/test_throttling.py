from datetime import UTC, datetime, timedelta

import pytest

from services.auth.throttling import (
    FORGET_AFTER,
    LIMITS,
    Attempts,
    Limit,
    counted,
    network,
    sign_in_buckets,
    wait_seconds,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = Limit(free=3, longest=60)


def delays(number: int, limit: Limit) -> list[int]:
    """What somebody waits who tries again and again, each time as soon as it is allowed."""
    attempts, now, found = Attempts(0, NOON, NOON), NOON, []
    for _ in range(number):
        attempts = counted(attempts, limit, now)
        found.append(wait_seconds(attempts, now))
        now = attempts.free_at
    return found


def test_attempts_are_free_at_first_then_wait_twice_as_long_each_time_up_to_a_bound() -> None:
    assert delays(12, LIMIT) == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


@pytest.mark.parametrize("kind", LIMITS)
def test_no_delay_grows_beyond_an_hour(kind: str) -> None:
    """A lock for good would let strangers shut an organiser out."""
    assert max(delays(200, LIMITS[kind])) == LIMITS[kind].longest <= 3600


def test_a_quiet_day_is_forgotten() -> None:
    held = Attempts(100, NOON, NOON + timedelta(minutes=1))
    assert counted(held, LIMIT, NOON + FORGET_AFTER + timedelta(seconds=1)).count == 1
    assert counted(held, LIMIT, NOON + FORGET_AFTER).count == 101


def test_a_known_browser_shares_no_count_with_strangers() -> None:
    known = sign_in_buckets("ada@example.org", "192.0.2.1", "device")
    stranger = sign_in_buckets("ada@example.org", "192.0.2.1", None)
    assert {bucket.kind for bucket in known} == {"device"}
    assert {bucket.kind for bucket in stranger} == {"account", "address"}


def test_an_account_and_an_address_are_counted_apart() -> None:
    one = sign_in_buckets("ada@example.org", "192.0.2.1", None)
    other = sign_in_buckets("bob@example.org", "192.0.2.1", None)
    assert one[0] != other[0]
    assert one[1] == other[1]


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
    ],
)
def test_a_household_cannot_multiply_itself_by_its_ipv6_addresses(address: str, counted_as: str) -> None:
    assert network(address) == counted_as
