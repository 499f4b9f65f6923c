"""The routes of `auth`."""

from fastapi import Request, Response

from services.auth.accounts import Accounts
from services.auth.contract import (
    Credentials,
    JsonWebKeySet,
    NewOrganiser,
    NewPassword,
    OperatorPassword,
    Organiser,
    RefreshToken,
    Session,
)
from services.auth.keyring import Keyring
from services.auth.sessions import Sessions
from services.auth.signing import KEYS_MAX_AGE
from services.shared.app import new_router, resource
from services.shared.identity import SignedInOrganiser, caller, public

router = new_router(tags=["auth"])


def client_address(request: Request) -> str:
    """The sender's address, as the trusted proxies report it."""
    return request.client.host if request.client else "unknown"


@router.post("/sessions", dependencies=[public()])
async def sign_in(credentials: Credentials, request: Request, sessions: Sessions = resource(Sessions)) -> Session:
    """Opens a session."""
    return await sessions.sign_in(credentials, client_address(request))


@router.post("/sessions/refresh", dependencies=[public()])
async def refresh_session(token: RefreshToken, sessions: Sessions = resource(Sessions)) -> Session:
    """Exchanges a refresh token for new tokens."""
    return await sessions.refresh_session(token.refresh_token)


@router.post("/sessions/end", status_code=204, dependencies=[public()])
async def sign_out(token: RefreshToken, sessions: Sessions = resource(Sessions)) -> None:
    """Ends the session of a refresh token."""
    await sessions.sign_out(token.refresh_token)


@router.post("/sessions/end-all", status_code=204)
async def sign_out_everywhere(organiser: SignedInOrganiser, sessions: Sessions = resource(Sessions)) -> None:
    """Ends all sessions of the organiser."""
    await sessions.sign_out_everywhere(organiser.id)


@router.post("/organisers", status_code=201, dependencies=[public()])
async def sign_up(new: NewOrganiser, request: Request, accounts: Accounts = resource(Accounts)) -> Organiser:
    """Makes an account for oneself, where that is enabled."""
    return await accounts.sign_up(new, client_address(request))


@router.get("/organisers/me")
async def read_organiser(organiser: SignedInOrganiser, accounts: Accounts = resource(Accounts)) -> Organiser:
    """The organiser's own account."""
    return await accounts.read_organiser(organiser.id)


@router.put("/organisers/me/password", status_code=204)
async def change_password(
    organiser: SignedInOrganiser, password: NewPassword, accounts: Accounts = resource(Accounts)
) -> None:
    """Changes the password and ends every other session."""
    await accounts.change_password(organiser.id, password)


@router.post("/operator/organisers", status_code=201, dependencies=[caller("operator")])
async def add_organiser(new: NewOrganiser, accounts: Accounts = resource(Accounts)) -> Organiser:
    """Makes an account for somebody."""
    return await accounts.add_organiser(new)


@router.put("/operator/password", status_code=204, dependencies=[caller("operator")])
async def set_password(password: OperatorPassword, accounts: Accounts = resource(Accounts)) -> None:
    """Sets the password of somebody who cannot sign in."""
    await accounts.set_password(password)


@router.get("/jwks", dependencies=[public()])
async def read_keys(response: Response, keyring: Keyring = resource(Keyring)) -> JsonWebKeySet:
    """The keys that verify organisers' tokens."""
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE}"
    return await keyring.read_keys()


@router.post("/operator/keys", dependencies=[caller("operator")])
async def rotate_keys(keyring: Keyring = resource(Keyring)) -> JsonWebKeySet:
    """Publishes a new signing key, which signs once every verifier can know it."""
    return await keyring.rotate_keys()
