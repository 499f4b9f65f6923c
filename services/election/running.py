"""What an organiser does with an election from its sealing on. Each act records an intent; services carry it out."""

import hashlib
from dataclasses import replace

from services.election import lifecycle
from services.election.acts import Act, organiser_acts
from services.election.checklist import require_ready
from services.election.contract import Confirmations, Election, ScheduleChange, State
from services.election.definition import Frozen, freeze
from services.election.drafting import check_election
from services.election.lifecycle import Life
from services.election.schedule import as_it_stands, change_order, opening_reached
from services.shared.database import Database
from services.shared.fields import json_of
from services.shared.identity import Organiser


async def seal_election(
    database: Database, organiser: Organiser, election_id: str, confirmations: Confirmations
) -> Election:
    """Freezes the bytes, and asks `voter` and `ballot` for their part."""
    async with organiser_acts(database, "seal_election", organiser, election_id) as act:
        sealing = lifecycle.seal(act.life)
        trustees = await act.trustees.list_trustees(election_id)
        checklist = check_election(act.election, trustees, now=await act.store.read_clock())
        confirmed = require_ready(checklist, confirmations.confirmed)
        keys = [(trustee.name, trustee.key) for trustee in trustees if trustee.key]
        frozen = freeze(act.election.draft, act.life.uuid, keys)
        await act.store.insert_frozen(election_id, act.life.uuid, frozen)
        await _save_sealing(act, sealing, frozen)
        await act.record({**_frozen_facts(act.life.uuid, frozen), **_sealed_facts(act), "confirmed": confirmed})
        return await act.view()


async def _save_sealing(act: Act, sealing: Life, frozen: Frozen) -> None:
    opens_at, closes_at = act.election.opens_at, act.election.closes_at
    assert opens_at is not None  # the checklist is complete
    assert closes_at is not None
    order = as_it_stands(opens_at, closes_at)
    after = replace(act.election, life=sealing, order=order, applied_revision=0, fingerprint=frozen.fingerprint)
    await act.save(after)


def _frozen_facts(uuid: str, frozen: Frozen) -> dict[str, str]:
    return {
        "uuid": uuid,
        "fingerprint": frozen.fingerprint,
        "definition": hashlib.sha256(frozen.definition).hexdigest(),
        "trustees": hashlib.sha256(frozen.trustees).hexdigest(),
    }


def _sealed_facts(act: Act) -> dict[str, object]:
    assert act.election.order is not None
    order = json_of(act.election.order)
    roll = act.life.roll
    return {
        "opens": order["opens"],
        "closes": order["closes"],
        "voters": roll.voters,
        "total_weight": roll.total_weight,
    }


async def unseal_election(database: Database, organiser: Organiser, election_id: str) -> Election:
    """Asks for the board and the codes to be withdrawn."""
    async with organiser_acts(database, "unseal_election", organiser, election_id) as act:
        order, now = act.election.order, await act.store.read_clock()
        reached = order is not None and opening_reached(order, now)
        await act.enter(lifecycle.unseal(act.life, opening_reached=reached))
        await act.record({"uuid": act.life.uuid})
        return await act.view()


async def change_schedule(
    database: Database, organiser: Organiser, election_id: str, change: ScheduleChange
) -> Election:
    """Orders other instants; they hold when the board has applied them."""
    async with organiser_acts(database, "change_schedule", organiser, election_id) as act:
        lifecycle.require(act.life, State.SEALED, State.OPEN)
        before, now = act.election, await act.store.read_clock()
        assert before.order is not None  # it is sealed
        opened = before.life.state is State.OPEN or opening_reached(before.order, now)
        order = change_order(before.order, change, before.draft.zone, now, opened=opened)
        life = replace(before.life, problem=None, problem_of=None)
        await act.save(replace(before, life=life, order=order))
        await act.record({**json_of(order), "reason": change.reason})
        return await act.view()


async def confirm_decryption(database: Database, organiser: Organiser, election_id: str) -> Election:
    """Lets the trustees decrypt a tally of few ballots."""
    async with organiser_acts(database, "confirm_decryption", organiser, election_id) as act:
        return await _enter(act, lifecycle.confirm_decryption(act.life), counted=act.life.counted)


async def publish_result(database: Database, organiser: Organiser, election_id: str) -> Election:
    """The result is official."""
    async with organiser_acts(database, "publish_result", organiser, election_id) as act:
        return await _enter(act, lifecycle.publish(act.life))


async def archive_election(database: Database, organiser: Organiser, election_id: str) -> Election:
    """Asks `voter` to delete the roll and the mails."""
    async with organiser_acts(database, "archive_election", organiser, election_id) as act:
        return await _enter(act, lifecycle.archive(act.life))


async def _enter(act: Act, life: Life, **facts: object) -> Election:
    """Once; what was done already is not done, nor recorded, again."""
    if life != act.life:
        await act.enter(life)
        await act.record(facts)
    return await act.view()
