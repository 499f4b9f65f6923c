"""What sealing needs, what must be confirmed in so many words, and what cannot be undone.

Promises: an election is sealed only if
- it asks at least one question, and a ballot that answers all of them is not too large for the board;
- opening and close are set, the close lies in the future and after the opening;
- voters can reply to somebody, the roll is not empty, and its weights add up to at most 10^9;
- a mail server has accepted a test mail;
- it has at least one trustee, and every trustee has published a key;
- its organiser has confirmed that there are fewer than 10 voters, if so, and that a weight is held by fewer than 5.
An opening that has passed is no obstacle: then voting opens as soon as the election is sealed.
"""

from collections.abc import Sequence
from datetime import datetime

from services.election.contract import Checklist, ChecklistItem, Draft, RollSummary, TrusteeView
from services.election.definition import questions
from services.shared.problems import Conflict
from services.voting.question import HomomorphicQuestion

FEW_VOTERS = 10
MOST_WEIGHT = 10**9
LARGEST_BALLOT = 256 * 1024  # what the board takes

# Bytes of a ballot's parts in canonical JSON, at most: an element has 617 digits, a scalar 78.
CHOICE_BYTES = 1260 + 3
PROOF_BYTES = 190
FRAME_BYTES = 1600


def ballot_bytes(asked: Sequence[HomomorphicQuestion]) -> int:
    """The size that a ballot cannot exceed: two proofs a choice, one a possible number of choices, three for blank."""
    choices = sum(question.size for question in asked)
    proofs = 2 * choices + sum(len(question.values) + 3 * question.blank for question in asked)
    return FRAME_BYTES + CHOICE_BYTES * choices + PROOF_BYTES * proofs


def check(
    draft: Draft,
    opens_at: datetime | None,
    closes_at: datetime | None,
    roll: RollSummary,
    trustees: list[TrusteeView],
    *,
    now: datetime,
) -> Checklist:
    """The list, in the order in which an organiser works."""
    items = [
        *_of_questions(draft),
        *_of_schedule(opens_at, closes_at, now),
        _required("reply_to", "Voters can reply to an address of yours.", done=draft.reply_to is not None),
        *_of_roll(roll),
        *_of_trustees(trustees),
    ]
    return Checklist(items=items, ready=all(item.done for item in items if item.kind == "required"))


def require_ready(checklist: Checklist, confirmed: list[str]) -> list[str]:
    """The items that were to be confirmed and are.

    Raises:
        Conflict: `not-ready` or `not-confirmed`, with the codes of the `items` that are left.
    """
    missing = [item.code for item in checklist.items if item.kind == "required" and not item.done]
    if missing:
        raise Conflict("The checklist is not complete.", code="not-ready", items=missing)
    asked = [item.code for item in checklist.items if item.kind == "confirm"]
    unconfirmed = [code for code in asked if code not in confirmed]
    if unconfirmed:
        raise Conflict("Something must be confirmed first.", code="not-confirmed", items=unconfirmed)
    return asked


def _of_questions(draft: Draft) -> list[ChecklistItem]:
    fits = ballot_bytes(questions(draft)) <= LARGEST_BALLOT
    return [
        _required("questions", "There is at least one question.", done=bool(draft.questions)),
        _required("ballot_size", "A ballot with all questions and options is not too large to be cast.", done=fits),
    ]


def _of_schedule(opens_at: datetime | None, closes_at: datetime | None, now: datetime) -> list[ChecklistItem]:
    ordered = opens_at is None or closes_at is None or opens_at < closes_at
    items = [
        _required("opens", "The opening is set.", done=opens_at is not None),
        _required("closes", "The close is set and has not passed.", done=closes_at is not None and closes_at > now),
        _required("order", "The close comes after the opening.", done=ordered),
    ]
    if opens_at is not None and opens_at <= now:
        items.append(_notice("opening_passed", "The opening has passed: voting opens as soon as this is sealed."))
    return items


def _of_roll(roll: RollSummary) -> list[ChecklistItem]:
    tested = roll.test_mail_accepted_at is not None
    items = [
        _required("roll", "There are voters with a vote on the roll.", done=roll.voters > 0 and roll.total_weight > 0),
        _required("total_weight", "All votes together weigh at most 10^9.", done=roll.total_weight <= MOST_WEIGHT),
        _required("test_mail", "A mail server has accepted a test mail.", done=tested),
    ]
    if 0 < roll.voters < FEW_VOTERS:
        sentence = "There are fewer than 10 voters: the result may tell how some of them voted."
        items.append(_confirm("few_voters", sentence))
    if roll.rare_weights:
        sentence = "A weight is held by fewer than 5 voters: it shows which ballots are theirs."
        items.append(_confirm("rare_weights", sentence))
    return items


def _of_trustees(trustees: list[TrusteeView]) -> list[ChecklistItem]:
    published = bool(trustees) and all(trustee.public_key is not None for trustee in trustees)
    return [
        _required("trustees", "There is at least one trustee.", done=bool(trustees)),
        _required("trustee_keys", "Every trustee has published a key.", done=published),
        _notice("every_trustee", "Every trustee is needed; if one loses the key file, there is no result."),
    ]


def _required(code: str, sentence: str, *, done: bool) -> ChecklistItem:
    return ChecklistItem(code=code, sentence=sentence, done=done, kind="required")


def _confirm(code: str, sentence: str) -> ChecklistItem:
    return ChecklistItem(code=code, sentence=sentence, done=False, kind="confirm")


def _notice(code: str, sentence: str) -> ChecklistItem:
    return ChecklistItem(code=code, sentence=sentence, done=True, kind="notice")
