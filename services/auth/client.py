"""How `frontend` and the operator's command call `auth`: one method per route, of the route's name."""

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
from services.shared.client import ServiceClient


class AuthClient(ServiceClient):
    """`bearer` is an organiser's access token for the audience `auth`; what the operator does needs its caller key."""

    service = "auth"

    async def sign_in(self, credentials: Credentials, *, client_address: str | None = None) -> Session:
        """Opens a session for whoever sits at that address."""
        return await self.call("POST", "/v1/sessions", Session, body=credentials, client_address=client_address)

    async def refresh_session(self, token: RefreshToken) -> Session:
        """Exchanges the refresh token; repeating the call within 10 s is harmless."""
        return await self.call("POST", "/v1/sessions/refresh", Session, body=token, idempotent=True)

    async def sign_out(self, token: RefreshToken) -> None:
        """Ends the session; harmless when it has ended."""
        await self.call("POST", "/v1/sessions/end", type(None), body=token, idempotent=True)

    async def sign_out_everywhere(self, *, bearer: str) -> None:
        """Ends every session of the organiser."""
        await self.call("POST", "/v1/sessions/end-all", type(None), bearer=bearer, idempotent=True)

    async def sign_up(self, organiser: NewOrganiser, *, client_address: str | None = None) -> Organiser:
        """Makes an account for oneself, where that is enabled."""
        return await self.call("POST", "/v1/organisers", Organiser, body=organiser, client_address=client_address)

    async def read_organiser(self, *, bearer: str) -> Organiser:
        """The organiser whose token it is."""
        return await self.call("GET", "/v1/organisers/me", Organiser, bearer=bearer)

    async def change_password(self, password: NewPassword, *, bearer: str) -> None:
        """Changes the password and ends the other sessions; not repeated, since the old one is wrong afterwards."""
        await self.call("PUT", "/v1/organisers/me/password", type(None), body=password, bearer=bearer, idempotent=False)

    async def add_organiser(self, organiser: NewOrganiser) -> Organiser:
        """Makes an account, as the operator."""
        return await self.call("POST", "/v1/operator/organisers", Organiser, body=organiser)

    async def set_password(self, password: OperatorPassword) -> None:
        """Sets a password, as the operator; ends every session of that organiser."""
        await self.call("PUT", "/v1/operator/password", type(None), body=password)

    async def read_keys(self) -> JsonWebKeySet:
        """The public keys that verify organisers' tokens."""
        return await self.call("GET", "/v1/jwks", JsonWebKeySet)

    async def rotate_keys(self) -> JsonWebKeySet:
        """Signs with a new key from now on, as the operator."""
        return await self.call("POST", "/v1/operator/keys", JsonWebKeySet)
