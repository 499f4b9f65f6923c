"""Counting attempts in the database, by the rules of throttling.py."""

from collections.abc import Sequence

from services.auth.store import Store
from services.auth.throttling import Bucket, counted, wait_seconds
from services.shared.problems import TooMany


async def count_attempt(store: Store, buckets: Sequence[Bucket]) -> None:
    """Counts one attempt in each bucket, or in none.

    Raises:
        TooMany: when one of them has to wait; `Retry-After` says how long.
    """
    held = [(bucket, await store.lock_attempts(bucket)) for bucket in buckets]
    now = await store.read_clock()
    if wait := max(wait_seconds(attempts, now) for _, attempts in held):
        raise TooMany(
            "There were too many attempts. Wait before the next one.",
            code="throttled",
            headers={"Retry-After": str(wait)},
            retry_after=wait,
        )
    for bucket, attempts in held:
        await store.update_attempts(bucket, counted(attempts, bucket.limit, now))


async def take_back(store: Store, buckets: Sequence[Bucket]) -> None:
    """After a success: an address keeps what others have done there, all else begins anew."""
    for bucket in buckets:
        if bucket.kind == "address":
            await store.take_back_attempt(bucket)
        else:
            await store.delete_attempts(bucket)
