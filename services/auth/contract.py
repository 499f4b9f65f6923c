"""What `auth` takes and gives: organisers, their sign-in and the keys that sign their tokens."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.shared.fields import Address, Contract, Line, OrganiserId, Text

# The services that an organiser's browser session acts on, each with an access token of its own.
AUDIENCES = ("auth", "election", "voter", "result")

Password = Annotated[Text, StringConstraints(min_length=1, max_length=1024)]


class Credentials(Contract):
    """A sign-in. `device` is what an earlier sign-in of this browser returned; it is never locked out."""

    email: Address
    password: Password
    device: Annotated[str, StringConstraints(max_length=2048)] | None = None


class Organiser(Contract):
    """Somebody who runs elections."""

    id: OrganiserId
    email: str
    name: str


class NewOrganiser(Contract):
    """An account to be made, by the operator or (where sign-up is enabled) by its owner."""

    email: Address
    name: Line
    password: Password


class Session(Contract):
    """What a sign-in or a refresh returns: one access token per audience, and the next refresh token."""

    organiser: Organiser
    access: dict[str, str]
    access_seconds: int
    refresh_token: str
    device: str


class RefreshToken(Contract):
    """A refresh token, good for one use (and for the 10 s that parallel requests need)."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class NewPassword(Contract):
    """A change of password; ends every session but the one that `refresh_token` belongs to."""

    current: Password
    new: Password
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)] | None = None


class OperatorPassword(Contract):
    """A password set by the operator for an organiser who cannot sign in."""

    email: Address
    new: Password


class JsonWebKey(Contract):
    """An Ed25519 public key as RFC 8037 writes it."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"
    kid: str
    x: str


class JsonWebKeySet(Contract):
    """The public halves of the keys that sign organisers' tokens."""

    keys: Annotated[list[JsonWebKey], Field(max_length=16)]
