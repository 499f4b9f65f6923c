"""What anyone may see of an election. No page here sets or reads a cookie."""

from fastapi import Request, Response

from services.frontend.rendering import render
from services.shared.app import new_router
from services.shared.identity import public

router = new_router(tags=["public"], dependencies=[public()])


@router.get("/")
async def show_home(request: Request) -> Response:
    """The first page."""
    return render(request, "home.html")
