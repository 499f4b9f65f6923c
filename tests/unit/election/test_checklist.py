"""What sealing needs, one thing at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.election.checklist import LARGEST_BALLOT, ballot_bytes, check, require_ready
from services.election.contract import Checklist, Draft, Question, RollSummary, TrusteeView
from services.election.definition import GROUP, freeze, questions
from services.shared.problems import Conflict
from services.voting.ballot import make_ballot
from services.voting.credential import derive_code
from services.voting.election import Election, generate_uuid
from services.voting.trustee import parse_trustees
from tests.unit.election.keys import a_key

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OPENS, CLOSES = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
DRAFT = Draft(name="x", questions=[Question(text="Who?", options=["Ann", "Ben"])], reply_to="office@example.org")
ROLL = RollSummary(voters=10, total_weight=10, rare_weights=0, test_mail_accepted_at=NOW)
TRUSTEE = TrusteeView(id="1" * 22, name="Tess", address="t@example.org", invitation="sent", public_key="4")


def checklist(
    draft: Draft = DRAFT,
    opens: datetime | None = OPENS,
    closes: datetime | None = CLOSES,
    roll: RollSummary = ROLL,
    trustees: tuple[TrusteeView, ...] = (TRUSTEE,),
) -> Checklist:
    return check(draft, opens, closes, roll, list(trustees), now=NOW)


def missing(given: Checklist) -> list[str]:
    return [item.code for item in given.items if item.kind == "required" and not item.done]


def asked(given: Checklist) -> list[str]:
    return [item.code for item in given.items if item.kind == "confirm"]


def a_roll(**changes: Any) -> RollSummary:
    return ROLL.model_copy(update=changes)


def test_a_complete_draft_is_ready_and_asks_nothing() -> None:
    assert checklist().ready
    assert missing(checklist()) == asked(checklist()) == []
    assert require_ready(checklist(), []) == []


MANY = [Question(text="Who?", options=[f"{number}" for number in range(100)]) for _ in range(2)]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"draft": DRAFT.model_copy(update={"questions": []})}, ["questions"]),
        ({"draft": DRAFT.model_copy(update={"questions": MANY})}, ["ballot_size"]),
        ({"draft": DRAFT.model_copy(update={"reply_to": None})}, ["reply_to"]),
        ({"opens": None}, ["opens"]),
        ({"closes": None}, ["closes"]),
        ({"opens": NOW - timedelta(hours=2), "closes": NOW}, ["closes"]),
        ({"opens": CLOSES}, ["order"]),
        ({"roll": a_roll(voters=0, total_weight=0)}, ["roll"]),
        ({"roll": a_roll(total_weight=0)}, ["roll"]),
        ({"roll": a_roll(total_weight=10**9 + 1)}, ["total_weight"]),
        ({"roll": a_roll(test_mail_accepted_at=None)}, ["test_mail"]),
        ({"trustees": ()}, ["trustees", "trustee_keys"]),
        ({"trustees": (TRUSTEE, TRUSTEE.model_copy(update={"public_key": None}))}, ["trustee_keys"]),
    ],
)
def test_each_thing_that_is_missing_stops_the_sealing(change: dict[str, Any], codes: list[str]) -> None:
    given = checklist(**change)
    assert missing(given) == codes
    assert not given.ready
    with pytest.raises(Conflict) as refusal:
        require_ready(given, ["few_voters", "rare_weights"])
    assert refusal.value.type.endswith(":not-ready")
    assert refusal.value.members == {"items": codes}


@pytest.mark.parametrize(
    ("roll", "codes"),
    [
        (a_roll(voters=9, total_weight=9), ["few_voters"]),
        (a_roll(rare_weights=1), ["rare_weights"]),
        (a_roll(voters=1, total_weight=2, rare_weights=1), ["few_voters", "rare_weights"]),
    ],
)
def test_small_numbers_must_be_confirmed(roll: RollSummary, codes: list[str]) -> None:
    given = checklist(roll=roll)
    assert given.ready
    assert asked(given) == codes
    with pytest.raises(Conflict) as refusal:
        require_ready(given, codes[1:])
    assert refusal.value.type.endswith(":not-confirmed")
    assert refusal.value.members == {"items": codes[:1]}
    assert require_ready(given, [*codes, "more"]) == codes


def test_total_weight_may_be_exactly_a_thousand_million() -> None:
    assert checklist(roll=a_roll(total_weight=10**9)).ready


def test_an_opening_that_has_passed_is_a_notice_and_no_obstacle() -> None:
    given = checklist(opens=NOW)
    assert given.ready
    assert "opening_passed" in [item.code for item in given.items if item.kind == "notice"]


def test_it_says_plainly_that_every_trustee_is_needed() -> None:
    (sentence,) = [item.sentence for item in checklist().items if item.code == "every_trustee"]
    assert sentence == "Every trustee is needed; if one loses the key file, there is no result."


@pytest.mark.parametrize("blank", [False, True])
@pytest.mark.parametrize("options", [1, 7])
def test_no_ballot_is_larger_than_the_checklist_says(options: int, blank: bool) -> None:
    question = Question(
        text="Who?", options=[f"{number}" for number in range(options)], minimum=0, maximum=options, blank=blank
    )
    draft = DRAFT.model_copy(update={"questions": [question, question]})
    election = Election.parse(freeze(draft, generate_uuid(), [("Tess", a_key())]).definition)
    nothing = [0] * (options + blank)
    ballot = make_ballot(election, derive_code(b"s" * 32, "v"), [nothing, nothing])
    assert 0.85 * ballot_bytes(questions(draft)) < len(ballot) <= ballot_bytes(questions(draft)) <= LARGEST_BALLOT


def test_the_key_of_the_election_is_the_product_of_the_trustees_keys() -> None:
    keys = [("Tess", a_key()), ("Tom", a_key())]
    frozen = freeze(DRAFT, generate_uuid(), keys)
    trustees, election = parse_trustees(frozen.trustees, GROUP), Election.parse(frozen.definition)
    assert [member.name for member in trustees.members] == ["Tess", "Tom"]
    assert trustees.public_key == election.public_key
    assert election.fingerprint == frozen.fingerprint
    assert election.group is GROUP
