"""Who may call which route of `election`, and which reports of which service it takes."""

from collections.abc import AsyncIterator

import pytest

from services.election.contract import Notice, Report, RollSummary, Step
from services.election.lifecycle import OWED
from tests.service.election_world import LIST, OWING, ROLL, World, make_world, refused
from tests.service.harness import System

ID = "1" * 22
ORGANISERS = [
    ("POST", "/v1/elections"),
    ("GET", "/v1/elections"),
    ("GET", f"/v1/elections/{ID}"),
    ("PUT", f"/v1/elections/{ID}/draft"),
    ("DELETE", f"/v1/elections/{ID}"),
    ("POST", f"/v1/elections/{ID}/trustees"),
    ("DELETE", f"/v1/elections/{ID}/trustees/{ID}"),
    ("POST", f"/v1/elections/{ID}/trustees/{ID}/invitation"),
    ("GET", f"/v1/elections/{ID}/checklist"),
    ("POST", f"/v1/elections/{ID}/seal"),
    ("POST", f"/v1/elections/{ID}/unseal"),
    ("POST", f"/v1/elections/{ID}/schedule"),
    ("POST", f"/v1/elections/{ID}/decryption"),
    ("POST", f"/v1/elections/{ID}/publication"),
    ("POST", f"/v1/elections/{ID}/archive"),
    ("GET", f"/v1/elections/{ID}/audit"),
    ("GET", f"/v1/elections/{ID}/audit.jsonl"),
]
SERVICES: list[tuple[str, str, set[str]]] = [
    ("GET", "/v1/work", {"voter", "ballot", "result"}),
    ("PUT", f"/v1/elections/{ID}/steps/freeze_roll", {"voter", "ballot", "result"}),
    ("PUT", f"/v1/elections/{ID}/schedule", {"ballot"}),
    ("PUT", f"/v1/elections/{ID}/roll", {"voter"}),
    ("POST", f"/v1/elections/{ID}/notices", {"voter"}),
    ("GET", "/v1/trustee-invitations", {"voter"}),
    ("PUT", f"/v1/trustee-invitations/{ID}", {"voter"}),
    ("GET", f"/v1/elections/{ID}/rights/{ID}", {"voter", "ballot", "result"}),
]
TRUSTEES = [("GET", f"/v1/trustees/{ID}"), ("PUT", f"/v1/trustees/{ID}/key")]
CALLERS = ("voter", "ballot", "result", "frontend")


@pytest.fixture(scope="module")
async def world(system: System) -> AsyncIterator[World]:
    async with make_world(system) as world:
        yield world


async def call(world: World, method: str, path: str, authorization: str | None) -> int:
    headers = {"Authorization": authorization} if authorization else {}
    body: dict[str, str] | None = {} if method in {"POST", "PUT"} else None
    reply = await world.anyone.http.request(method, world.system.url("election") + path, json=body, headers=headers)
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
    return reply.status_code


@pytest.mark.parametrize(("method", "path"), [*ORGANISERS, *TRUSTEES, *(route[:2] for route in SERVICES)])
async def test_nobody_calls_without_a_token_or_with_a_foreign_one(world: World, method: str, path: str) -> None:
    for authorization in (None, "Bearer nonsense", "Trustee nonsense", f"Bearer {world.tokens['voter']}"):
        assert await call(world, method, path, authorization) == 401


@pytest.mark.parametrize(("method", "path"), ORGANISERS)
@pytest.mark.parametrize("service", CALLERS)
async def test_no_service_acts_as_an_organiser(world: World, method: str, path: str, service: str) -> None:
    token = world.system.caller(service).token("election")
    assert await call(world, method, path, f"Bearer {token}") == 401


@pytest.mark.parametrize(("method", "path", "allowed"), SERVICES)
@pytest.mark.parametrize("service", CALLERS)
async def test_each_route_of_services_lists_its_callers(
    world: World, method: str, path: str, allowed: set[str], service: str
) -> None:
    token = world.system.caller(service).token("election")
    status = await call(world, method, path, f"Bearer {token}")
    assert status in ({200, 404, 422} if service in allowed else {401, 403})


