"""The pages, by who reads them; each module has one router."""

from services.frontend.pages import (
    account,
    appointing,
    audit,
    board,
    editing,
    mails,
    organising,
    roll,
    running,
    sealing,
    trustee,
    voting,
)

ORGANISERS = (
    account.router,
    organising.router,
    editing.router,
    roll.router,
    appointing.router,
    sealing.router,
    running.router,
    mails.router,
    audit.router,
)
ROUTERS = (*ORGANISERS, trustee.router, board.router, voting.router)
