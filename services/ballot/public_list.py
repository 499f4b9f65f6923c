"""The public list of credentials, as `voter` sends it page by page before the board is set up.

- Over all pages the keys ascend as numbers, so none stands twice, and the order tells nothing of the roll.
- Every line is spelled as the archive spells it: the pages together are the record's exact bytes.
- A page may be sent again, and replaced, until the list is sealed; from then on it may only be repeated.
- A list is sealed only when it is what `voter` says that it is: number, weight and hash.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.ballot.contract import CredentialsSeal
from services.ballot.store import COMMIT_TIMEOUT, Store
from services.ballot.store_list import ListRow, ListStore
from services.shared.problems import Conflict, Invalid
from services.voting.canonical import MalformedJson
from services.voting.credential import PublicCredential
from services.voting.group import BELENIOS_2048

LARGEST_WEIGHT = 10**9


@dataclass(frozen=True, slots=True)
class PageSum:
    """What a page adds to the whole list."""

    credentials: int
    weight: int


def read_page(lines: Sequence[str]) -> PageSum:
    """Checks the lines of a page.

    Raises:
        Invalid: they are not lines of a public list, or not in their order, or one is not in the group.
    """
    try:
        credentials = [_read_line(line) for line in lines]
        keys = [BELENIOS_2048.parse(credential.key) for credential in credentials]
    except MalformedJson:
        raise Invalid("A line is not a credential of this list.", code="not-a-credential") from None
    if any(later <= earlier for earlier, later in pairwise(keys)):
        raise Invalid("The credentials do not ascend.", code="not-ascending")
    # One power for the page instead of one for each line: this finds what went wrong by accident. Whoever verifies the
    # archive tests every element, as the service does when it signs a ballot.
    if not BELENIOS_2048.is_element(BELENIOS_2048.product(keys)):
        raise Invalid("A credential is not in the group.", code="not-a-credential")
    return PageSum(len(lines), sum(credential.weight for credential in credentials))


def _read_line(line: str) -> PublicCredential:
    credential = PublicCredential.parse(line)
    if credential.render() != line or credential.weight > LARGEST_WEIGHT:
        raise MalformedJson("the line is not spelled as it is published")
    return credential


class PublicList:
    """Takes the list."""

    def __init__(self, boards: Store, store: ListStore) -> None:
        self.boards = boards
        self.store = store

    async def put_credentials_page(self, uuid: str, page: int, lines: Sequence[str]) -> None:
        """Keeps a page.

        Raises:
            Invalid: it cannot be part of a list.
            Conflict: the list is sealed, and this page is another.
        """
        await asyncio.to_thread(read_page, lines)
        digest = hashlib.sha256("\n".join(lines).encode()).digest()
        async with self.store.database.transaction("put_credentials_page") as connection:
            await self.boards.lock_board(connection, uuid)
            if await self.store.read_page_digest(connection, uuid, page) == digest:
                return
            if await self.store.read_list(connection, uuid):
                raise Conflict("The list is sealed.", code="list-sealed")
            await self.store.write_page(connection, uuid, page, digest, lines)

    async def seal_credentials(self, uuid: str, seal: CredentialsSeal) -> None:
        """Seals the list.

        Raises:
            Conflict: the pages are not what the seal says, or the list was sealed with another seal.
        """
        wanted = ListRow(seal.pages, seal.count, seal.total_weight, bytes.fromhex(seal.hash))
        async with self.store.database.transaction("seal_credentials") as connection:
            await self.boards.lock_board(connection, uuid, COMMIT_TIMEOUT)
            sealed = await self.store.read_list(connection, uuid)
            if sealed is None:
                sealed = await _sum_up(self.store.read_pages(connection, uuid, seal.pages), seal.pages)
                if sealed == wanted:
                    await self.store.insert_list(connection, uuid, sealed)
        if sealed != wanted:
            raise Conflict("The list is not what the seal says.", code="list-differs")


async def _sum_up(pages: AsyncIterator[list[str]], number: int) -> ListRow | None:
    """What the pages are together; None when they are no list."""
    digest = hashlib.sha256(b"[")
    credentials = weight = 0
    last = -1
    async for lines in pages:
        if not lines or int(lines[0].partition(",")[0]) <= last:
            return None
        text = ("," if credentials else "") + ",".join(f'"{line}"' for line in lines)
        digest.update(text.encode())
        credentials += len(lines)
        weight += sum(_read_line(line).weight for line in lines)
        last = int(lines[-1].partition(",")[0])
    digest.update(b"]")
    return ListRow(number, credentials, weight, digest.digest())
