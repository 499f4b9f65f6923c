"""Everything that the page of one election shows, asked of all services at once.

Only `election` itself is needed. What another service would know is left out while that service does not answer, and
the page says so.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from pydantic import BaseModel

from services.ballot.contract import Board
from services.election.contract import Checklist, Election, State
from services.frontend.desk import Desk
from services.result.contract import Tally
from services.shared.client import DependencyDown, Refused
from services.voter.contract import MailTotals, Roll

HAS_BOARD = {State.SEALED, State.OPEN, State.CLOSING, State.CLOSED, State.DECRYPTED, State.PUBLISHED, State.ARCHIVED}


class View(BaseModel):
    """None: not to be had in this state, or not at this moment."""

    election: Election
    checklist: Checklist | None = None
    roll: Roll | None = None
    board: Board | None = None
    mail: MailTotals | None = None
    tally: Tally | None = None
    silent: list[str] = []  # services that did not answer


async def gather(desk: Desk) -> View:
    """What is known of the election now."""
    election = await desk.election()
    calls = _calls(desk, election)
    answers = await asyncio.gather(*calls.values(), return_exceptions=True)
    return _view(election, dict(zip(calls, answers, strict=True)))


def _calls(desk: Desk, election: Election) -> dict[str, Awaitable[Any]]:
    clients, browser = desk.clients, desk.browser
    calls: dict[str, Awaitable[Any]] = {
        "roll": clients.voter.read_roll(election.id, bearer=browser.voter),
        "mail": clients.voter.read_mail_totals(election.id, bearer=browser.voter),
    }
    if election.state is State.DRAFT:
        calls["checklist"] = clients.election.read_checklist(election.id, bearer=browser.election)
    if election.state in HAS_BOARD:
        calls["board"] = clients.ballot.read_board(election.uuid)
    if election.state is State.CLOSED:
        calls["tally"] = clients.result.read_tally(election.uuid)
    return calls


def _view(election: Election, answers: dict[str, Any]) -> View:
    failures = [answer for answer in answers.values() if isinstance(answer, BaseException)]
    for failure in failures:
        # A refusal means that there is nothing to show yet, but for the one that says that the session has ended.
        expected = isinstance(failure, DependencyDown) or (isinstance(failure, Refused) and failure.status != 401)
        if not expected:
            raise failure
    silent = sorted({failure.members["dependency"] for failure in failures if isinstance(failure, DependencyDown)})
    known = {name: answer for name, answer in answers.items() if not isinstance(answer, BaseException)}
    return View(election=election, silent=silent, **known)


def live(view: View) -> dict[str, Any]:
    """What changes while one looks: a text that changes with the state of things, and the numbers by name."""
    shares = [share.status for share in view.tally.shares] if view.tally else []
    keys = [str(trustee.public_key is not None) for trustee in view.election.trustees]
    election = view.election
    state = [election.state, election.paused, election.opens_at, election.closes_at, election.problem, *shares, *keys]
    return {"state": "|".join(str(each) for each in state), "numbers": numbers(view)}


def numbers(view: View) -> dict[str, int]:
    """The numbers that the page shows, by the names that it gives them."""
    found: dict[str, int] = {}
    if view.board:
        board = view.board
        found |= {"voted": board.voted, "ballots": board.ballots, "voted-weight": board.voted_weight}
    if view.roll:
        found["codes"] = view.roll.sealing_done
    if view.mail:
        found |= {f"mail-{status}": total for status, total in mails_by_status(view.mail).items()}
    return found


def mails_by_status(mail: MailTotals) -> dict[str, int]:
    """Mails of every kind together, by how far they have come."""
    totals = {"queued": 0, "deferred": 0, "accepted": 0, "refused": 0}
    for by_status in mail.totals.values():
        for status, number in by_status.items():
            totals[status.value] += number
    return totals
