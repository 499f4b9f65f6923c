"""Attacks on organisers' access tokens, at a route of `auth` itself and at the code that all services verify with."""

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.auth.contract import AUDIENCES
from services.auth.sealing import Sealing
from services.shared.identity import ISSUER, REFETCH_SECONDS, OrganiserTokens
from services.shared.problems import Unauthenticated, Unavailable
from tests.service.harness import System


@dataclass(frozen=True)
class Stage:
    """A signed-in organiser, and the key that signed: the attacker's dream, used to make tokens that are wrong once."""

    system: System
    client: httpx.AsyncClient
    tokens: dict[str, str]
    key: Ed25519PrivateKey
    kid: str

    def forge(self, *, key: Any = None, algorithm: str = "EdDSA", header: Any = None, **claims: Any) -> str:
        now = int(time.time())
        right = {"iss": ISSUER, "sub": "1" * 22, "aud": "auth", "iat": now, "exp": now + 300, "jti": "x"}
        payload = {name: value for name, value in (right | claims).items() if value is not None}
        return jwt.encode(payload, key or self.key, algorithm, {"kid": self.kid} | (header or {}))

    async def status(self, token: str) -> int:
        """What a route for organisers says to the token; 401 stands for "the token is worth nothing"."""
        headers = {"Authorization": f"Bearer {token}"}
        return (await self.client.post("/v1/sessions/end-all", headers=headers)).status_code


@pytest.fixture(scope="module")
async def stage(system: System) -> AsyncIterator[Stage]:
    _, tokens = await system.organiser()
    connection = await asyncpg.connect(system.database_url)
    row = await connection.fetchrow("SELECT kid, sealed_key FROM auth.signing_keys")
    await connection.close()
    assert row is not None
    secret = Sealing.under(system.installation.keys.auth_sealing_key).unseal(row["sealed_key"], row["kid"])
    key = Ed25519PrivateKey.from_private_bytes(secret)
    async with httpx.AsyncClient(base_url=system.url("auth")) as client:
        yield Stage(system, client, tokens, key, row["kid"])


async def test_a_whole_token_is_accepted(stage: Stage) -> None:
    """So that the refusals below are due to what each of them breaks."""
    assert await stage.status(stage.tokens["auth"]) == 204
    assert await stage.status(stage.forge()) == 204


@pytest.mark.parametrize("audience", [name for name in AUDIENCES if name != "auth"])
async def test_a_token_for_another_audience_is_refused(stage: Stage, audience: str) -> None:
    assert await stage.status(stage.tokens[audience]) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"aud": list(AUDIENCES)},
        {"aud": "AUTH"},
        *({name: None} for name in ("iss", "sub", "aud", "iat", "exp", "jti")),
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(stage: Stage, claims: dict[str, Any]) -> None:
    assert await stage.status(stage.forge(**claims)) == 401


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("iat", 600), ("nbf", 600)])
async def test_a_token_out_of_its_time_is_refused(stage: Stage, claim: str, seconds: int) -> None:
    claims: dict[str, Any] = {claim: int(time.time()) + seconds}
    assert await stage.status(stage.forge(**claims)) == 401


async def test_an_unsigned_token_is_refused(stage: Stage) -> None:
    _, payload, signature = stage.forge().split(".")
    for algorithm in ("none", "None", "NONE"):
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": stage.kid}).encode()).decode()
        for ending in ("", signature):
            assert await stage.status(f"{header.rstrip('=')}.{payload}.{ending}") == 401


async def test_the_public_key_is_no_secret_to_sign_with(stage: Stage) -> None:
    public = stage.key.public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=")
    for secret in (raw, x, base64.b64encode(raw)):
        assert await stage.status(stage.forge(key=secret.ljust(32, b"="), algorithm="HS256")) == 401
        assert await stage.status(stage.forge(key=secret.ljust(64, b"="), algorithm="HS512")) == 401