@pytest.mark.parametrize(("method", "path", "allowed"), SERVICES)
async def test_no_organiser_and_no_operator_acts_as_a_service(
    world: World, method: str, path: str, allowed: set[str]
) -> None:
    operator = world.system.caller("operator").token("election")
    for token in (world.token, operator):
        assert await call(world, method, path, f"Bearer {token}") == 401


async def test_a_token_for_another_service_is_refused(world: World) -> None:
    token = world.system.caller("voter").token("ballot")
    assert await call(world, "GET", "/v1/work", f"Bearer {token}") == 401


@pytest.mark.parametrize("step", list(Step))
async def test_a_step_is_reported_by_the_service_that_owes_it_alone(world: World, step: Step) -> None:
    election = await world.sealing()
    clients = {"voter": world.voter, "ballot": world.ballot, "result": world.result}
    assert OWED[step] == OWING[step]
    for name, client in clients.items():
        if name != OWED[step]:
            async with refused(403, "forbidden"):
                await client.report_step(election.id, step, Report(uuid=election.uuid))


async def test_each_service_is_told_of_its_own_steps_only(world: World) -> None:
    election = await world.sealing()
    assert await world.owed(election) == {"voter": [Step.FREEZE_ROLL], "ballot": [Step.SET_UP_BOARD], "result": []}


async def test_reports_out_of_their_state_are_refused(world: World) -> None:
    election = await world.sealing()
    async with refused(409, "step-not-owed"):
        await world.report(election, Step.OPEN_BOARD)
    async with refused(422, "fact-missing"):
        await world.report(election, Step.FREEZE_ROLL, voters=12)
    async with refused(409, "other-edition"):
        await world.report(election.model_copy(update={"uuid": ID}), Step.FREEZE_ROLL)
    async with refused(404, "not-found"):
        await world.report(election.model_copy(update={"id": ID}), Step.FREEZE_ROLL)
    assert (await world.owed(election))["voter"] == [Step.FREEZE_ROLL]


async def test_the_same_report_again_is_answered_as_the_first_even_after_the_unsealing(world: World) -> None:
    election = await world.sealed()
    facts = {"voters": 12, "total_weight": 12, "credentials": LIST}
    await world.report(election, Step.FREEZE_ROLL, **facts)  # type: ignore[arg-type]  # mypy joins the values' types
    async with refused(409, "step-not-owed"):
        await world.report(election, Step.FREEZE_ROLL, voters=13, total_weight=13, credentials=LIST)
    await world.anyone.unseal_election(election.id, bearer=world.token)
    for _ in range(2):
        await world.report(election, Step.WITHDRAW_BOARD)
    for _ in range(2):
        await world.report(election, Step.WITHDRAW_CODES)
    actions = await world.actions(election)
    assert [actions.count(step) for step in ("freeze_roll", "withdraw_board", "withdraw_codes")] == [1, 1, 1]
    async with refused(409, "other-edition"):
        await world.report(election, Step.OPEN_BOARD)


async def test_what_is_unknown_is_not_found_by_services_either(world: World) -> None:
    async with refused(404, "not-found"):
        await world.voter.report_roll(ID, ROLL)
    async with refused(404, "not-found"):
        await world.voter.add_notice(ID, Notice(uuid=ID, action="roll_imported", key="a" * 64))
    for read in (world.anyone.read_definition, world.anyone.read_trustees, world.anyone.read_public_election):
        async with refused(404, "not-found"):
            await read(ID)


@pytest.mark.parametrize("voters", [-1, 10**16])
async def test_a_roll_of_impossible_numbers_is_refused(world: World, voters: int) -> None:
    election = await world.draft()
    async with refused(422, "invalid-form"):
        await world.voter.report_roll(election.id, ROLL.model_copy(update={"voters": voters}))
    assert (await world.election(election.id)).roll == RollSummary(voters=0, total_weight=0, rare_weights=0)


async def test_public_reads_look_at_no_credential(world: World) -> None:
    election = await world.sealing()
    for path in (f"/v1/definitions/{election.uuid}", f"/v1/public/{election.uuid}"):
        assert await call(world, "GET", path, "Bearer nonsense") == 200
