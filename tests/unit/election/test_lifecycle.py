"""The promises of `lifecycle`, in its words."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from services.election import lifecycle
from services.election.contract import Report, RollSummary, State, Step
from services.election.lifecycle import OWED, STEPS, Life, accept, owed
from services.shared.call_graph import MAY_CALL
from services.shared.problems import Conflict, Invalid

OLD, NEW = "1" * 22, "2" * 22
ROLL = RollSummary(voters=12, total_weight=15, rare_weights=0)
LIST = "a" * 64
FACTS: dict[Step, dict[str, str | int]] = {
    Step.FREEZE_ROLL: {"voters": 12, "total_weight": 15, "credentials": LIST},
    Step.SET_UP_BOARD: {"event": "b" * 64, "credentials": LIST},
    Step.POST_TALLY: {"counted": 7, "turnout": 7},
}
DRAFT = Life(OLD, ROLL)
SEALING = lifecycle.seal(DRAFT)


def done(step: Step, **changes: str | int) -> Report:
    return Report(uuid=OLD, facts=FACTS.get(step, {}) | changes)


def failed(problem: str = "It cannot be done.") -> Report:
    return Report(uuid=OLD, done=False, problem=problem)


def after(life: Life, *steps: Step) -> Life:
    """The life after these steps are reported done."""
    for step in steps:
        life = accept(life, step, done(step), new_uuid=NEW)
    return life


SEALED = after(SEALING, Step.FREEZE_ROLL, Step.SET_UP_BOARD)
UNSEALING = lifecycle.unseal(SEALED, opening_reached=False)
OPEN = after(SEALED, Step.OPEN_BOARD)
CLOSING = after(OPEN, Step.CLOSE_BOARD)
CLOSED = after(CLOSING, Step.END_BALLOTS, Step.DESTROY_SECRETS, Step.POST_TALLY)
DECRYPTED = after(CLOSED, Step.POST_RESULT)
PUBLISHED = lifecycle.publish(DECRYPTED)
ARCHIVED = after(lifecycle.archive(PUBLISHED), Step.APPLY_RETENTION)
LIVES = [DRAFT, SEALING, SEALED, UNSEALING, OPEN, CLOSING, CLOSED, DECRYPTED, PUBLISHED, ARCHIVED]


def names(lives: Iterable[Life]) -> list[str]:
    return [life.state.value for life in lives]


def test_the_lives_above_are_in_all_states_in_their_order() -> None:
    assert names(LIVES) == [
        *("draft", "sealing", "sealed", "unsealing", "open"),
        *("closing", "closed", "decrypted", "published", "archived"),
    ]


ACTS: dict[str, tuple[Callable[[Life], Life], State, State]] = {
    "seal": (lifecycle.seal, State.DRAFT, State.SEALING),
    "unseal": (lambda life: lifecycle.unseal(life, opening_reached=False), State.SEALED, State.UNSEALING),
    "confirm_decryption": (lifecycle.confirm_decryption, State.CLOSED, State.CLOSED),
    "publish": (lifecycle.publish, State.DECRYPTED, State.PUBLISHED),
    "archive": (lifecycle.archive, State.PUBLISHED, State.PUBLISHED),
    "discard": (lifecycle.discard, State.DRAFT, State.DRAFT),
}


@pytest.mark.parametrize("life", LIVES, ids=names(LIVES))
@pytest.mark.parametrize("act", ACTS)
def test_what_organisers_do_is_possible_in_one_state_only(act: str, life: Life) -> None:
    do, begin, end = ACTS[act]
    if life.state is begin:
        assert do(life).state is end
        return
    with pytest.raises(Conflict) as refusal:
        do(life)
    assert refusal.value.type.endswith(":wrong-state")
    assert refusal.value.members == {"state": life.state.value}


DUE: dict[State, set[Step]] = {
    State.SEALING: {Step.FREEZE_ROLL, Step.SET_UP_BOARD},
    State.SEALED: {Step.OPEN_BOARD},
    State.UNSEALING: {Step.WITHDRAW_BOARD},
    State.OPEN: {Step.CLOSE_BOARD},
    State.CLOSING: {Step.END_BALLOTS, Step.DESTROY_SECRETS, Step.POST_TALLY},
    State.CLOSED: {Step.POST_RESULT},
}


@pytest.mark.parametrize("life", LIVES, ids=names(LIVES))
def test_a_step_is_owed_only_in_the_state_that_it_belongs_to(life: Life) -> None:
    assert set(owed(life)) == DUE.get(life.state, set())
    for step in set(Step) - set(owed(life)):
        with pytest.raises(Conflict) as refusal:
            accept(life, step, done(step, other=1), new_uuid=NEW)
        assert refusal.value.type.endswith(":step-not-owed")


def test_every_step_is_owed_by_exactly_one_service_that_may_call_election() -> None:
    assert set(OWED) == set(Step)
    assert all("election" in MAY_CALL[service] for service in OWED.values())


@pytest.mark.parametrize("life", [life for life in LIVES if life.state in DUE], ids=lambda life: life.state.value)
def test_a_state_is_left_only_when_all_of_its_steps_are_done(life: Life) -> None:
    steps, following = STEPS[life.state]
    for step in steps:
        assert step in owed(life)
        assert life.state is not following
        life = after(life, step)
    assert life.state is following


def test_an_election_is_not_sealed_when_the_lists_of_credentials_differ() -> None:
    half = after(SEALING, Step.FREEZE_ROLL)
    life = accept(half, Step.SET_UP_BOARD, done(Step.SET_UP_BOARD, credentials="c" * 64), new_uuid=NEW)
    assert (life.state, life.problem) == (State.UNSEALING, lifecycle.LISTS_DIFFER)
    draft = after(life, Step.WITHDRAW_BOARD, Step.WITHDRAW_CODES)
    assert (draft.state, draft.uuid, draft.problem) == (State.DRAFT, NEW, lifecycle.LISTS_DIFFER)


@pytest.mark.parametrize("changed", ["voters", "total_weight"])
def test_an_election_is_not_sealed_when_the_roll_is_not_the_one_that_was_shown(changed: str) -> None:
    half = after(SEALING, Step.SET_UP_BOARD)
    life = accept(half, Step.FREEZE_ROLL, done(Step.FREEZE_ROLL, **{changed: 99}), new_uuid=NEW)
    assert (life.state, life.problem) == (State.UNSEALING, lifecycle.ROLL_CHANGED)


@pytest.mark.parametrize("step", [Step.FREEZE_ROLL, Step.SET_UP_BOARD])
def test_a_sealing_that_fails_is_withdrawn_and_ends_as_a_draft_with_the_problem(step: Step) -> None:
    life = accept(SEALING, step, failed("The roll is empty."), new_uuid=NEW)
    assert life.state is State.UNSEALING
    draft = after(life, Step.WITHDRAW_BOARD, Step.WITHDRAW_CODES)
    assert (draft.state, draft.uuid, draft.problem, draft.roll) == (State.DRAFT, NEW, "The roll is empty.", ROLL)
    assert lifecycle.seal(draft).problem is None


def test_codes_die_only_after_the_board_is_withdrawn() -> None:
    assert owed(UNSEALING) == [Step.WITHDRAW_BOARD]
    assert owed(after(UNSEALING, Step.WITHDRAW_BOARD)) == [Step.WITHDRAW_CODES]


def test_a_board_on_which_voting_has_begun_is_not_withdrawn() -> None:
    life = accept(UNSEALING, Step.WITHDRAW_BOARD, failed("Voting has begun."), new_uuid=NEW)
    assert (life.state, life.problem, life.uuid) == (State.SEALED, "Voting has begun.", OLD)
    assert owed(life) == [Step.OPEN_BOARD]


def test_a_second_refusal_to_withdraw_counts_although_it_reads_like_the_first() -> None:
    life = UNSEALING
    for _ in range(2):
        life = accept(life, Step.WITHDRAW_BOARD, failed(), new_uuid=NEW)
        assert life.state is State.SEALED
        life = lifecycle.unseal(life, opening_reached=False)


def test_a_board_of_a_failed_sealing_stays_to_be_withdrawn() -> None:
    life = accept(SEALING, Step.FREEZE_ROLL, failed(), new_uuid=NEW)
    stuck = accept(life, Step.WITHDRAW_BOARD, failed("Not now."), new_uuid=NEW)
    assert (stuck.state, stuck.problem, owed(stuck)) == (State.UNSEALING, "Not now.", [Step.WITHDRAW_BOARD])


def test_unsealing_gives_a_new_uuid_and_forgets_all_reports() -> None:
    draft = after(UNSEALING, Step.WITHDRAW_BOARD, Step.WITHDRAW_CODES)
    assert draft == Life(NEW, ROLL)


def test_an_election_whose_opening_is_reached_is_not_unsealed() -> None:
    with pytest.raises(Conflict):
        lifecycle.unseal(SEALED, opening_reached=True)


@pytest.mark.parametrize(("counted", "confirmed"), [(0, False), (4, False), (5, True)])
def test_few_ballots_are_decrypted_only_when_that_is_confirmed(counted: int, confirmed: bool) -> None:
    tallied = done(Step.POST_TALLY, counted=counted)
    life = accept(after(CLOSING, Step.END_BALLOTS, Step.DESTROY_SECRETS), Step.POST_TALLY, tallied, new_uuid=NEW)
    assert (life.state, life.counted, life.decryption_confirmed) == (State.CLOSED, counted, confirmed)
    assert owed(life) == ([Step.POST_RESULT] if confirmed else [])
    assert owed(lifecycle.confirm_decryption(life)) == [Step.POST_RESULT]


def test_a_confirmed_decryption_stays_confirmed() -> None:
    assert all(life.decryption_confirmed for life in (DECRYPTED, PUBLISHED, ARCHIVED))


STAYING = [(OPEN, Step.CLOSE_BOARD), (CLOSING, Step.POST_TALLY), (CLOSED, Step.POST_RESULT)]


@pytest.mark.parametrize(("life", "step"), STAYING, ids=lambda each: each.value if isinstance(each, Step) else "")
def test_any_other_step_that_fails_stays_owed_with_its_problem_until_it_is_done(life: Life, step: Step) -> None:
    stuck = accept(life, step, failed("The disk is full."), new_uuid=NEW)
    assert (stuck.state, stuck.problem, owed(stuck)) == (life.state, "The disk is full.", owed(life))
    assert after(stuck, step).problem is None


def test_the_problem_of_one_step_outlives_the_reports_of_others() -> None:
    stuck = accept(CLOSING, Step.POST_TALLY, failed("The disk is full."), new_uuid=NEW)
    assert after(stuck, Step.END_BALLOTS, Step.DESTROY_SECRETS).problem == "The disk is full."


def test_a_problem_that_no_step_has_caused_is_carried_on() -> None:
    assert after(replace(OPEN, problem="Too late."), Step.CLOSE_BOARD).problem == "Too late."


@pytest.mark.parametrize(
    ("life", "step", "report"),
    [
        (SEALING, Step.FREEZE_ROLL, done(Step.FREEZE_ROLL)),
        (SEALING, Step.FREEZE_ROLL, failed()),
        (CLOSING, Step.POST_TALLY, failed()),
        (OPEN, Step.CLOSE_BOARD, done(Step.CLOSE_BOARD)),
    ],
)
def test_the_same_report_again_changes_nothing(life: Life, step: Step, report: Report) -> None:
    once = accept(life, step, report, new_uuid=NEW)
    assert accept(once, step, report, new_uuid="3" * 22) is once


def test_a_late_report_of_another_edition_is_refused() -> None:
    draft = after(UNSEALING, Step.WITHDRAW_BOARD, Step.WITHDRAW_CODES)
    with pytest.raises(Conflict) as refusal:
        accept(lifecycle.seal(draft), Step.FREEZE_ROLL, done(Step.FREEZE_ROLL), new_uuid="3" * 22)
    assert refusal.value.type.endswith(":other-edition")


@pytest.mark.parametrize(
    ("life", "step", "fact"),
    [
        (SEALING, Step.FREEZE_ROLL, "voters"),
        (SEALING, Step.SET_UP_BOARD, "credentials"),
        (CLOSING, Step.POST_TALLY, "counted"),
    ],
)
def test_a_report_of_a_step_done_must_state_its_facts(life: Life, step: Step, fact: str) -> None:
    given = {name: value for name, value in FACTS[step].items() if name != fact}
    with pytest.raises(Invalid) as refusal:
        accept(life, step, Report(uuid=OLD, facts=given), new_uuid=NEW)
    assert refusal.value.members == {"fact": fact}


def test_a_deleted_draft_waits_for_nothing_but_the_deletion_of_the_roll() -> None:
    discarded = lifecycle.discard(DRAFT)
    assert discarded.discarded
    assert owed(discarded) == [Step.APPLY_RETENTION]
    assert after(discarded, Step.APPLY_RETENTION).state is State.ARCHIVED
