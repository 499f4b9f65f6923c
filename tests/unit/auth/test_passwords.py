import asyncio
import threading

import bcrypt
import pytest

from services.auth import passwords
from services.auth.passwords import PasswordPool, check_new_password
from services.shared.problems import Invalid, TooMany

EMAIL = "ada.lovelace@example.org"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("x" * 11, "weak-password"),
        ("abababababab", "weak-password"),
        (EMAIL, "weak-password"),
        (EMAIL.upper(), "weak-password"),
        ("ada.lovelace", "weak-password"),
        ("correct horse battery " * 4, "password-too-long"),
        ("ä b c d e " * 7, "password-too-long"),  # 70 characters, 77 bytes
    ],
)
def test_a_password_that_is_weak_or_longer_than_bcrypt_reads_is_refused(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password, EMAIL)
    assert refusal.value.type.endswith(":" + code)


@pytest.mark.parametrize("password", ["correct horse", "x1y2z3" * 12, "паролькоторый"])
def test_a_password_of_12_characters_and_up_to_72_bytes_is_taken(password: str) -> None:
    check_new_password(password, EMAIL)


async def test_only_the_same_password_matches_however_its_characters_were_composed() -> None:
    pool = PasswordPool()
    hashed = await pool.hash("schönes Wetter heute")
    assert hashed.startswith("$2b$12$")
    assert await pool.matches("scho\u0308nes Wetter heute", hashed)
    assert not await pool.matches("schönes Wetter Heute", hashed)
    pool.close()


async def test_a_password_over_72_bytes_is_wrong_even_when_its_first_72_bytes_are_right() -> None:
    pool = PasswordPool()
    hashed = await pool.hash("x1y2z3" * 12)
    assert not await pool.matches("x1y2z3" * 12 + "!", hashed)
    pool.close()


async def test_an_unknown_account_costs_the_same_bcrypt_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []
    real = bcrypt.checkpw

    def watch(password: bytes, hashed: bytes) -> bool:
        checked.append(hashed)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", watch)
    pool = PasswordPool()
    assert not await pool.matches("correct horse battery", None)
    assert not await pool.matches("x" * 73, None)
    assert [hashed[:7] for hashed in checked] == [b"$2b$12$"] * 2
    pool.close()


async def test_more_than_the_queue_holds_is_refused_and_the_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(passwords, "_hash", lambda _: str(gate.wait()))
    pool = PasswordPool(threads=1, queue=2)
    waiting = [asyncio.create_task(pool.hash("correct horse")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany) as refusal:
        await pool.hash("correct horse")
    assert int(refusal.value.headers["Retry-After"]) > 0
    gate.set()
    assert await asyncio.gather(*waiting) == ["True"] * 3
    assert await pool.hash("correct horse") == "True"
    pool.close()
