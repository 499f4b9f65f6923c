"""Journeys that use every method of two clients: an organiser's account, and lives of elections as the tests tell them.

The journey with all services is in `vote`.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from services.auth.client import AuthClient
from services.auth.contract import Credentials, NewOrganiser, NewPassword, OperatorPassword, RefreshToken
from services.election.contract import (
    Election,
    InvitationFate,
    NewTrustee,
    Notice,
    Replacement,
    ScheduleChange,
    State,
    Step,
)
from services.voting.canonical import parse_json
from tests.contract.recording import Answered, recording
from tests.service.election_world import World, make_world, soon
from tests.service.harness import PASSWORD, System
from tests.unit.election.keys import a_key

NEW_PASSWORD = "another battery staple"


async def visit_auth(system: System, answered: Answered) -> None:
    """An account's life, and the operator's acts."""
    await system.start("auth", sign_up_enabled=True)
    auth = recording(AuthClient(system.url("auth"), caller=system.caller("operator")), answered)
    email = f"ada-{secrets.token_hex(4)}@example.org"
    credentials = Credentials(email=email, password=PASSWORD)
    await auth.sign_up(NewOrganiser(email=f"up-{email}", name="Una", password=PASSWORD))
    made = await auth.add_organiser(NewOrganiser(email=email, name="Ada", password=PASSWORD))
    session = await auth.sign_in(credentials)
    session = await auth.refresh_session(RefreshToken(refresh_token=session.refresh_token))
    assert await auth.read_organiser(bearer=session.access["auth"]) == made == session.organiser
    await auth.change_password(NewPassword(current=PASSWORD, new=NEW_PASSWORD), bearer=session.access["auth"])
    await auth.set_password(OperatorPassword(email=email, new=PASSWORD))
    session = await auth.sign_in(credentials)
    await auth.sign_out_everywhere(bearer=session.access["auth"])
    await auth.sign_out(RefreshToken(refresh_token=session.refresh_token))
    assert len((await auth.rotate_keys()).keys) > 1
    assert (await auth.read_keys()).keys
    await auth.close()


@asynccontextmanager
async def recorded_world(system: System, answered: Answered) -> AsyncIterator[World]:
    """`election` alone; what the other services do there, the tests do."""
    async with make_world(system) as world:
        for client in (world.anyone, world.voter, world.ballot, world.result):
            recording(client, answered)
        yield world


async def visit_drafts(world: World) -> None:
    """A draft that changes, is sealed, unsealed and deleted."""
    draft = await world.ready()
    replacement = Replacement(revision=draft.revision, draft=draft.draft.model_copy(update={"description": "New."}))
    assert (await world.anyone.replace_draft(draft.id, replacement, bearer=world.token)).revision > draft.revision
    await visit_trustees(world, draft)
    assert (await world.anyone.read_checklist(draft.id, bearer=world.token)).items
    assert draft.id in {each.id for each in await world.anyone.list_elections(bearer=world.token)}
    assert (await world.voter.read_rights(draft.id, world.organiser)).owner
    other = await world.sealed()
    assert parse_json(await world.anyone.read_definition(other.uuid))
    assert parse_json(await world.anyone.read_trustees(other.uuid))
    assert (await world.anyone.read_public_election(other.uuid)).state is State.SEALED
    assert other.id in {work.election_id for work in await world.voter.list_work()}
    await world.anyone.unseal_election(other.id, bearer=world.token)
    await world.report(other, Step.WITHDRAW_BOARD)
    await world.report(other, Step.WITHDRAW_CODES)
    again = await world.election(other.id)
    await world.anyone.delete_election(again.id, bearer=world.token)
    await world.report(again, Step.APPLY_RETENTION)


async def visit_trustees(world: World, draft: Election) -> None:
    """A trustee who comes and goes."""
    new = NewTrustee(name="Tom", address="tom@example.org")
    trustee = await world.anyone.add_trustee(draft.id, new, bearer=world.token)
    await world.anyone.invite_trustee(draft.id, trustee.id, bearer=world.token)
    code = await world.code(trustee.id)
    assert (await world.anyone.read_trustee_page(trustee.id, code=code)).name == "Tom"
    assert (await world.anyone.publish_trustee_key(trustee.id, a_key(), code=code)).public_key
    (generation,) = [
        each.generation for each in await world.voter.list_trustee_invitations() if each.trustee_id == trustee.id
    ]
    await world.voter.report_trustee_invitation(trustee.id, InvitationFate(generation=generation, fate="sent"))
    await world.anyone.remove_trustee(draft.id, trustee.id, bearer=world.token)


async def visit_elections(world: World) -> None:
    """An election from the opening to the archive."""
    opened = await world.opened()
    change = ScheduleChange(closes=soon(hours=3), reason="The hall is free for longer.")
    await world.anyone.change_schedule(opened.id, change, bearer=world.token)
    (revision,) = [work.schedule.revision for work in await world.ballot.list_work() if work.election_id == opened.id]
    await world.keep(opened, revision, datetime.now(UTC), datetime.now(UTC))
    for step, facts in {
        Step.CLOSE_BOARD: {},
        Step.END_BALLOTS: {},
        Step.DESTROY_SECRETS: {},
        Step.POST_TALLY: {"counted": 2, "turnout": 2},
    }.items():
        await world.report(opened, step, **facts)
    await world.anyone.confirm_decryption(opened.id, bearer=world.token)
    await world.report(opened, Step.POST_RESULT)
    await world.anyone.publish_result(opened.id, bearer=world.token)
    await world.anyone.archive_election(opened.id, bearer=world.token)
    await world.report(opened, Step.APPLY_RETENTION)
    notice = Notice(uuid=opened.uuid, action="roll_deleted", key="d" * 64)
    await world.voter.add_notice(opened.id, notice)
    assert (await world.anyone.read_audit(opened.id, bearer=world.token)).records
    assert "archive_election" in await world.anyone.export_audit(opened.id, bearer=world.token)
