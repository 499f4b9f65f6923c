"""Sealing: a frozen roll, a code for everybody, and the same public list however often it is interrupted."""

import asyncio
import hashlib
import json
import random
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest

from services.election.contract import Election, State
from services.voter.codes import SealedSecret, public_credentials
from services.voting.credential import PublicCredential, render_credentials
from tests.service.election_world import ALL as ALL_CONFIRMED
from tests.service.election_world import refused
from tests.service.harness import System
from tests.service.voter_world import QUICK, VoterWorld, addresses, eventually, make_voter_world, roll_of


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[VoterWorld]:
    async with make_voter_world(system) as world:
        yield world


async def secret_of(world: VoterWorld, election: Election) -> bytes | None:
    rows = await world.fetch(
        "SELECT sealed_key, sealed_secret FROM edition WHERE uuid = $1 AND sealed_key IS NOT NULL", election.uuid
    )
    if not rows:
        return None
    key = b64decode(world.system.installation.keys.voter_sealing_key)
    return SealedSecret(rows[0]["sealed_key"], rows[0]["sealed_secret"]).open(election.uuid, key)


async def expected_list(world: VoterWorld, election: Election) -> bytes:
    """The list as the roll and the secret define it."""
    secret = await secret_of(world, election)
    assert secret is not None
    rows = await world.fetch("SELECT id, weight FROM voter WHERE election_id = $1", election.id)
    keys = await asyncio.to_thread(public_credentials, secret, election.uuid, [row["id"] for row in rows])
    pairs = zip(keys, rows, strict=True)
    return render_credentials([PublicCredential(key, row["weight"]) for key, row in pairs])


async def test_the_board_gets_one_credential_for_each_voter_with_its_weight_in_numeric_order(
    world: VoterWorld,
) -> None:
    election = await world.draft(addresses(8), weight=1)
    await world.import_roll(election, roll_of(addresses(8), weight=3))
    await world.trustee(election)
    await world.test_mail(election)
    await world.election.seal_election(election.id, ALL_CONFIRMED, bearer=world.tokens["election"])
    sealed = await world.reached(election, State.SEALED)
    raw = await world.ballot.read_credentials(sealed.uuid)
    assert raw == await expected_list(world, sealed)
    lines = json.loads(raw)
    assert sorted(lines, key=lambda line: int(line.partition(",")[0])) == lines
    assert sorted(line.partition(",")[2] for line in lines) == [""] * 8 + ["3"] * 8
    board = await world.ballot.read_board(sealed.uuid)
    assert (board.credentials, board.total_weight) == (16, 32)
    assert board.credentials_hash == hashlib.sha256(raw).hexdigest()
    assert (await world.voter.read_roll(election.id, bearer=world.bearer)).sealing_done == 16


async def test_a_frozen_roll_does_not_change(world: VoterWorld) -> None:
    everybody = addresses(3)
    election = await world.sealed(everybody)
    voter = await world.only_voter(election, everybody[0])
    for call in (
        world.import_roll(election, b"mail\nnew@x.org"),
        world.voter.remove_voter(election.id, voter.id, bearer=world.bearer),
        world.voter.delete_roll(election.id, bearer=world.bearer),
    ):
        async with refused(409, "wrong-state"):
            await call
    roll = await world.voter.read_roll(election.id, bearer=world.bearer)
    assert (roll.voters, roll.frozen) == (3, True)


async def test_sealing_that_is_killed_at_random_points_ends_in_the_same_list(world: VoterWorld) -> None:
    election = await world.sealing(addresses(300))
    secrets_seen: set[bytes] = set()
    chance = random.Random(11)
    for _ in range(4):
        await asyncio.sleep(chance.uniform(0, 0.6))
        if secret := await secret_of(world, election):
            secrets_seen.add(secret)
        world.system.kill("voter")
        await world.system.ended("voter")
        await world.system.start("voter")
    sealed = await world.reached(election, State.SEALED)
    assert await world.ballot.read_credentials(sealed.uuid) == await expected_list(world, sealed)
    final = await secret_of(world, sealed)
    assert secrets_seen <= {final}


async def test_two_replicas_make_one_list(world: VoterWorld) -> None:
    await world.system.start("voter/2", **QUICK)
    sealed = await world.sealed(addresses(120))
    assert await world.ballot.read_credentials(sealed.uuid) == await expected_list(world, sealed)
    world.system.kill("voter/2")
    await world.system.ended("voter/2")


async def test_sealing_waits_for_a_board_that_does_not_answer(world: VoterWorld) -> None:
    election = await world.draft(addresses(60))
    await world.trustee(election)
    await world.test_mail(election)
    world.system.kill("ballot")
    await world.system.ended("ballot")
    await world.election.seal_election(election.id, ALL_CONFIRMED, bearer=world.tokens["election"])

    async def computed() -> bool:
        return (await world.voter.read_roll(election.id, bearer=world.bearer)).sealing_done == 60

    await eventually(computed)
    assert (await world.read(election)).state is State.SEALING
    await world.system.start("ballot")
    sealed = await world.reached(election, State.SEALED)
    assert await world.ballot.read_credentials(sealed.uuid) == await expected_list(world, sealed)


async def test_no_public_credential_is_ever_stored_beside_a_voter(world: VoterWorld) -> None:
    """The list would tie the roll to the board once the secret is destroyed."""
    sealed = await world.sealed(addresses(60))
    keys = [line.partition(",")[0] for line in json.loads(await world.ballot.read_credentials(sealed.uuid))]
    tables = await world.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'voter'::regnamespace AND relkind = 'r'"
    )
    assert {row["relname"] for row in tables} >= {"voter", "edition", "mail"}
    for row in tables:
        text = str(await world.fetch(f"SELECT to_jsonb(t)::text AS row FROM {row['relname']} AS t"))  # noqa: S608  # names from the catalogue
        assert not any(key in text for key in keys)
