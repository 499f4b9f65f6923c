"""For the election officer: is it open, does voting work, who has voted so far, do mails leave, what comes next."""

from dashboards.generate.asking import (
    ACTED,
    ELECTION,
    ELECTION_CLASS,
    acts,
    oldest_mail,
    refused_votes,
    stuck_browsers,
    voting_works,
)
from dashboards.generate.describing import Dashboard, Fact, Panel, Query, Row, Step
from dashboards.generate.linking import INTEGRITY, MAIL, ON_CALL, to_lines

THIS = 'election="$election", election_class="$election_class"'


def _phase(**numbers: int) -> str:
    """One number for the phase, which words are put on."""
    return " + ".join(
        f'{number} * max(uvote_board_phase{{{THIS}, phase="{phase}"}})' for phase, number in numbers.items()
    )


PHASE = _phase(not_yet=1, open=2, paused=3, closed=4, withdrawn=5)
BOARD_LINES = to_lines("Lines of the ballot box", "ballot", ballot=True)

IS_OPEN = Panel(
    "stat",
    "Is voting open?",
    "What the ballot box's own database clock says: this alone decides whether a vote is taken.",
    (Query(PHASE),),
    Fact("the election closes", "up"),
    (INTEGRITY, BOARD_LINES),
    width=4,
    base="blue",
    words={
        1: ("Not yet", "blue"),
        2: ("OPEN", "green"),
        3: ("PAUSED", "orange"),
        4: ("Closed", "blue"),
        5: ("Withdrawn", "text"),
    },
    steps=(Step(3, "orange", "an organiser has paused voting, and nobody can vote until they end the pause."),),
    empty="No such election",
)
NEXT = Panel(
    "stat",
    "What comes next",
    "The next step of this election. Opening and closing happen by the schedule, without anybody's help.",
    (Query(PHASE),),
    Fact("the election closes", "up"),
    (INTEGRITY, BOARD_LINES),
    width=8,
    base="text",
    words={
        1: ("It opens by itself; invitations leave then", "blue"),
        2: ("It closes by itself; see the time left", "green"),
        3: ("An organiser must end the pause", "orange"),
        4: ("The trustees open the result", "blue"),
        5: ("Nothing: it was withdrawn", "text"),
    },
    steps=(Step(3, "orange", "waits for a person."),),
    empty="No such election",
)
LEFT = Panel(
    "stat",
    "Time left to vote",
    "Until the close that the ballot box has been told. An extension or an early close moves it.",
    (Query(f"clamp_min(max(uvote_board_closes_time_seconds{{{THIS}}}) - time(), 0)"),),
    Fact("the election closes", "down"),
    (INTEGRITY, BOARD_LINES),
    unit="dtdurations",
    width=4,
    base="blue",
    decimals=0,
    steps=(
        Step(1, "orange", "the last half hour: have the closing sheet at hand."),
        Step(1800, "green", "there is time."),
    ),
)
OPENS = Panel(
    "stat",
    "Opens",
    "When voting begins or has begun, by the published schedule; 1970 while it is paused.",
    (Query(f"1000 * max(uvote_board_opens_time_seconds{{{THIS}}})"),),
    Fact("voting is paused", "down"),
    (INTEGRITY, BOARD_LINES),
    unit="dateTimeAsLocal",
    width=4,
    base="orange",
    steps=(Step(1, "text", "the schedule; below it voting is paused."),),
)
VOTED = f"max(uvote_credentials_voted{{{THIS}}})"
LISTED = f"max(uvote_credentials_listed{{{THIS}}})"
TURNOUT = Panel(
    "stat",
    "Turnout",
    "Voters who have voted, of those on the list, in whole batches of ten. Up to nine more have voted than are shown. "
    "Below ten it says 0, because smaller numbers are withheld.",
    (Query(f"{VOTED} / {LISTED}"),),
    Fact("voters vote", "up"),
    (INTEGRITY, BOARD_LINES),
    unit="percentunit",
    width=4,
    base="text",
    decimals=1,
    steps=(Step(0.0001, "green", "at least ten have voted; below that the number is withheld."),),
)
VOTERS = Panel(
    "stat",
    "Voters who have voted",
    "In whole batches of ten; revotes are not counted twice. 0 means fewer than ten.",
    (Query(VOTED),),
    Fact("voters vote", "up"),
    (INTEGRITY, BOARD_LINES),
    width=4,
    base="text",
    decimals=0,
    steps=(Step(10, "green", "votes arrive; below ten the number is withheld."),),
)
CURVE = Panel(
    "timeseries",
    "Turnout over the day",
    "Share of the voters on the list who have voted, in steps of ten voters at ticks of 30 seconds. A flat stretch "
    "may be nine voters or none: it is a reason to look only while the other pictures are red too.",
    (Query(f"{VOTED} / {LISTED}", "have voted"),),
    Fact("voters vote", "up"),
    (INTEGRITY, BOARD_LINES),
    unit="percentunit",
    width=12,
    most=1,
    steps=(Step(0.5, "blue", "half of the voters have voted; many statutes ask for it."),),
)
HANDED_OVER = Panel(
    "stat",
    "Invitations handed over (24 h)",
    "Mails with a code that the mail server took from us: first invitations, reminders and repeated ones. Of all "
    "elections together.",
    (Query('sum(increase(uvote_mails_total{kind=~"invitation|reminder|resent", mail_outcome="accepted"}[24h]))'),),
    Fact("an election opens", "up"),
    (MAIL, to_lines("Lines of the mail queue", "voter")),
    width=4,
    base="text",
    decimals=0,
    steps=(Step(1, "green", "mails leave; 0 after the opening means that nobody has a code."),),
)
REFUSED_MAILS = Panel(
    "stat",
    "Mails refused for good (24 h)",
    "Mails that the mail server will not take: mostly addresses that do not exist. Their owners have no code until "
    "the address is corrected.",
    (Query('sum(increase(uvote_mails_total{mail_outcome="refused"}[24h]))'),),
    Fact("a mail is refused", "up"),
    (MAIL, to_lines("Lines of the mail queue", "voter")),
    width=4,
    decimals=0,
    steps=(Step(1, "orange", "correct these addresses on the election's mail page."),),
)

ELECTION_DAY = Dashboard(
    "election-day",
    "Election day",
    "For the election officer: is it open, does voting work, turnout, mail, what comes next.",
    "3h",
    (
        Row(5, (IS_OPEN, voting_works(ON_CALL), TURNOUT, VOTERS, LEFT, stuck_browsers())),
        Row(4, (NEXT, HANDED_OVER, oldest_mail(), REFUSED_MAILS, OPENS)),
        Row(9, (CURVE, refused_votes(width=12))),
        Row(8, (acts(width=24),)),
    ),
    (ELECTION_CLASS, ELECTION),
    (ACTED,),
)
