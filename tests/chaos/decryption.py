"""A trustee who does not give up."""

import asyncio

from services.result.client import ResultClient
from services.result.contract import PartialDecryption
from services.shared.client import Breaker, DependencyDown, Refused
from services.voting.election import Election
from services.voting.tally import partial_decryption

WAIT_SECONDS = 0.1


async def make_share(result: ResultClient, election: Election, owner: int, private: int) -> PartialDecryption:
    """A trustee's part of the decryption; no two are equal."""
    tally = (await result.read_tally(election.uuid)).encrypted_tally
    assert tally is not None
    text = await asyncio.to_thread(partial_decryption, tally.encode(), election, private)
    return PartialDecryption(owner=owner, partial_decryption=text.decode())


async def insist(result: ResultClient, uuid: str, share: PartialDecryption) -> None:
    """Posts a share until it is kept, or has been used since."""
    while True:
        try:
            await result.post_partial_decryption(uuid, share)
        except DependencyDown:
            result.breaker = Breaker()  # a browser has none
        except Refused as refused:
            if refused.type == "decrypted":
                return
            if refused.type != "decryption-unconfirmed":  # `result` has not heard yet that there are ballots enough
                raise
        else:
            return
        await asyncio.sleep(WAIT_SECONDS)
