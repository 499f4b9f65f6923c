"""The pages, by who reads them; each module has one router."""

from services.frontend.pages import account, board

ROUTERS = (account.router, board.router)