async def test_a_key_that_the_token_brings_along_is_not_used(stage: Stage) -> None:
    attacker = Ed25519PrivateKey.generate()
    x = base64.urlsafe_b64encode(attacker.public_key().public_bytes_raw()).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": stage.kid, "alg": "EdDSA"}
    for header in (
        {"jwk": jwk},
        {"jku": "http://127.0.0.1:9/jwks"},
        {"x5u": "http://127.0.0.1:9/certificate"},
        {"kid": "../../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
    ):
        assert await stage.status(stage.forge(key=attacker, header=header)) == 401


async def test_such_headers_do_no_harm_to_a_good_token(stage: Stage) -> None:
    assert await stage.status(stage.forge(header={"jku": "http://127.0.0.1:9/", "x5u": "http://127.0.0.1:9/"})) == 204


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "é", "x" * 8000])
async def test_what_is_no_token_is_refused(stage: Stage, token: str) -> None:
    headers = {b"Authorization": b"Bearer " + token.encode()}
    assert (await stage.client.post("/v1/sessions/end-all", headers=headers)).status_code == 401


@pytest.fixture
async def fetches(stage: Stage) -> AsyncIterator[tuple[OrganiserTokens, list[str]]]:
    """A verifier as every service has one, and the addresses that it has fetched."""
    fetched: list[str] = []

    async def note(request: httpx.Request) -> None:
        fetched.append(str(request.url))

    async with httpx.AsyncClient(event_hooks={"request": [note]}) as client:
        yield OrganiserTokens(f"{stage.system.url('auth')}/v1/jwks", "auth", client), fetched


async def test_keys_are_fetched_once_and_then_known(stage: Stage, fetches: tuple[OrganiserTokens, list[str]]) -> None:
    tokens, fetched = fetches
    for _ in range(3):
        await tokens.verify(stage.tokens["auth"])
    assert fetched == [tokens.jwks_url]


async def test_an_unknown_key_id_makes_the_keys_be_fetched_at_most_once_in_30_s(
    stage: Stage, fetches: tuple[OrganiserTokens, list[str]]
) -> None:
    tokens, fetched = fetches
    await tokens.verify(stage.tokens["auth"])
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.verify(stage.forge(header={"kid": f"unknown {number}"}))
    assert len(fetched) == 1
    tokens.fetched -= REFETCH_SECONDS
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.verify(stage.forge(header={"kid": f"unknown {number}"}))
    assert len(fetched) == 2


async def test_no_address_in_a_token_is_fetched(stage: Stage, fetches: tuple[OrganiserTokens, list[str]]) -> None:
    tokens, fetched = fetches
    header = {"kid": "unknown", "jku": stage.system.url("auth") + "/attack", "x5u": stage.system.url("auth")}
    with pytest.raises(Unauthenticated):
        await tokens.verify(stage.forge(header=header))
    assert fetched == [tokens.jwks_url]


async def test_the_last_good_keys_survive_auth_being_down(
    stage: Stage, fetches: tuple[OrganiserTokens, list[str]]
) -> None:
    tokens, _ = fetches
    await tokens.verify(stage.tokens["auth"])
    tokens.jwks_url = "http://127.0.0.1:9/v1/jwks"
    tokens.fetched -= REFETCH_SECONDS
    with pytest.raises(Unauthenticated):
        await tokens.verify(stage.forge(header={"kid": "unknown"}))
    assert await tokens.verify(stage.tokens["auth"])


async def test_without_any_keys_the_answer_is_to_try_again(
    stage: Stage, fetches: tuple[OrganiserTokens, list[str]]
) -> None:
    tokens, fetched = fetches
    right, tokens.jwks_url = tokens.jwks_url, "http://127.0.0.1:9/v1/jwks"
    with pytest.raises(Unavailable):
        await tokens.verify(stage.tokens["auth"])
    tokens.jwks_url = right
    assert await tokens.verify(stage.tokens["auth"])
    assert len(fetched) == 2
