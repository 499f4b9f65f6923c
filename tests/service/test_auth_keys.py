import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import asyncpg
import httpx
import jwt
import pytest

from services.auth.client import AuthClient
from services.auth.contract import Credentials
from services.uvote.installation import new_secret
from tests.service.harness import System

AFTER_NOTICE = "UPDATE auth.signing_keys SET signs_from = signs_from - interval '331 seconds'"
AFTER_ALL_TOKENS = "UPDATE auth.signing_keys SET signs_from = signs_from - interval '311 seconds'"


@pytest.fixture
async def auth(fresh_system: System) -> AsyncIterator[AuthClient]:
    """The operator's client."""
    await fresh_system.start("auth")
    client = AuthClient(fresh_system.url("auth"), caller=fresh_system.caller("operator"))
    yield client
    await client.close()


async def execute(system: System, statement: str) -> None:
    connection = await asyncpg.connect(system.database_url)
    await connection.execute(statement)
    await connection.close()


async def kids(auth: AuthClient) -> list[str]:
    return [key.kid for key in (await auth.read_keys()).keys]


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_two_replicas_that_start_at_once_make_one_key(fresh_system: System) -> None:
    await fresh_system.start("auth", "auth/2")
    replies = []
    for name in ("auth", "auth/2"):
        client = AuthClient(fresh_system.url(name))
        replies.append(await client.read_keys())
        await client.close()
    assert replies[0] == replies[1]
    assert len(replies[0].keys) == 1


async def test_the_keys_say_how_long_they_may_be_kept(fresh_system: System, auth: AuthClient) -> None:
    async with httpx.AsyncClient() as client:
        reply = await client.get(fresh_system.url("auth") + "/v1/jwks")
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert set(reply.json()["keys"][0]) == {"kty", "crv", "alg", "use", "kid", "x"}


async def test_rotation_overlaps_so_that_no_token_is_refused(fresh_system: System, auth: AuthClient) -> None:
    _, tokens = await fresh_system.organiser()
    (old,) = await kids(auth)
    announced = [key.kid for key in (await auth.rotate_keys()).keys]
    assert announced[0] == old
    assert len(announced) == 2
    assert [key.kid for key in (await auth.rotate_keys()).keys] == announced
    _, meanwhile = await fresh_system.organiser()
    assert kid_of(meanwhile["auth"]) == old
    await execute(fresh_system, AFTER_NOTICE)
    _, later = await fresh_system.organiser()
    assert kid_of(later["auth"]) == announced[1]
    assert await kids(auth) == announced
    for bearer in (tokens["auth"], meanwhile["auth"], later["auth"]):
        await auth.read_organiser(bearer=bearer)
    await execute(fresh_system, AFTER_ALL_TOKENS)
    assert await kids(auth) == announced[1:]


async def test_the_database_alone_signs_nothing(fresh_system: System, auth: AuthClient) -> None:
    """A service with another sealing key can use no stored key, and says so."""
    await kids(auth)
    await fresh_system.begin("auth/other", sealing_key=new_secret())
    missing: dict[str, str] = {}
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=10)) as client:
        while set(missing) != {"signing_keys"}:
            missing = (await client.get(f"{fresh_system.url('auth/other')}/health")).json()["missing"]
    assert missing["signing_keys"] == "the sealing key does not fit what is stored"


def run_command(system: System, *arguments: str, given: str = "", key: str | None = None) -> Sequence[str | int]:
    environment = {"PATH": os.environ["PATH"]}
    if key is None:
        key = system.installation.keys.callers["operator"]
    command = [sys.executable, "-m", "services.uvote", "organiser", "--auth-url", system.url("auth"), *arguments]
    done = subprocess.run(
        command, input=given, env=environment | {"UVOTE_OPERATOR_KEY": key}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


async def test_the_operators_command_adds_organisers_and_sets_passwords(fresh_system: System, auth: AuthClient) -> None:
    first, second = "a password of some length", "another one of some length"
    email = "hopper@example.org"
    code, said, _ = run_command(fresh_system, "add", email, "Grace Hopper", given=first + "\n")
    assert code == 0
    assert first not in str(said)
    assert (await auth.sign_in(Credentials(email=email, password=first))).organiser.name == "Grace Hopper"
    assert run_command(fresh_system, "add", email, "Grace", given=first)[0] == 1
    assert run_command(fresh_system, "password", email, given="short")[0] == 1
    assert run_command(fresh_system, "password", email, given=second)[0] == 0
    await auth.sign_in(Credentials(email=email, password=second))


async def test_the_operators_command_announces_a_new_key(fresh_system: System, auth: AuthClient) -> None:
    code, said, _ = run_command(fresh_system, "keys")
    assert code == 0
    assert len(await kids(auth)) == 2
    assert all(kid in str(said) for kid in await kids(auth))


@pytest.mark.parametrize(("key", "code"), [("", 2), ("not base64!", 2), ("stranger", 1)])
async def test_nobody_but_the_operator_can_use_the_command(
    fresh_system: System, auth: AuthClient, key: str, code: int
) -> None:
    key = new_secret() if key == "stranger" else key
    assert run_command(fresh_system, "keys", key=key)[0] == code
    assert len(await kids(auth)) == 1
