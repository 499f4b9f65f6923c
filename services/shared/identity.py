"""Who is calling: services by their own keys, organisers by tokens that `auth` signs.

- A service's token lives at most 60 s, names its caller and its callee, and is signed with the caller's Ed25519 key.
- Which trace a call belongs to is believed with such a token only, one that opens nothing.
- An organiser's token is good for one audience. The algorithm is fixed; keys come from `auth` alone, whatever a
  token's header says.
- An unknown key id makes the keys be fetched again, at most once in 30 s; the last good copy survives `auth` being
  down.
"""

import asyncio
import base64
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastapi import Depends, Request

from observability.telemetry.calls import TRUSTED
from services.shared.metrics import counting_token_refusals
from services.shared.problems import Forbidden, Unauthenticated, Unavailable

log = structlog.get_logger()

ALGORITHM = "EdDSA"
CALL_SECONDS = 60
REFETCH_SECONDS = 30
ISSUER = "uvote-auth"
TRACE_AUDIENCE = "trace:"
TELLING = 100  # tokens, of a few replicas of two services
LEEWAY_SECONDS = 5


def private_key(text: str) -> Ed25519PrivateKey:
    """The key whose 32 bytes are given in base64."""
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))


def public_key(text: str) -> Ed25519PublicKey:
    """The public key whose 32 bytes are given in base64."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def public_half(text: str) -> str:
    """The base64 of the public key that belongs to a private one in base64."""
    return base64.b64encode(private_key(text).public_key().public_bytes_raw()).decode()


def new_key() -> str:
    """A fresh private key in base64."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


@dataclass
class Caller:
    """This service as a caller of others. A token is used for half of its life."""

    name: str
    key: Ed25519PrivateKey
    tokens: dict[str, tuple[float, str]] = field(default_factory=dict)

    def token(self, audience: str) -> str:
        """A token for one callee."""
        now = time.time()
        until, token = self.tokens.get(audience, (0.0, ""))
        if now < until:
            return token
        claims = {"iss": self.name, "aud": audience, "iat": int(now), "exp": int(now) + CALL_SECONDS}
        token = jwt.encode(claims, self.key, ALGORITHM)
        self.tokens[audience] = (now + CALL_SECONDS / 2, token)
        return token

    def trace_token(self, callee: str) -> str:
        """A token that lets one callee believe which trace a call belongs to, and opens nothing."""
        return self.token(TRACE_AUDIENCE + callee)


@dataclass(frozen=True)
class Callers:
    """The services that may call this one at all, with their public keys."""

    service: str
    keys: Mapping[str, Ed25519PublicKey]
    telling: dict[str, float] = field(default_factory=dict)

    def identify(self, token: str) -> str:
        """The name of the service that signed the token.

        Raises:
            Unauthenticated: for every token that is not wholly right.
        """
        return str(self._claims(token, self.service)["iss"])

    def tell_of_traces(self, token: str) -> bool:
        """Whether a service of the identity side signed this to tell us of its traces.

        A token that is right is looked at once: it comes with every call, until it expires.
        """
        if time.time() < self.telling.get(token, 0):
            return True
        try:
            claims = self._claims(token, TRACE_AUDIENCE + self.service)
        except Unauthenticated:
            return False
        if claims["iss"] not in TRUSTED:
            return False
        if len(self.telling) >= TELLING:
            self.telling.clear()
        self.telling[token] = claims["exp"]
        return True

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            unverified_issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            key = self.keys[str(unverified_issuer)]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=audience,
                issuer=str(unverified_issuer),
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "iat", "exp"], "strict_aud": True},
            )
        except (jwt.InvalidTokenError, KeyError):
            raise Unauthenticated("The token is not that of a service which may call here.") from None
        if claims["exp"] - claims["iat"] > CALL_SECONDS:
            raise Unauthenticated("The token lives too long.")
        return claims


@dataclass(frozen=True)
class Organiser:
    """The organiser who sent a request."""

    id: str


class OrganiserTokens:
    """Verifies organisers' access tokens with the keys of `auth`."""

    def __init__(self, jwks_url: str, audience: str, client: httpx.AsyncClient) -> None:
        self.jwks_url = jwks_url
        self.audience = audience
        self.client = client
        self.keys: dict[str, Any] = {}
        self.fetched = float("-inf")
        self.lock = asyncio.Lock()

    async def verify(self, token: str) -> Organiser:
        """The organiser whom the token names.

        Raises:
            Unauthenticated: for every token that is not wholly right.
            Unavailable: no keys are known yet and `auth` does not answer.
        """
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=self.audience,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"], "strict_aud": True},
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated("Sign in again.") from None
        return Organiser(claims["sub"])

    async def _key(self, kid: object) -> Any:
        if kid not in self.keys:
            await self._refetch(kid)
        if not self.keys:
            raise Unavailable("The keys that sign tokens cannot be fetched yet.")
        if not isinstance(kid, str) or kid not in self.keys:
            raise Unauthenticated("Sign in again.")
        return self.keys[kid]

    async def _refetch(self, kid: object) -> None:
        async with self.lock:
            if kid in self.keys or time.monotonic() - self.fetched < REFETCH_SECONDS:
                return
            try:
                reply = (await self.client.get(self.jwks_url)).raise_for_status().json()
                self.keys = {key["kid"]: jwt.PyJWK(key, ALGORITHM).key for key in reply["keys"]}
            except (httpx.HTTPError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
                log.warning("keys_not_fetched", error=type(error).__name__)
            # A failure counts while there is an old copy to go on with; without one the next request tries again.
            if self.keys:
                self.fetched = time.monotonic()


def bearer(request: Request, scheme: str = "Bearer") -> str:
    """The credential in the Authorization header.

    Raises:
        Unauthenticated: when there is none of this scheme.
    """
    given, _, credential = request.headers.get("authorization", "").partition(" ")
    if given.lower() != scheme.lower() or not credential:
        raise Unauthenticated("This needs a token.", headers={"WWW-Authenticate": scheme})
    return credential.strip()


class Access:
    """Who may call a route. Every route depends on exactly one kind of access; a test reads them."""

    kind: ClassVar[str]

    @property
    def who(self) -> tuple[str, ...]:
        """Who is let in, in a few words."""
        return (self.kind,)


class Public(Access):
    """Anyone. Cookies and Authorization are not looked at."""

    kind = "public"

    async def __call__(self) -> None:
        """Refuses nobody."""


class CallerIs(Access):
    """One of the named services."""

    kind = "caller"

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)

    @property
    def who(self) -> tuple[str, ...]:
        """The services."""
        return tuple(f"caller:{name}" for name in self.names)

    async def __call__(self, request: Request) -> str:
        """The name of the calling service."""
        callers: Callers = request.app.state.callers
        with counting_token_refusals("service"):
            name = callers.identify(bearer(request))
            if name not in self.names:
                raise Forbidden("This service may not call here.")
        return name


class SignedIn(Access):
    """An organiser."""

    kind = "organiser"

    async def __call__(self, request: Request) -> Organiser:
        """The organiser."""
        tokens: OrganiserTokens = request.app.state.organiser_tokens
        with counting_token_refusals("organiser"):
            return await tokens.verify(bearer(request))


def public() -> Any:
    """Marks a route that anyone may call."""
    return Depends(Public())


def caller(*names: str) -> Any:
    """Marks a route that only these services may call."""
    return Depends(CallerIs(names))


SignedInOrganiser = Annotated[Organiser, Depends(SignedIn())]
