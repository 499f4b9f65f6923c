"""Organisers' accounts and their passwords."""

import secrets
import unicodedata

from services.auth import refreshing
from services.auth.attempts import count_attempt, take_back
from services.auth.contract import NewOrganiser, NewPassword, OperatorPassword, Organiser
from services.auth.passwords import PasswordPool, check_new_password
from services.auth.store import Account, Store
from services.auth.throttling import bucket, network
from services.shared.database import Database
from services.shared.fields import BASE58
from services.shared.problems import Conflict, Forbidden, Invalid, NotFound, Unauthenticated

ID_LENGTH = 22


def email_key(email: str) -> str:
    """How addresses are compared."""
    return unicodedata.normalize("NFC", email.casefold())


def view(account: Account) -> Organiser:
    """What others may see of an account."""
    return Organiser(id=account.id, email=account.email, name=account.name)


class Accounts:
    """One method for each thing that can be done with an account."""

    def __init__(self, database: Database, pool: PasswordPool, *, sign_up_enabled: bool) -> None:
        self.database = database
        self.pool = pool
        self.sign_up_enabled = sign_up_enabled

    async def sign_up(self, organiser: NewOrganiser, address: str) -> Organiser:
        """An account for whoever asks, where that is enabled."""
        if not self.sign_up_enabled:
            raise Forbidden("Accounts are made by the operator here.", code="sign-up-disabled")
        self.pool.check_room()
        async with self.database.transaction("admit_sign_up") as connection:
            await count_attempt(Store(connection), [bucket("sign_up", network(address))])
        return await self.add_organiser(organiser)

    async def add_organiser(self, organiser: NewOrganiser) -> Organiser:
        """Makes an account.

        Raises:
            Invalid: the address or the password cannot be used.
            Conflict: the address has an account.
        """
        name, _, domain = organiser.email.rpartition("@")
        if not name or not domain:
            raise Invalid("An address has the form name@domain.", code="invalid-address")
        check_new_password(organiser.password, organiser.email)
        organiser_id = "".join(secrets.choice(BASE58) for _ in range(ID_LENGTH))
        hashed = await self.pool.hash(organiser.password)
        account = Account(organiser_id, organiser.email, organiser.name, hashed)
        async with self.database.transaction("add_organiser") as connection:
            if not await Store(connection).insert_account(account, email_key(organiser.email)):
                raise Conflict("There is an account with this address.", code="address-taken")
        return view(account)

    async def read_organiser(self, organiser_id: str) -> Organiser:
        """The organiser's own account."""
        return view(await self._read(organiser_id))

    async def _read(self, organiser_id: str) -> Account:
        async with self.database.transaction("read_organiser", readonly=True) as connection:
            account = await Store(connection).read_account(organiser_id)
        if account is None:
            raise Unauthenticated("The account is no longer there.")
        return account

    async def change_password(self, organiser_id: str, password: NewPassword) -> None:
        """Sets the new password and ends every other session.

        Raises:
            Forbidden: the current password is wrong.
            Invalid: the new one cannot be used.
            TooMany: throttled, or everybody signs in at once.
        """
        account = await self._read(organiser_id)
        check_new_password(password.new, account.email)
        self.pool.check_room()
        buckets = [bucket("change", organiser_id)]
        async with self.database.transaction("admit_change_password") as connection:
            await count_attempt(Store(connection), buckets)
        if not await self.pool.matches(password.current, account.password_hash):
            raise Forbidden("The current password is wrong.", code="wrong-password")
        hashed = await self.pool.hash(password.new)
        async with self.database.transaction("change_password") as connection:
            store = Store(connection)
            await take_back(store, buckets)
            await store.update_password(organiser_id, hashed)
            await store.end_sessions(organiser_id, but=await _session_of(store, organiser_id, password.refresh_token))

    async def set_password(self, password: OperatorPassword) -> None:
        """Sets a password for somebody who cannot sign in, and ends all their sessions."""
        async with self.database.transaction("find_account", readonly=True) as connection:
            account = await Store(connection).find_account(email_key(password.email))
        if account is None:
            raise NotFound("There is no account with this address.")
        check_new_password(password.new, account.email)
        hashed = await self.pool.hash(password.new)
        async with self.database.transaction("set_password") as connection:
            store = Store(connection)
            await store.update_password(account.id, hashed)
            await store.end_sessions(account.id)


async def _session_of(store: Store, organiser_id: str, token: str | None) -> str | None:
    """The organiser's own session that the refresh token belongs to."""
    state = await store.read_refresh_token(refreshing.digest(token)) if token else None
    return state.session_id if state and state.organiser_id == organiser_id else None
