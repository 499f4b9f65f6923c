"""Drafts: written by one owner, replaced as a whole, invisible to everybody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from services.election.contract import Election, LocalTime, NewElection, NewTrustee, Replacement, State
from services.shared.client import Refused
from services.shared.fields import json_of
from tests.service.election_world import ALL, World, a_draft, make_world, refused
from tests.service.harness import System


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def replace(world: World, election: Election, revision: int, **changes: object) -> Election:
    replacement = Replacement(revision=revision, draft=election.draft.model_copy(update=changes))
    return await world.anyone.replace_draft(election.id, replacement, bearer=world.token)


async def test_a_new_draft_is_as_it_was_written(world: World) -> None:
    draft = a_draft(
        zone="Europe/Berlin",
        opens=LocalTime(local="2027-10-31T02:30", fold=1),
        closes=LocalTime(local="2027-10-31T12:00"),
    )
    election = await world.anyone.create_election(NewElection(draft=draft), bearer=world.token)
    assert (election.state, election.revision, election.draft) == (State.DRAFT, 1, draft)
    assert election.opens_at == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    assert election.closes_at == datetime(2027, 10, 31, 11, 0, tzinfo=UTC)
    assert await world.election(election.id) == election
    assert (election.paused, election.fingerprint, election.problem) == (False, None, None)


async def test_the_newest_draft_is_listed_first(world: World) -> None:
    first, second = await world.draft(name="First"), await world.draft(name="Second")
    listed = await world.anyone.list_elections(bearer=world.token)
    assert [each.id for each in listed[:2]] == [second.id, first.id]
    assert (listed[0].name, listed[0].uuid) == ("Second", second.uuid)


async def test_a_replacement_makes_the_next_revision(world: World) -> None:
    election = await world.draft()
    changed = await replace(world, election, 1, name="Another name")
    assert (changed.revision, changed.draft.name) == (2, "Another name")


async def test_of_two_edits_of_one_revision_the_later_is_refused(world: World) -> None:
    election = await world.draft()
    edits = [replace(world, election, 1, name=name) for name in ("Mine", "Yours")]
    answers = await asyncio.gather(*edits, return_exceptions=True)
    (won,) = [answer for answer in answers if isinstance(answer, Election)]
    (lost,) = [answer for answer in answers if isinstance(answer, Refused)]
    assert (lost.status, lost.type, lost.problem["revision"]) == (409, "wrong-revision", 2)
    assert (await world.election(election.id)).draft == won.draft
    assert await world.actions(election) == ["create_election", "replace_draft"]


async def test_the_same_replacement_again_changes_nothing(world: World) -> None:
    election = await world.draft()
    first = await replace(world, election, 1, name="Once")
    assert await replace(world, election, 1, name="Once") == first
    assert await replace(world, election, 2, name="Once") == first
    assert (await world.actions(election)).count("replace_draft") == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"zone": "Europe/Atlantis"}, "zone-unknown"),
        ({"zone": "Europe/Berlin", "opens": LocalTime(local="2027-03-28T02:30")}, "time-missing"),
        ({"zone": "Europe/Berlin", "closes": LocalTime(local="2027-10-31T02:30")}, "time-ambiguous"),
        ({"opens": LocalTime(local="2027-02-30T02:30")}, "time-malformed"),
    ],
)
async def test_times_that_mean_nothing_or_two_things_are_refused(
    world: World, changes: dict[str, object], code: str
) -> None:
    election = await world.draft()
    async with refused(422, code):
        await replace(world, election, 1, **changes)
    async with refused(422, code):
        new = NewElection(draft=a_draft().model_copy(update=changes))
        await world.anyone.create_election(new, bearer=world.token)
    assert (await world.election(election.id)).revision == 1


async def test_an_ambiguous_time_is_asked_back_with_both_readings(world: World) -> None:
    draft = a_draft(zone="Europe/Berlin", closes=LocalTime(local="2027-10-31T02:30"))
    with pytest.raises(Refused) as caught:
        await world.anyone.create_election(NewElection(draft=draft), bearer=world.token)
    assert caught.value.problem["field"] == "closes"
    assert caught.value.problem["readings"] == [
        {"fold": 0, "instant": "2027-10-31T00:30:00+00:00"},
        {"fold": 1, "instant": "2027-10-31T01:30:00+00:00"},
    ]


async def test_a_sealed_draft_is_not_replaced(world: World) -> None:
    election = await world.sealing()
    async with refused(409, "wrong-state"):
        await replace(world, election, 1, name="Too late")


@pytest.mark.parametrize(
    "draft",
    [
        {"name": "x", "colour": "red"},
        {"name": "x\nBcc: y"},
        {"name": "x\u0000"},
        {"name": ""},
        {"name": "x", "questions": [{"text": "?", "options": ["a", "a"]}]},
        {"name": "x", "questions": [{"text": "?", "options": ["a"], "minimum": 2, "maximum": 1}]},
        {"name": "x", "questions": [{"text": "?", "options": ["a"], "maximum": 2}]},
        {"name": "x", "questions": [{"text": "?", "options": []}]},
        {"name": "x", "opens": {"local": "tomorrow"}},
        {"name": "x", "opens": {"local": "2027-01-01T10:00", "fold": 2}},
        {"name": "x", "election_class": "imaginary"},
        {},
    ],
)
async def test_a_draft_of_another_form_is_refused_without_being_quoted(world: World, draft: dict[str, object]) -> None:
    async with httpx.AsyncClient() as client:
        reply = await client.post(
            f"{world.system.url('election')}/v1/elections",
            json={"draft": draft},
            headers={"Authorization": f"Bearer {world.token}"},
        )
    assert reply.status_code in {400, 422}
    assert reply.headers["content-type"] == "application/problem+json"
    assert "Bcc" not in reply.text


async def test_strangers_are_told_that_there_is_no_such_election(world: World) -> None:
    election = await world.sealed()
    _, tokens = await world.system.organiser("Mallory")
    token, trustee = tokens["election"], election.trustees[0].id
    replacement = Replacement(revision=1, draft=election.draft)
    newcomer = NewTrustee(name="M", address="m@example.org")
    for attempt in (
        world.anyone.read_election(election.id, bearer=token),
        world.anyone.replace_draft(election.id, replacement, bearer=token),
        world.anyone.delete_election(election.id, bearer=token),
        world.anyone.add_trustee(election.id, newcomer, bearer=token),
        world.anyone.remove_trustee(election.id, trustee, bearer=token),
        world.anyone.invite_trustee(election.id, trustee, bearer=token),
        world.anyone.read_checklist(election.id, bearer=token),
        world.anyone.seal_election(election.id, ALL, bearer=token),
        world.anyone.unseal_election(election.id, bearer=token),
        world.anyone.confirm_decryption(election.id, bearer=token),
        world.anyone.publish_result(election.id, bearer=token),
        world.anyone.archive_election(election.id, bearer=token),
        world.anyone.read_audit(election.id, bearer=token),
        world.anyone.export_audit(election.id, bearer=token),
    ):
        async with refused(404, "not-found"):
            await attempt
    assert await world.anyone.list_elections(bearer=token) == []
    rights = await world.voter.read_rights(election.id, (await world.system.organiser("Eve"))[0].id)
    assert not rights.owner


async def test_rights_name_the_owner_and_tell_voter_what_mails_say(world: World) -> None:
    election = await world.draft()
    rights = await world.voter.read_rights(election.id, world.organiser)
    assert (rights.owner, rights.uuid, rights.state) == (True, election.uuid, State.DRAFT)
    assert rights.announcement is not None
    assert rights.announcement.mail == election.draft.mail
    assert (await world.result.read_rights(election.id, world.organiser)).announcement is None
    async with refused(404, "not-found"):
        await world.voter.read_rights("1" * 22, world.organiser)


async def test_a_draft_survives_the_trip_with_every_character(world: World) -> None:
    draft = a_draft(name="Größe \U0001f5f3 שלום", description='line\nbreak\ttab "quote" \\ \u2028')
    election = await world.anyone.create_election(NewElection(draft=draft), bearer=world.token)
    assert json_of((await world.election(election.id)).draft) == json_of(draft)
