import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import httpx
import pytest

from services.auth.client import AuthClient
from services.auth.contract import (
    Credentials,
    NewOrganiser,
    NewPassword,
    OperatorPassword,
    Organiser,
    RefreshToken,
    Session,
)
from services.auth.throttling import LIMITS
from services.shared.client import Refused
from tests.service.harness import PASSWORD, System

OTHER_PASSWORD = "another horse with a staple"


@pytest.fixture(scope="module")
async def auth(system: System) -> AsyncIterator[AuthClient]:
    """The operator's client."""
    await system.start("auth")
    client = AuthClient(system.url("auth"), caller=system.caller("operator"))
    yield client
    await client.close()


@pytest.fixture
async def organiser(auth: AuthClient) -> Organiser:
    """Somebody new."""
    email = f"Ada-{secrets.token_hex(4)}@example.org"
    return await auth.add_organiser(NewOrganiser(email=email, name="Ada", password=PASSWORD))


async def refusal_of(attempt: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as refusal:
        await attempt
    return refusal.value


def token_of(session: Session) -> RefreshToken:
    return RefreshToken(refresh_token=session.refresh_token)


async def count_guesses(system: System, kind: str, number: int) -> None:
    """As if so many wrong passwords had been tried."""
    connection = await asyncpg.connect(system.database_url)
    statement = "UPDATE auth.attempts SET count = $2, free_at = now() WHERE kind = $1"
    await connection.execute(statement, kind, number)
    await connection.close()


async def test_the_right_password_opens_a_session(auth: AuthClient, organiser: Organiser) -> None:
    session = await auth.sign_in(Credentials(email=organiser.email.upper(), password=PASSWORD))
    assert session.organiser == organiser
    assert await auth.read_organiser(bearer=session.access["auth"]) == organiser
    assert session.access_seconds == 300


async def test_an_unknown_account_and_a_wrong_password_are_refused_in_the_same_words(
    auth: AuthClient, organiser: Organiser
) -> None:
    wrong = await refusal_of(auth.sign_in(Credentials(email=organiser.email, password="wrong")))
    unknown = await refusal_of(auth.sign_in(Credentials(email="nobody@example.org", password=PASSWORD)))
    over_long = await refusal_of(auth.sign_in(Credentials(email=organiser.email, password=PASSWORD + "x" * 72)))
    assert wrong.type == "wrong-credentials"
    assert wrong.problem == unknown.problem == over_long.problem


async def test_guessing_at_an_account_is_slowed_down_and_says_for_how_long(
    system: System, auth: AuthClient, organiser: Organiser
) -> None:
    guess = Credentials(email=organiser.email, password="wrong")
    await refusal_of(auth.sign_in(guess))
    await count_guesses(system, "account", LIMITS["account"].free + 5)
    assert (await refusal_of(auth.sign_in(guess))).status == 401
    throttled = await refusal_of(auth.sign_in(Credentials(email=organiser.email, password=PASSWORD)))
    assert (throttled.status, throttled.type) == (429, "throttled")
    assert 1 <= int(throttled.headers["Retry-After"]) <= 64


async def test_a_browser_that_has_signed_in_before_is_not_locked_out_by_strangers(
    system: System, auth: AuthClient, organiser: Organiser
) -> None:
    mine = await auth.sign_in(Credentials(email=organiser.email, password=PASSWORD))
    await refusal_of(auth.sign_in(Credentials(email=organiser.email, password="wrong")))
    for kind in ("account", "address"):
        await count_guesses(system, kind, 1000)
    await refusal_of(auth.sign_in(Credentials(email=organiser.email, password="wrong")))
    throttled = await refusal_of(auth.sign_in(Credentials(email=organiser.email, password=PASSWORD)))
    assert throttled.status == 429
    again = await auth.sign_in(Credentials(email=organiser.email, password=PASSWORD, device=mine.device))
    assert again.organiser == organiser
    await count_guesses(system, "address", 0)


async def test_the_device_of_one_account_is_no_device_of_another(
    system: System, auth: AuthClient, organiser: Organiser
) -> None:
    other = await auth.add_organiser(NewOrganiser(email=f"x{organiser.email}", name="X", password=OTHER_PASSWORD))
    session = await auth.sign_in(Credentials(email=other.email, password=OTHER_PASSWORD))
    guess = Credentials(email=organiser.email, password="wrong", device=session.device)
    await refusal_of(auth.sign_in(guess))
    await count_guesses(system, "account", LIMITS["account"].free + 5)
    await refusal_of(auth.sign_in(guess))
    assert (await refusal_of(auth.sign_in(guess))).status == 429


async def test_many_guesses_at_once_are_not_free(auth: AuthClient, organiser: Organiser) -> None:
    guess = Credentials(email=organiser.email, password="wrong")
    refusals = await asyncio.gather(*(refusal_of(auth.sign_in(guess)) for _ in range(LIMITS["account"].free + 10)))
    assert sum(refusal.status == 401 for refusal in refusals) <= LIMITS["account"].free + 1
    assert {refusal.status for refusal in refusals} == {401, 429}


async def test_guesses_are_counted_by_the_address_that_a_trusted_proxy_reports(
    system: System, auth: AuthClient, organiser: Organiser
) -> None:
    guess = Credentials(email="nobody-at-all@example.org", password="wrong")
    await refusal_of(auth.sign_in(guess, client_address="192.0.2.7"))
    await count_guesses(system, "address", 1000)
    await refusal_of(auth.sign_in(guess, client_address="192.0.2.7"))
    right = Credentials(email=organiser.email, password=PASSWORD)
    throttled = await refusal_of(auth.sign_in(right, client_address="192.0.2.7"))
    assert throttled.status == 429
    assert (await auth.sign_in(right, client_address="192.0.2.8")).organiser == organiser


async def test_an_address_from_anybody_but_the_configured_proxies_is_not_believed(
    system: System, auth: AuthClient
) -> None:
    await system.start("auth/untrusting", trusted_proxies="192.0.2.99")
    stranger = AuthClient(system.url("auth/untrusting"))
    guess = Credentials(email="nobody-either@example.org", password="wrong")
    connection = await asyncpg.connect(system.database_url)
    await connection.execute("DELETE FROM auth.attempts")
    for last in (1, 2):
        await refusal_of(stranger.sign_in(guess, client_address=f"198.51.100.{last}"))
    assert await connection.fetchval("SELECT count(*) FROM auth.attempts WHERE kind = 'address'") == 1
    await connection.close()
    await stranger.close()


async def test_sign_up_is_off_unless_enabled(system: System, auth: AuthClient) -> None:
    newcomer = NewOrganiser(email="grace@example.org", name="Grace", password=PASSWORD)
    refusal = await refusal_of(auth.sign_up(newcomer))
    assert (refusal.status, refusal.type) == (403, "sign-up-disabled")
    await system.start("auth/open", sign_up_enabled=True)
    welcoming = AuthClient(system.url("auth/open"))
    organiser = await welcoming.sign_up(newcomer)
    assert (await welcoming.sign_in(Credentials(email=newcomer.email, password=PASSWORD))).organiser == organiser
    assert (await refusal_of(welcoming.sign_up(newcomer))).type == "address-taken"
    await welcoming.close()


@pytest.mark.parametrize(
    ("email", "password", "code"),
    [
        ("eve@example.org", "short", "weak-password"),
        ("eve@example.org", PASSWORD * 3, "password-too-long"),
        ("nobody", PASSWORD, "invalid-address"),
        ("ada@", PASSWORD, "invalid-address"),
    ],
)
async def test_no_account_is_made_with_an_unusable_address_or_password(
    auth: AuthClient, email: str, password: str, code: str
) -> None:
    refusal = await refusal_of(auth.add_organiser(NewOrganiser(email=email, name="Eve", password=password)))
    assert (refusal.status, refusal.type) == (422, code)


async def test_one_address_has_one_account_however_it_is_written(auth: AuthClient, organiser: Organiser) -> None:
    twin = NewOrganiser(email=organiser.email.upper(), name="Twin", password=PASSWORD)
    assert (await refusal_of(auth.add_organiser(twin))).status == 409


async def test_changing_the_password_needs_the_current_one_and_ends_the_other_sessions(
    auth: AuthClient, organiser: Organiser
) -> None:
    mine, other = [await auth.sign_in(Credentials(email=organiser.email, password=PASSWORD)) for _ in range(2)]
    bearer = mine.access["auth"]
    wrong = NewPassword(current="wrong", new=OTHER_PASSWORD)
    assert (await refusal_of(auth.change_password(wrong, bearer=bearer))).type == "wrong-password"
    weak = NewPassword(current=PASSWORD, new="short")
    assert (await refusal_of(auth.change_password(weak, bearer=bearer))).type == "weak-password"
    good = NewPassword(current=PASSWORD, new=OTHER_PASSWORD, refresh_token=mine.refresh_token)
    await auth.change_password(good, bearer=bearer)
    assert (await refusal_of(auth.refresh_session(token_of(other)))).type == "session-ended"
    assert (await auth.refresh_session(token_of(mine))).organiser == organiser
    assert (await refusal_of(auth.sign_in(Credentials(email=organiser.email, password=PASSWORD)))).status == 401
    await auth.sign_in(Credentials(email=organiser.email, password=OTHER_PASSWORD))


async def test_a_password_that_the_operator_sets_ends_all_sessions(auth: AuthClient, organiser: Organiser) -> None:
    session = await auth.sign_in(Credentials(email=organiser.email, password=PASSWORD))
    await auth.set_password(OperatorPassword(email=organiser.email, new=OTHER_PASSWORD))
    assert (await refusal_of(auth.refresh_session(token_of(session)))).type == "session-ended"
    await auth.sign_in(Credentials(email=organiser.email, password=OTHER_PASSWORD))
    unknown = OperatorPassword(email="nobody@example.org", new=OTHER_PASSWORD)
    assert (await refusal_of(auth.set_password(unknown))).status == 404


async def test_neither_log_nor_refusal_repeats_a_password_or_an_address(
    system: System, auth: AuthClient, organiser: Organiser
) -> None:
    secret = "squeamish ossifrage secret"
    body = {"email": organiser.email, "password": secret, "unforeseen": secret}
    async with httpx.AsyncClient(base_url=system.url("auth")) as client:
        reply = await client.post("/v1/sessions", json=body)
    assert reply.status_code == 422
    assert secret not in reply.text
    await refusal_of(auth.sign_in(Credentials(email=organiser.email, password=secret)))
    assert secret not in system.log("auth")
    assert organiser.email not in system.log("auth")
