"""Services and database are killed while fifty voters cast: each tracker that a voter received is on the board once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from services.election.contract import Question, State
from services.voting import ballot
from tests.chaos.archives import Tool, check, download, trackers_in
from tests.chaos.crowd import Crowd, gathered
from tests.chaos.decryption import insist, make_share
from tests.chaos.killing import new_chance
from tests.journeys.elections import Poll, make_stage
from tests.service.ballot_world import make_ballot_world
from tests.service.harness import OwnWorkshop, System

VOTERS = 50
BALLOTS = 4  # of each voter, one in each round
NOT_NEEDED = ("auth", "voter", "election", "result", "frontend")  # while ballots are cast
SOME = 8  # ballots of a round that are answered before a kill
QUESTION = Question(text="Shall we?", options=["Yes", "No"])


async def make_ballots(poll: Poll, voter: int) -> list[bytes]:
    """A voter who changes their mind; the last one is for "Yes" when the voter's number is even."""
    code = (await poll.invitation(voter)).code
    choices = [[[(voter + number) % 2, (voter + number + 1) % 2]] for number in range(BALLOTS)]
    return await asyncio.to_thread(lambda: [ballot.make_ballot(poll.definition, code, choice) for choice in choices])


async def cast_without(system: System, crowd: Crowd, ballots: Sequence[bytes]) -> None:
    """A round in which everything that voting does not need is killed, one by one."""
    async with crowd.voting(ballots):
        for place, victim in enumerate(NOT_NEEDED, start=1):
            await crowd.reach(place * SOME)
            system.kill(victim)
    assert crowd.failures == 0
    await asyncio.gather(*(system.ended(victim) for victim in NOT_NEEDED))
    await system.start(*NOT_NEEDED)


async def cast_while_ballot_is_killed(system: System, crowd: Crowd, ballots: Sequence[bytes]) -> None:
    async with crowd.voting(ballots):
        await crowd.reach(SOME)
        system.kill("ballot")
        await system.start("ballot")


async def cast_while_postgres_is_killed(workshop: OwnWorkshop, crowd: Crowd, ballots: Sequence[bytes]) -> None:
    async with crowd.voting(ballots):
        await crowd.reach(SOME)
        await workshop.kill_postgres()
        await workshop.start_postgres()


async def finish(poll: Poll) -> list[int]:
    """Close, tally and decryption; the votes for each option."""
    await poll.close()
    result = poll.stage.result
    share = await make_share(result, poll.definition, 1, poll.trustees[0].private_key)
    await insist(result, poll.uuid, share)
    await poll.become(State.DECRYPTED)
    return [option.votes for option in (await result.read_result(poll.uuid)).questions[0].options]


async def test_every_tracker_that_was_received_is_on_the_board_once(
    own_workshop: OwnWorkshop, belenios_tool: Tool, tmp_path: Path
) -> None:
    """Whichever service is killed, and PostgreSQL; and all six go on by themselves when the database is back."""
    async with own_workshop.system() as system, make_stage(system) as stage:
        poll = await stage.opened(VOTERS, questions=[QUESTION])
        ballots = [await make_ballots(poll, voter) for voter in range(VOTERS)]
        first, second, third, fourth = zip(*ballots, strict=True)
        async with gathered(poll.uuid, system.url("ballot")) as crowd:
            await asyncio.gather(*(crowd.load(f"{system.url('frontend')}/vote/{poll.uuid}") for _ in ballots))
            await cast_without(system, crowd, first)
            await cast_while_ballot_is_killed(system, crowd, second)
            await cast_while_postgres_is_killed(own_workshop, crowd, third)
            await cast_while_ballot_is_killed(system, crowd, fourth)
        assert crowd.failures > 0
        await asyncio.gather(*(system.ready(name) for name in system.processes))
        assert await finish(poll) == [VOTERS // 2, VOTERS // 2]
        archive = await download(stage.result, poll.uuid)
    assert trackers_in(archive) == Counter(crowd.received)
    assert Counter(crowd.received) == Counter(ballot.tracker(raw) for own in ballots for raw in own)
    await check(archive, poll.uuid, tmp_path, belenios_tool, complete=True)


async def test_one_of_two_replicas_is_killed_and_voters_go_to_the_other(fresh_system: System) -> None:
    """The one is killed, then the other; what either of them answered is on the one board."""
    replicas, chance = ("ballot", "ballot/2"), new_chance()
    async with make_ballot_world(fresh_system) as world:
        await fresh_system.start(*replicas)
        poll = await world.poll(voters=VOTERS)
        rounds = await asyncio.to_thread(lambda: [[poll.ballot(voter) for voter in range(VOTERS)] for _ in replicas])
        async with gathered(poll.uuid, *map(fresh_system.url, replicas)) as crowd:
            for victim, ballots in zip(replicas, rounds, strict=True):
                async with crowd.voting(ballots):
                    await crowd.reach(SOME)
                    await asyncio.sleep(chance.uniform(0, 0.1))
                    fresh_system.kill(victim)
                await fresh_system.start(victim)
        archive = await poll.archive()
    assert crowd.failures > 0
    assert trackers_in(archive) == Counter(crowd.received)
    assert Counter(crowd.received) == Counter(ballot.tracker(raw) for ballots in rounds for raw in ballots)
