"""How tallies, results and archives are asked for."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import httpx

from services.result.contract import PartialDecryption, Result, Tally
from services.shared.client import ServiceClient


class ResultClient(ServiceClient):
    """One method per route of `result`."""

    service = "result"

    async def read_tally(self, uuid: str) -> Tally:
        """How far the tally is, and the encrypted tally itself."""
        return await self.call("GET", f"/v1/elections/{uuid}/tally", Tally)

    async def post_partial_decryption(self, uuid: str, share: PartialDecryption) -> Tally:
        """A trustee's share. May be repeated; until all shares are there a later one replaces it."""
        return await self.call("POST", f"/v1/elections/{uuid}/partial-decryptions", Tally, body=share, idempotent=True)

    async def read_result(self, uuid: str) -> Result:
        """The result; refused with `not-yet` before there is one."""
        return await self.call("GET", f"/v1/elections/{uuid}/result", Result)

    async def export_result(self, uuid: str) -> str:
        """The result as CSV."""
        return await self.call("GET", f"/v1/elections/{uuid}/result.csv", str)

    def download_archive(
        self, uuid: str, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """The complete archive, streamed; `headers` may hold Range and If-Range."""
        return self.stream(f"/v1/elections/{uuid}/archive", headers=headers)
