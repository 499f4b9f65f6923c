"""Signing in and out, and what keeps a session going."""

import secrets
from collections.abc import Sequence
from datetime import datetime

import structlog

from services.auth import refreshing
from services.auth.accounts import email_key, view
from services.auth.attempts import count_attempt, take_back
from services.auth.contract import Credentials, Session
from services.auth.devices import Device, read_device, write_device
from services.auth.keyring import Keyring
from services.auth.metrics import counting_sign_ins
from services.auth.passwords import PasswordPool
from services.auth.refreshing import TokenState, Verdict, judge, successor
from services.auth.sealing import Sealing
from services.auth.signing import ACCESS_SECONDS
from services.auth.store import Account, Store
from services.auth.throttling import Bucket, sign_in_buckets
from services.shared.database import Database
from services.shared.problems import Unauthenticated

log = structlog.get_logger()


def wrong_credentials() -> Unauthenticated:
    """The one answer to every sign-in that is not right."""
    return Unauthenticated("Address and password do not belong together.", code="wrong-credentials")


class Sessions:
    """One method for each thing that can be done with a session."""

    def __init__(self, database: Database, sealing: Sealing, keyring: Keyring, pool: PasswordPool) -> None:
        self.database = database
        self.sealing = sealing
        self.keyring = keyring
        self.pool = pool

    async def sign_in(self, credentials: Credentials, address: str) -> Session:
        """Opens a session. An unknown account and a wrong password look and last the same.

        Raises:
            TooMany: throttled, or everybody signs in at once.
            Unauthenticated: address and password do not belong together.
        """
        with counting_sign_ins():
            return await self._sign_in(credentials, address)

    async def _sign_in(self, credentials: Credentials, address: str) -> Session:
        self.pool.check_room()  # before the attempt counts
        account, device, buckets = await self._admit(credentials, address)
        matches = await self.pool.matches(credentials.password, account.password_hash if account else None)
        if account is None or not matches:
            raise wrong_credentials()
        async with self.database.transaction("sign_in") as connection:
            store = Store(connection)
            # A session must not outlive a change of the password that comes at the same time.
            if not await store.lock_account(account):
                raise wrong_credentials()
            await take_back(store, buckets)
            return await self._open(store, account, device or Device(account.id, secrets.token_urlsafe(12)))

    async def _admit(
        self, credentials: Credentials, address: str
    ) -> tuple[Account | None, Device | None, Sequence[Bucket]]:
        """The account, the browser if the account knows it, and where the attempt has been counted."""
        key = email_key(credentials.email)
        async with self.database.transaction("admit_sign_in") as connection:
            store = Store(connection)
            account = await store.find_account(key)
            device = read_device(self.sealing, credentials.device)
            if device and (account is None or device.organiser_id != account.id):
                device = None
            buckets = sign_in_buckets(key, address, device.id if device else None)
            await count_attempt(store, buckets)
        return account, device, buckets

    async def _open(self, store: Store, account: Account, device: Device) -> Session:
        token, session_id = refreshing.new_token(), secrets.token_urlsafe(12)
        await store.insert_session(session_id, account.id, device.id)
        await store.insert_refresh_token(refreshing.digest(token), session_id)
        return await self._session(store, account, device, token)

    async def _session(self, store: Store, account: Account, device: Device, refresh_token: str) -> Session:
        return Session(
            organiser=view(account),
            access=await self.keyring.access_tokens(store, account.id),
            access_seconds=ACCESS_SECONDS,
            refresh_token=refresh_token,
            device=write_device(self.sealing, device),
        )

    async def refresh_session(self, token: str) -> Session:
        """New tokens for a refresh token.

        Raises:
            Unauthenticated: it is not good (any more).
        """
        async with self.database.transaction("refresh_session") as connection:
            if session := await self._refresh(Store(connection), token):
                return session
        # Raised after the end of a family has been committed.
        raise Unauthenticated("The session has ended. Sign in again.", code="session-ended")

    async def _refresh(self, store: Store, token: str) -> Session | None:
        await store.lock_session(refreshing.digest(token))
        now = await store.read_clock()
        following = False
        while state := await store.read_refresh_token(refreshing.digest(token)):
            verdict = judge(state, now)
            if verdict is Verdict.ROTATE:
                token = token if following else await self._rotate(store, state, token, now)
                return await self._continue(store, state, token)
            if verdict is Verdict.END_FAMILY:
                await store.end_session(state.session_id)
                log.warning("refresh_token_reused")
            if verdict is not Verdict.FOLLOW:
                return None
            token, following = successor(self.sealing, token), True
        return None

    async def _rotate(self, store: Store, state: TokenState, token: str, now: datetime) -> str:
        following = successor(self.sealing, token)
        await store.mark_used(refreshing.digest(token), now)
        await store.insert_refresh_token(refreshing.digest(following), state.session_id)
        return following

    async def _continue(self, store: Store, state: TokenState, token: str) -> Session | None:
        account = await store.read_account(state.organiser_id)
        device = Device(state.organiser_id, state.device_id)
        return await self._session(store, account, device, token) if account else None

    async def sign_out(self, token: str) -> None:
        """Ends the session, whichever of its tokens this is; an unknown token is as good as ended."""
        async with self.database.transaction("sign_out") as connection:
            store = Store(connection)
            if state := await store.read_refresh_token(refreshing.digest(token)):
                await store.end_session(state.session_id)

    async def sign_out_everywhere(self, organiser_id: str) -> None:
        """Ends all sessions; access tokens that are out live on for their few minutes."""
        async with self.database.transaction("sign_out_everywhere") as connection:
            await Store(connection).end_sessions(organiser_id)
