"""The signing keys in the database: made when there are none, changed on the operator's word, forgotten in time."""

from collections.abc import Sequence

from services.auth import metrics, signing
from services.auth.contract import JsonWebKeySet
from services.auth.sealing import Sealing
from services.auth.signing import SigningKey
from services.auth.store import Store
from services.shared.database import Database


class Keyring:
    """Reads the keys anew each time: another replica may have changed them."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self.database = database
        self.sealing = sealing

    async def access_tokens(self, store: Store, organiser_id: str) -> dict[str, str]:
        """One token for each audience, signed with the active key; within the transaction of `store`."""
        key = signing.active(await self._keys(store), await store.read_clock())
        assert key is not None
        return signing.access_tokens(self.sealing, key, organiser_id)

    async def read_keys(self) -> JsonWebKeySet:
        """The public halves of all keys whose tokens may be seen."""
        async with self.database.transaction("read_keys") as connection:
            store = Store(connection)
            return signing.key_set(signing.published(await self._keys(store), await store.read_clock()))

    async def rotate_keys(self) -> JsonWebKeySet:
        """Makes the next key, unless one is waiting already."""
        async with self.database.transaction("rotate_keys") as connection:
            store = Store(connection)
            await store.lock_signing_keys()
            keys, now = await self._keys(store), await store.read_clock()
            if not any(key.signs_from > now for key in keys):
                keys = [*keys, await self._make(store, keys)]
            return signing.key_set(signing.published(keys, now))

    async def check(self) -> None:
        """Raises unless there is an active key that this service can unseal."""
        async with self.database.transaction("check_keys") as connection:
            await self.access_tokens(Store(connection), "nobody")

    async def watch(self) -> None:
        """Says how old the active key is."""
        async with self.database.transaction("check_keys", readonly=True) as connection:
            store = Store(connection)
            now = await store.read_clock()
            key = signing.active(await store.read_signing_keys(), now)
        metrics.signing_key_age.set((now - key.signs_from).total_seconds() // 1 if key else 0)

    async def forget(self, store: Store) -> None:
        """Deletes the keys whose tokens have all expired."""
        keys = await store.read_signing_keys()
        needed = signing.published(keys, await store.read_clock())
        await store.delete_signing_keys([key.kid for key in keys if key not in needed])

    async def _keys(self, store: Store) -> Sequence[SigningKey]:
        if keys := await store.read_signing_keys():
            return keys
        await store.lock_signing_keys()
        # Another replica may have made the first key while we waited.
        return await store.read_signing_keys() or [await self._make(store, [])]

    async def _make(self, store: Store, others: Sequence[SigningKey]) -> SigningKey:
        now = await store.read_clock()
        key = signing.new_signing_key(self.sealing, now + signing.KEY_NOTICE if others else now)
        await store.insert_signing_key(key)
        return key
