"""The life of an election: a pure state machine.

Promises:
- Every step is owed by exactly one service, and only while the election is in the state that the step belongs to.
- A state that waits for steps is left only when all of its steps are done.
- An election is sealed only when `voter` and `ballot` report the same list of credentials, and the roll that was shown
  to its organiser; otherwise everything is withdrawn, and it is a draft again with a problem.
- Codes die only after the board is withdrawn; a board on which voting has begun is not withdrawn, and the election
  stays sealed with a problem.
- Every way back to draft gives a new uuid, and forgets all reports of the old one.
- The result is waited for only once its decryption is confirmed; 5 counted ballots or more confirm themselves.
- Any other step that fails stays owed, and its problem is shown until it is done.
- The same report again changes nothing; a report of a step that is not owed is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Never

from services.election.contract import Report, RollSummary, State, Step
from services.shared.problems import Conflict, Invalid

FEW_BALLOTS = 5

OWED: Mapping[Step, str] = MappingProxyType(
    {
        Step.FREEZE_ROLL: "voter",
        Step.SET_UP_BOARD: "ballot",
        Step.WITHDRAW_BOARD: "ballot",
        Step.WITHDRAW_CODES: "voter",
        Step.OPEN_BOARD: "ballot",
        Step.CLOSE_BOARD: "ballot",
        Step.END_BALLOTS: "ballot",
        Step.DESTROY_SECRETS: "voter",
        Step.POST_TALLY: "result",
        Step.POST_RESULT: "result",
        Step.APPLY_RETENTION: "voter",
    }
)

# The steps of each state, and the state that follows when all of them are done. A draft has one only when it is
# discarded, a published election only when it is to be archived.
STEPS: Mapping[State, tuple[tuple[Step, ...], State]] = MappingProxyType(
    {
        State.DRAFT: ((Step.APPLY_RETENTION,), State.ARCHIVED),
        State.SEALING: ((Step.FREEZE_ROLL, Step.SET_UP_BOARD), State.SEALED),
        State.SEALED: ((Step.OPEN_BOARD,), State.OPEN),
        State.UNSEALING: ((Step.WITHDRAW_BOARD, Step.WITHDRAW_CODES), State.DRAFT),
        State.OPEN: ((Step.CLOSE_BOARD,), State.CLOSING),
        State.CLOSING: ((Step.END_BALLOTS, Step.DESTROY_SECRETS, Step.POST_TALLY), State.CLOSED),
        State.CLOSED: ((Step.POST_RESULT,), State.DECRYPTED),
        State.PUBLISHED: ((Step.APPLY_RETENTION,), State.ARCHIVED),
    }
)

# What a report of a step done must state for the election to go on.
FACTS: Mapping[Step, Mapping[str, type]] = MappingProxyType(
    {
        Step.FREEZE_ROLL: {"voters": int, "total_weight": int, "credentials": str},
        Step.SET_UP_BOARD: {"credentials": str},
        Step.POST_TALLY: {"counted": int, "turnout": int},
    }
)

LISTS_DIFFER = "The list of credentials on the board is not the one that was made from the roll."
ROLL_CHANGED = "The roll changed while the election was being sealed: read the checklist again."


@dataclass(frozen=True)
class Life:
    """Where an election stands. `reports` are the last ones of each step, of this uuid alone."""

    uuid: str
    roll: RollSummary
    state: State = State.DRAFT
    reports: Mapping[Step, Report] = field(default_factory=dict)
    decryption_confirmed: bool = False
    retention_due: bool = False
    problem: str | None = None
    problem_of: Step | None = None  # whose report takes the problem away

    @property
    def discarded(self) -> bool:
        """Deleted by its organiser; only the roll that `voter` holds is still to go."""
        return self.state is State.DRAFT and self.retention_due

    @property
    def was_sealed(self) -> bool:
        """Whether this uuid's list of credentials is complete on both sides."""
        return self.done(Step.FREEZE_ROLL) and self.done(Step.SET_UP_BOARD)

    def done(self, step: Step) -> bool:
        """Whether the step was reported done."""
        return step in self.reports and self.reports[step].done

    def fact(self, step: Step, name: str) -> str | int | None:
        """What the report of a step done has stated."""
        return self.reports[step].facts.get(name) if self.done(step) else None

    @property
    def counted(self) -> int | None:
        """Ballots in the tally."""
        counted = self.fact(Step.POST_TALLY, "counted")
        return None if counted is None else int(counted)

    @property
    def turnout(self) -> int | None:
        """Voters who have voted."""
        turnout = self.fact(Step.POST_TALLY, "turnout")
        return None if turnout is None else int(turnout)


def owed(life: Life) -> list[Step]:
    """The steps that are waited for now."""
    steps, _ = STEPS.get(life.state, ((), life.state))
    return [step for step in steps if not life.done(step) and _is_due(life, step)]


