"""No code and no mail is in the database, in its write-ahead log, or in a log of the service."""

import os
import subprocess
from pathlib import Path

from services.election.contract import State
from services.uvote.postgres import PrivatePostgres
from services.uvote.postgres_place import unprivileged_account
from services.uvote.postgres_programs import find_programs
from services.voter.contract import AddressCorrection
from tests.service.election_world import ALL
from tests.service.harness import System
from tests.service.voter_world import VoterWorld, addresses, eventually, make_voter_world

MARKER = "Marker-7f3a91c2-in-a-name"


def dump(postgres: PrivatePostgres, url: str) -> bytes:
    account = unprivileged_account()
    programs = find_programs(account, postgres.directory, None)
    command = [str(programs.folder / "pg_dump"), "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath}).stdout


def write_ahead_log(postgres: PrivatePostgres) -> bytes:
    return b"".join(
        path.read_bytes() for path in sorted(Path(postgres.directory, "data", "pg_wal").iterdir()) if path.is_file()
    )


def spellings(code: str) -> list[bytes]:
    """A code as it might have been written: whole, as in a link, without dashes, its longest piece, as UTF-16."""
    forms = [code, code[:-4], code.replace("-", ""), code.replace("-", "")[:12]]
    return [form.encode(encoding) for form in forms for encoding in ("ascii", "utf-16-le")]


async def whole_life(world: VoterWorld) -> list[str]:
    """Mails of every kind, accepted, deferred and refused; the codes that were in them."""
    everybody = addresses(6)
    world.mailbox.answers[everybody[0]] = ["450 Greylisted"] * 2
    world.mailbox.answers[everybody[1]] = ["550 No such user"]
    rows = "\n".join(f"{address},{MARKER}" for address in everybody)
    draft = await world.draft()
    await world.import_roll(draft, f"mail,name\n{rows}".encode())
    await world.trustee(draft)
    await world.test_mail(draft)
    await world.election.seal_election(draft.id, ALL, bearer=world.tokens["election"])
    election = await world.open(await world.reached(draft, State.SEALED))
    for address in [everybody[0], *everybody[2:]]:
        await world.mailbox.wait_for(address)
    voter = await world.only_voter(election, everybody[2])
    correction = AddressCorrection(address=f"new.{everybody[2]}", reason="moved house")
    await world.voter.correct_address(election.id, voter.id, correction, bearer=world.bearer)
    await world.voter.resend_invitation(election.id, voter.id, bearer=world.bearer)
    await world.voter.queue_reminders(election.id, bearer=world.bearer)

    async def nothing_waits() -> bool:
        return len(world.mailbox.to(f"new.{everybody[2]}")) >= 3

    await eventually(nothing_waits)
    return [delivery.code for delivery in world.mailbox.deliveries if "#" in delivery.text]


async def test_neither_a_dump_nor_the_write_ahead_log_nor_a_log_contains_a_code(
    fresh_system: System, postgres: PrivatePostgres
) -> None:
    async with make_voter_world(fresh_system) as world:
        codes = await whole_life(world)
        assert len(set(codes)) >= 7
        stores = {"dump": dump(postgres, fresh_system.database_url), "write-ahead log": write_ahead_log(postgres)}
        for content in stores.values():
            assert MARKER.encode() in content
        logs = b"".join(fresh_system.log(name).encode() for name in ("voter", "election", "ballot"))
        assert b"roll_frozen" in logs
        for name, content in {**stores, "logs": logs}.items():
            found = [code for code in set(codes) if any(form in content for form in spellings(code))]
            assert not found, name
        assert MARKER.encode() not in logs
        assert b"example.org" not in logs
