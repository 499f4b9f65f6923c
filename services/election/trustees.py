"""Trustees: the codes that open their pages, and the keys that they publish.

Promises:
- A trustee's code has the form of a voter's, check digit and all, and is derived at each use; none is stored.
- A new invitation gives a new code, and the old one opens nothing any more.
- A wrong code and an unknown trustee are refused alike; codes are compared in constant time.
- A key is taken only with a proof that its owner knows the private key, in the group of our elections.
"""

import asyncio
import base64
import hmac
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Path, Request

from services.election.contract import TrusteeKey
from services.election.definition import GROUP, key_record
from services.election.store_trustees import TrusteeStore
from services.shared.database import Database
from services.shared.fields import TrusteeId
from services.shared.identity import Access, bearer
from services.shared.problems import Invalid, Unauthenticated
from services.voting.credential import InvalidCode, derive_code, normalise_code
from services.voting.group import NEUTRAL
from services.voting.trustee import check_public_key
from services.voting.trustee_key import InvalidTrustee


@dataclass(frozen=True, repr=False)
class TrusteeCodes:
    """Derives and compares codes."""

    key: bytes

    @classmethod
    def of_base64(cls, key: str) -> "TrusteeCodes":
        """From the service's setting."""
        return cls(base64.b64decode(key, validate=True))

    def code(self, trustee_id: str, generation: int) -> str:
        """The code of a trustee's invitation; `generation` counts the invitations, from 1."""
        return derive_code(self.key, f"{trustee_id}|{generation}")

    def matches(self, typed: str, trustee_id: str, generation: int) -> bool:
        """Whether somebody typed that code, with or without dashes."""
        expected = self.code(trustee_id, generation)
        try:
            return hmac.compare_digest(normalise_code(typed).encode(), expected.encode())
        except InvalidCode:
            return False


class TrusteeCode(Access):
    """The trustee whose page it is: `Authorization: Trustee CODE`."""

    kind: ClassVar[str] = "trustee"

    async def __call__(self, trustee_id: Annotated[TrusteeId, Path()], request: Request) -> str:
        """The trustee's id."""
        typed = bearer(request, "Trustee")
        found = request.app.state.resources.by_type
        codes: TrusteeCodes = found[TrusteeCodes]
        database: Database = found[Database]
        async with database.transaction("identify_trustee", readonly=True) as connection:
            trustee = await TrusteeStore(connection).read_trustee(trustee_id)
        # An unknown trustee costs the same work as a known one.
        matches = codes.matches(typed, trustee_id, trustee.generation if trustee else 0)
        if not trustee or not matches:
            raise Unauthenticated("This code does not open this page.", headers={"WWW-Authenticate": "Trustee"})
        return trustee_id


async def check_key(key: TrusteeKey) -> None:
    """Refuses a key whose proof of knowledge does not hold, and the key that hides nothing; raises Invalid."""
    try:
        public = await asyncio.to_thread(check_public_key, key_record(key), GROUP)
    except InvalidTrustee:
        public = NEUTRAL
    if public == NEUTRAL:
        raise Invalid("The proof that comes with this key does not hold.", code="key-not-proven")
