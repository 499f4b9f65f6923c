"""Passwords: what may be one, and bcrypt in a bounded pool.

- bcrypt reads 72 bytes; a longer password is refused when it is set (never cut), and simply wrong at sign-in.
- A check takes equally long whether or not the account exists.
- Hashing never takes the event loop's thread nor all cores; more than the queue holds is refused, not kept waiting.
"""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from services.auth import metrics
from services.shared.problems import Invalid, TooMany

COST = 12
MAX_BYTES = 72
MIN_CHARACTERS = 12
MIN_DIFFERENT = 5
THREADS = max(1, (os.cpu_count() or 1) - 1)
QUEUE_PER_THREAD = 30  # about 8 s of work; whoever waits longer has gone
RETRY_SECONDS = 5

# Of a password that nobody knows, for accounts that do not exist.
NOBODY = "$2b$12$5HhIAGLyz39F.I0HHys9B.W2od1xodjuQ7OD5bmxeq.DKIWIFa2yS"

Reply = TypeVar("Reply")


def as_bytes(password: str) -> bytes:
    """The same bytes however the keyboard composed the characters."""
    return unicodedata.normalize("NFC", password).encode()


def check_new_password(password: str, email: str) -> None:
    """Raises Invalid unless this may become the password of the account."""
    if len(as_bytes(password)) > MAX_BYTES:
        raise Invalid(f"A password has at most {MAX_BYTES} bytes.", code="password-too-long")
    if len(password) < MIN_CHARACTERS:
        raise Invalid(f"A password has at least {MIN_CHARACTERS} characters.", code="weak-password")
    if len(set(password)) < MIN_DIFFERENT:
        raise Invalid(f"A password has at least {MIN_DIFFERENT} different characters.", code="weak-password")
    if password.casefold() in {email.casefold(), email.partition("@")[0].casefold()}:
        raise Invalid("The address is not a password.", code="weak-password")


def _hash(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(COST)).decode()


def _matches(password: bytes, hashed: str | None) -> bool:
    known = hashed is not None and len(password) <= MAX_BYTES
    return bcrypt.checkpw(password[:MAX_BYTES], (hashed if hashed and known else NOBODY).encode()) and known


class PasswordPool:
    """Threads that do nothing but bcrypt."""

    def __init__(self, threads: int = THREADS, queue: int = THREADS * QUEUE_PER_THREAD) -> None:
        self.executor = ThreadPoolExecutor(threads, "bcrypt")
        self.room = self.size = threads + queue
        metrics.password_queue_use.read_by(metrics.fullest.read)

    def close(self) -> None:
        """Drops what waits."""
        self.executor.shutdown(wait=False, cancel_futures=True)

    def check_room(self) -> None:
        """Raises TooMany when the queue is full."""
        if self.room <= 0:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise TooMany("Too many people are signing in at this moment.", code="busy", headers=headers)

    async def hash(self, password: str) -> str:
        """The bcrypt hash of a password that has been checked."""
        return await self._run(lambda: _hash(as_bytes(password)))

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Whether it is the hash of this password; never, and after the same time, when there is none."""
        return await self._run(lambda: _matches(as_bytes(password), hashed))

    async def _run(self, work: Callable[[], Reply]) -> Reply:
        self.check_room()
        self.room -= 1
        metrics.fullest.note(1 - self.room / self.size)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        finally:
            self.room += 1