def _is_due(life: Life, step: Step) -> bool:
    if step is Step.WITHDRAW_CODES:
        return life.done(Step.WITHDRAW_BOARD)
    if step is Step.POST_RESULT:
        return life.decryption_confirmed
    if step is Step.APPLY_RETENTION:
        return life.retention_due
    return True


def require(life: Life, *states: State) -> None:
    """Refuses what is possible in these states only."""
    if life.state not in states:
        _refuse(life, f"This is not possible while the election is {life.state.value}.")


def _refuse(life: Life, sentence: str) -> Never:
    raise Conflict(sentence, code="wrong-state", state=life.state.value)


# What organisers do


def seal(life: Life) -> Life:
    """From draft to sealing."""
    require(life, State.DRAFT)
    return _enter(life, State.SEALING)


def unseal(life: Life, *, opening_reached: bool) -> Life:
    """From sealed to unsealing, before the opening."""
    require(life, State.SEALED)
    if opening_reached:
        _refuse(life, "The opening has been reached: the election cannot be unsealed any more.")
    return _enter(life, State.UNSEALING)


def confirm_decryption(life: Life) -> Life:
    """While closed: lets a tally of few ballots be decrypted."""
    require(life, State.CLOSED)
    return replace(life, decryption_confirmed=True)


def publish(life: Life) -> Life:
    """From decrypted to published."""
    require(life, State.DECRYPTED)
    return _enter(life, State.PUBLISHED)


def archive(life: Life) -> Life:
    """While published; archived it is once the roll is deleted."""
    require(life, State.PUBLISHED)
    return replace(life, retention_due=True)


def discard(life: Life) -> Life:
    """While a draft; gone it is once the roll is deleted."""
    require(life, State.DRAFT)
    return replace(life, retention_due=True)


# What services report


def accept(life: Life, step: Step, report: Report, *, new_uuid: str) -> Life:
    """The life after a report; the same object when the report changes nothing.

    `new_uuid` is what an election gets that becomes a draft again.

    Raises:
        Conflict: the report is about another edition, or of a step that is not owed.
        Invalid: the report of a step done leaves out what it must state.
    """
    if report.uuid == life.uuid and life.reports.get(step) == report:
        return life
    if report.uuid != life.uuid:
        raise Conflict("The report is about an edition that was withdrawn.", code="other-edition")
    if step not in owed(life):
        raise Conflict("This step is not owed now.", code="step-not-owed", state=life.state.value)
    if report.done:
        _check_facts(step, report)
    reported = replace(life, reports={**life.reports, step: report})
    return _go_on(reported, step, new_uuid) if report.done else _fail(reported, step, report.problem)


def _check_facts(step: Step, report: Report) -> None:
    for name, kind in FACTS.get(step, {}).items():
        if not isinstance(report.facts.get(name), kind):
            raise Invalid(f"The report of this step must state {name}.", code="fact-missing", fact=name)


def _go_on(life: Life, step: Step, new_uuid: str) -> Life:
    if life.problem_of is step:
        life = replace(life, problem=None, problem_of=None)
    steps, following = STEPS[life.state]
    if not all(life.done(each) for each in steps):
        return life
    if following is State.DRAFT:
        return Life(new_uuid, life.roll, problem=life.problem)
    if following is State.SEALED and (problem := _disagreement(life)):
        return _enter(life, State.UNSEALING, problem)
    if following is State.CLOSED:
        life = replace(life, decryption_confirmed=(life.counted or 0) >= FEW_BALLOTS)
    return _enter(life, following, life.problem)


def _disagreement(life: Life) -> str | None:
    if life.fact(Step.FREEZE_ROLL, "credentials") != life.fact(Step.SET_UP_BOARD, "credentials"):
        return LISTS_DIFFER
    frozen = life.fact(Step.FREEZE_ROLL, "voters"), life.fact(Step.FREEZE_ROLL, "total_weight")
    return None if frozen == (life.roll.voters, life.roll.total_weight) else ROLL_CHANGED


def _fail(life: Life, step: Step, problem: str | None) -> Life:
    problem = problem or "A part of the system could not do its step."
    if life.state is State.SEALING:
        return _enter(life, State.UNSEALING, problem)
    if step is Step.WITHDRAW_BOARD and life.was_sealed and not _disagreement(life):
        return _enter(life, State.SEALED, problem)
    return replace(life, problem=problem, problem_of=step)


def _enter(life: Life, state: State, problem: str | None = None) -> Life:
    """The state, with its steps all to do, whatever an earlier attempt at them has reported."""
    steps, _ = STEPS.get(state, ((), state))
    reports = {step: report for step, report in life.reports.items() if step not in steps}
    return replace(life, state=state, reports=reports, problem=problem, problem_of=None)
