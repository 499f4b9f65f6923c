import asyncio
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.auth.client import AuthClient
from services.auth.contract import Credentials, NewOrganiser, RefreshToken, Session
from services.auth.refreshing import digest
from services.shared.client import Refused
from tests.service.harness import PASSWORD, System
from tests.service.voter_world import eventually


@pytest.fixture(scope="module")
async def auth(system: System) -> AsyncIterator[AuthClient]:
    """The operator's client."""
    await system.start("auth")
    client = AuthClient(system.url("auth"), caller=system.caller("operator"))
    yield client
    await client.close()


@pytest.fixture(scope="module")
async def credentials(auth: AuthClient) -> Credentials:
    """Of the organiser whom the tests of this module sign in."""
    email = f"ada-{secrets.token_hex(4)}@example.org"
    await auth.add_organiser(NewOrganiser(email=email, name="Ada", password=PASSWORD))
    return Credentials(email=email, password=PASSWORD)


@pytest.fixture
async def session(auth: AuthClient, credentials: Credentials) -> Session:
    """A new one."""
    return await auth.sign_in(credentials)


def token_of(session: Session) -> RefreshToken:
    return RefreshToken(refresh_token=session.refresh_token)


async def has_ended(auth: AuthClient, session: Session) -> bool:
    with pytest.raises(Refused) as refusal:
        await auth.refresh_session(token_of(session))
    return (refusal.value.status, refusal.value.type) == (401, "session-ended")


async def let_time_pass(system: System, session: Session, seconds: int) -> None:
    """As if the token had been used that much longer ago."""
    connection = await asyncpg.connect(system.database_url)
    await connection.execute(
        "UPDATE auth.refresh_tokens SET used_at = used_at - make_interval(secs => $2) WHERE digest = $1",
        digest(session.refresh_token),
        float(seconds),
    )
    await connection.close()


async def test_a_refresh_token_rotates_and_each_one_works(auth: AuthClient, session: Session) -> None:
    seen = {session.refresh_token}
    for _ in range(3):
        session = await auth.refresh_session(token_of(session))
        assert session.refresh_token not in seen
        seen.add(session.refresh_token)
        assert await auth.read_organiser(bearer=session.access["auth"]) == session.organiser


async def test_parallel_requests_with_one_token_all_get_the_same_working_successor(
    auth: AuthClient, session: Session
) -> None:
    replies = await asyncio.gather(*(auth.refresh_session(token_of(session)) for _ in range(10)))
    assert len({reply.refresh_token for reply in replies}) == 1
    assert await auth.refresh_session(token_of(replies[0]))


async def test_a_late_parallel_request_gets_the_newest_token(auth: AuthClient, session: Session) -> None:
    newest = await auth.refresh_session(token_of(await auth.refresh_session(token_of(session))))
    assert (await auth.refresh_session(token_of(session))).refresh_token == newest.refresh_token


async def test_a_reuse_after_ten_seconds_ends_the_family(system: System, auth: AuthClient, session: Session) -> None:
    successor = await auth.refresh_session(token_of(session))
    await let_time_pass(system, session, 11)
    assert await has_ended(auth, session)
    assert await has_ended(auth, successor)

    async def is_logged() -> bool:
        return "refresh_token_reused" in system.log("auth")

    await eventually(is_logged)


async def test_the_end_of_one_family_leaves_the_others_alone(
    system: System, auth: AuthClient, session: Session, credentials: Credentials
) -> None:
    other = await auth.sign_in(credentials)
    await auth.refresh_session(token_of(session))
    await let_time_pass(system, session, 11)
    assert await has_ended(auth, session)
    assert await auth.refresh_session(token_of(other))


async def test_signing_out_ends_the_session_whichever_of_its_tokens_is_given(
    auth: AuthClient, session: Session
) -> None:
    successor = await auth.refresh_session(token_of(session))
    await auth.sign_out(token_of(session))
    assert await has_ended(auth, successor)
    await auth.sign_out(token_of(session))
    await auth.sign_out(RefreshToken(refresh_token="never given out"))


async def test_signing_out_everywhere_ends_refresh_at_once(
    auth: AuthClient, session: Session, credentials: Credentials
) -> None:
    other = await auth.sign_in(credentials)
    await auth.sign_out_everywhere(bearer=session.access["auth"])
    assert await has_ended(auth, session)
    assert await has_ended(auth, other)
    assert await auth.sign_in(credentials)


async def test_signing_out_everywhere_leaves_other_organisers_signed_in(
    system: System, auth: AuthClient, session: Session
) -> None:
    _, tokens = await system.organiser("Bob")
    await auth.sign_out_everywhere(bearer=tokens["auth"])
    assert await auth.refresh_session(token_of(session))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auth.sessions SET started_at = started_at - interval '31 days'",
        "UPDATE auth.refresh_tokens SET issued_at = issued_at - interval '8 days'",
    ],
)
async def test_neither_a_session_nor_an_unused_token_lives_for_ever(
    system: System, auth: AuthClient, session: Session, statement: str
) -> None:
    connection = await asyncpg.connect(system.database_url)
    await connection.execute(statement)
    await connection.close()
    assert await has_ended(auth, session)


async def test_the_database_holds_no_token(system: System, session: Session) -> None:
    connection = await asyncpg.connect(system.database_url)
    rows = await connection.fetch(
        "SELECT refresh_tokens::text FROM auth.refresh_tokens UNION ALL SELECT sessions::text FROM auth.sessions"
    )
    await connection.close()
    held = "\n".join(row[0] for row in rows)
    assert digest(session.refresh_token).hex() in held
    for secret in (session.refresh_token, session.device, *session.access.values()):
        assert secret not in held
        assert secret.encode().hex() not in held


async def test_a_session_goes_on_after_a_restart(system: System, auth: AuthClient, session: Session) -> None:
    system.kill("auth")
    await system.start("auth")
    assert (await auth.refresh_session(token_of(session))).organiser == session.organiser
    assert await auth.read_organiser(bearer=session.access["auth"]) == session.organiser
