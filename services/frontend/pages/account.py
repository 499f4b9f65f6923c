"""Signing in and out, and an organiser's own account.

- A wrong name and a wrong password are told in the same sentence.
- After signing in one returns to a page of this site or to the list of elections, never to another site.
"""

from fastapi import Request, Response

from services.auth.contract import Credentials, NewOrganiser, NewPassword, Organiser, RefreshToken
from services.frontend import session
from services.frontend.cookies import read_cookie
from services.frontend.forms import GENERAL, Form, Submitted
from services.frontend.language import gettext as _
from services.frontend.rendering import render, see
from services.frontend.session import Clients, SignedIn
from services.frontend.settings import FrontendSettings
from services.shared.app import new_router, resource
from services.shared.client import DependencyDown, Refused
from services.shared.identity import public
from services.shared.problems import NotFound

router = new_router(tags=["account"])

HOME = "/organise"
MIN_PASSWORD = 12


def local_path(text: str) -> str:
    """A path of this site, or the list of elections for whatever else is given."""
    plain = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if plain and text.isascii() and len(text) <= 1000 else HOME


def address_of(request: Request) -> str | None:
    """The browser's address, by which `auth` slows down guessing; no other service is told."""
    return request.client.host if request.client else None


@router.get("/sign-in", dependencies=[public()])
async def show_sign_in(request: Request, next: str = "", note: str = "") -> Response:  # noqa: A002  # a name in URLs
    """The form to sign in with."""
    values = {"form": Form.of({"next": local_path(next)}), "noted": note}
    return render(request, "account/sign_in.html", values)


@router.post("/sign-in", dependencies=[public()])
async def sign_in(request: Request, form: Submitted, clients: Clients) -> Response:
    """Opens a session."""
    fields = {"email": "email", "password": "password"}
    credentials = form.read(
        Credentials,
        fields,
        email=form.text("email"),
        password=form.get("password"),
        device=read_cookie(request, session.DEVICE) or None,
    )
    if credentials is not None:
        try:
            opened = await clients.auth.sign_in(credentials, client_address=address_of(request))
            session.begin(request, opened)
            return see(local_path(form.get("next")))
        except Refused as refusal:
            form.error(GENERAL, _sign_in_refusal(refusal))
            status = refusal.status
    else:
        status = 422
    return render(request, "account/sign_in.html", {"form": form, "noted": ""}, status=status)


def _sign_in_refusal(refusal: Refused) -> str:
    if refusal.status == 429:
        seconds = refusal.headers.get("retry-after", "")
        wait = _("Wait %(seconds)s seconds, then try again.") % {"seconds": seconds} if seconds.isdigit() else ""
        return " ".join([_("There were too many attempts to sign in."), wait]).strip()
    if refusal.status == 401:
        return _("The address or the password is wrong.")
    return refusal.detail or _("Signing in was refused.")


@router.post("/sign-out", dependencies=[public()])
async def sign_out(request: Request, _form: Submitted, clients: Clients) -> Response:
    """Ends the session; the cookies go even when `auth` cannot be told."""
    refresh_token = read_cookie(request, session.REFRESH)
    session.forget(request)
    if refresh_token:
        try:
            await clients.auth.sign_out(RefreshToken(refresh_token=refresh_token))
        except (Refused, DependencyDown, ValueError):
            return see("/sign-in?note=signed-out-here")
    return see("/sign-in?note=signed-out")


@router.post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request, _form: Submitted, browser: SignedIn, clients: Clients) -> Response:
    """Ends every session of the organiser."""
    await clients.auth.sign_out_everywhere(bearer=browser.auth)
    session.forget(request)
    return see("/sign-in?note=signed-out-everywhere")


@router.get("/account")
async def show_account(request: Request, browser: SignedIn, clients: Clients) -> Response:
    """The organiser's account."""
    organiser = await clients.auth.read_organiser(bearer=browser.auth)
    return _account(request, organiser, Form())


def _account(request: Request, organiser: Organiser, form: Form, status: int = 200) -> Response:
    return render(request, "account/account.html", {"organiser": organiser, "form": form}, status=status)


@router.post("/account/password")
async def change_password(request: Request, form: Submitted, browser: SignedIn, clients: Clients) -> Response:
    """Changes the password, which ends every session, and opens a new one here."""
    organiser = await clients.auth.read_organiser(bearer=browser.auth)
    check_new_password(form)
    password = form.read(
        NewPassword, {"current": "current", "new": "new"}, current=form.get("current"), new=form.get("new")
    )
    if password is None or form.errors:
        return _account(request, organiser, form, 422)
    try:
        await clients.auth.change_password(password, bearer=browser.auth)
    except Refused as refusal:
        form.refused(refusal, "current" if refusal.status == 403 else "new")
        return _account(request, organiser, form, refusal.status)
    session.forget(request)
    return see("/sign-in?note=password-changed")


def check_new_password(form: Form) -> None:
    """Notes what is wrong with the new password of a form."""
    if len(form.get("new")) < MIN_PASSWORD:
        form.error("new", _("Use at least %(least)d characters.") % {"least": MIN_PASSWORD})
    if form.get("new") != form.get("again"):
        form.error("again", _("This is not the same password."))


def _require_sign_up(settings: FrontendSettings) -> None:
    if not settings.sign_up_enabled:
        raise NotFound("Accounts are made by whoever runs this site.")


@router.get("/sign-up", dependencies=[public()])
async def show_sign_up(request: Request, settings: FrontendSettings = resource(FrontendSettings)) -> Response:
    """The form to make an account with, where that is enabled."""
    _require_sign_up(settings)
    return render(request, "account/sign_up.html", {"form": Form()})


@router.post("/sign-up", dependencies=[public()])
async def sign_up(
    request: Request, form: Submitted, clients: Clients, settings: FrontendSettings = resource(FrontendSettings)
) -> Response:
    """Makes an account."""
    _require_sign_up(settings)
    check_new_password(form)
    fields = {"email": "email", "name": "name", "password": "new"}
    organiser = form.read(
        NewOrganiser, fields, email=form.text("email"), name=form.text("name"), password=form.get("new")
    )
    if organiser is None or form.errors:
        return render(request, "account/sign_up.html", {"form": form}, status=422)
    try:
        await clients.auth.sign_up(organiser, client_address=address_of(request))
    except Refused as refusal:
        form.refused(refusal)
        return render(request, "account/sign_up.html", {"form": form}, status=refusal.status)
    return see("/sign-in?note=account-made")
