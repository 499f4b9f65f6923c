"""What must hold of an election's archive, whatever happened while it grew."""

import asyncio
import io
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from services.ballot.client import BallotClient
from services.result.client import ResultClient
from services.uvote.verify import check_archive
from services.voting.archive import ArchiveReader
from services.voting.ballot import tracker
from services.voting.report import Report

Tool = Callable[..., "subprocess.CompletedProcess[str]"]


async def download(client: BallotClient | ResultClient, uuid: str) -> bytes:
    """The archive: the growing one of `ballot`, or the complete one of `result`."""
    async with client.download_archive(uuid) as response:
        return await response.aread()


def trackers_in(archive: bytes) -> Counter[str]:
    """How often each ballot is on the board."""
    entries = ArchiveReader(io.BytesIO(archive))
    return Counter(tracker(entry.data[0].content or b"") for entry in entries if entry.event.type == "Ballot")


async def check(archive: bytes, uuid: str, folder: Path, belenios_tool: Tool, *, complete: bool) -> Report:
    """Our verifier and the one that others wrote accept it; what ours says."""
    place = folder / "archive"
    place.mkdir()
    file = place / f"{uuid}.bel"
    file.write_bytes(archive)
    report = await asyncio.to_thread(check_archive, file)
    assert report.accepted, report.rejected
    assert report.complete is complete
    await asyncio.to_thread(belenios_tool, "election", "verify", "--dir", place)
    return report
