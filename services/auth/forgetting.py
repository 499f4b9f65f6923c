"""What is of no use any more is deleted: ended sessions, old counts, keys that nobody needs."""

from services.auth.keyring import Keyring
from services.auth.refreshing import SESSION_LIFE
from services.auth.store import Store
from services.auth.throttling import FORGET_AFTER
from services.shared.database import Database

FORGET_SECONDS = 600


class Forgetting:
    """Harmless in several replicas at once."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.database = database
        self.keyring = keyring

    async def round(self) -> None:
        """Deletes what has become useless."""
        async with self.database.transaction("forget") as connection:
            store = Store(connection)
            now = await store.read_clock()
            await store.delete_old_sessions(now - SESSION_LIFE)
            await store.delete_old_attempts(now - FORGET_AFTER)
            await self.keyring.forget(store)
