"""Groups: exact membership, powers of every kind agree, Ed25519 follows the formulas of its curve."""

import json
import secrets
from pathlib import Path

import pytest

from services.voting.canonical import MalformedJson
from services.voting.group import BELENIOS_2048, ED25519, RFC_3526_2048, Group, group_by_name
from services.voting.powers import PowerTable, powers

CONSTANTS = json.loads((Path(__file__).parents[2] / "vectors" / "groups.json").read_text())
GROUPS = [BELENIOS_2048, RFC_3526_2048, ED25519]
each_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


@each_group
def test_constants_are_those_of_the_protocol(group: Group) -> None:
    published = {key: int(value) for key, value in CONSTANTS[group.name].items() if key in {"p", "q", "g"}}
    assert published == {key: getattr(group, key) for key in published}
    assert group_by_name(group.name) is group


@each_group
def test_generator_has_order_q(group: Group) -> None:
    assert group.is_element(group.g)
    assert group.power(group.g, group.q) == 1
    assert group.g != 1


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(MalformedJson):
        group_by_name("Curve9000")


@each_group
def test_every_way_to_a_power_agrees(group: Group) -> None:
    base = group.g_power(group.random_scalar())
    table = group.fixed_base(base)
    exponents = [0, 1, 2, 255, 256, group.q - 1, *(group.random_scalar() for _ in range(8))]
    expected = [group.power(base, exponent) for exponent in exponents]
    assert group.powers(base, exponents) == expected
    assert [table.power(exponent) for exponent in exponents] == expected
    assert [group.secret_power(base, exponent) for exponent in exponents] == expected
    assert group.powers_and_membership(base, exponents) == (expected, True)
    assert [group.g_power(e) for e in exponents] == [group.secret_power(group.g, e) for e in exponents]


@pytest.mark.parametrize("bits", [1, 8, 64, 256, 257, 2047])
def test_tables_and_shared_squarings_agree_with_pow(bits: int) -> None:
    modulus, base = BELENIOS_2048.p, secrets.randbelow(BELENIOS_2048.p)
    exponents = [secrets.randbits(bits) for _ in range(4)] + [2**bits - 1, 0]
    expected = [pow(base, exponent, modulus) for exponent in exponents]
    assert powers(base, exponents, modulus) == expected
    assert [PowerTable(base, modulus, bits).power(exponent) for exponent in exponents] == expected


@each_group
def test_group_laws(group: Group) -> None:
    a, b = group.random_scalar(), group.random_scalar()
    left, right = group.g_power(a), group.g_power(b)
    assert group.multiply(left, right) == group.g_power((a + b) % group.q)
    assert group.multiply(left, group.inverse(left)) == 1
    assert group.multiply(left, 1) == left
    assert group.power(left, b) == group.power(right, a)
    assert group.product([left, right, 1]) == group.multiply(left, right)
    assert group.product([]) == 1


@each_group
def test_text_and_number_are_one(group: Group) -> None:
    element = group.g_power(group.random_scalar())
    assert group.parse_member(group.text(element)) == element
    assert group.parse_member(group.text(1)) == 1


def small_orders() -> list[int]:
    """Numbers of order 2, 3 and 6 modulo the prime of BELENIOS-2048."""
    p = BELENIOS_2048.p
    sixth = next(x for base in range(2, 50) if pow(x := pow(base, (p - 1) // 6, p), 2, p) != 1 and pow(x, 3, p) != 1)
    return [p - 1, pow(sixth, 2, p), sixth]


def test_an_element_times_a_number_of_small_order_is_no_element() -> None:
    """What a Jacobi symbol or a random combination would let pass."""
    group = BELENIOS_2048
    element = group.g_power(group.random_scalar())
    for small in small_orders():
        stranger = element * small % group.p
        assert not group.is_element(small)
        assert not group.is_element(stranger)
        assert not group.powers_and_membership(stranger, [group.random_scalar()])[1]


@pytest.mark.parametrize("group", [BELENIOS_2048, RFC_3526_2048], ids=lambda group: group.name)
def test_zero_and_numbers_from_p_on_are_no_elements(group: Group) -> None:
    for number in (0, -1, group.p, group.p + group.g, group.p - group.g):
        assert not group.is_element(number)
    assert not group.powers_and_membership(0, [5])[1]


@pytest.mark.parametrize(
    "text", ["", "0", "01", "+2", " 2", "2 ", "-1", "1e3", "0x2", "\u0662", "9" * 618, 2, None, "2.0"]
)
def test_only_canonical_decimals_are_elements(text: object) -> None:
    with pytest.raises(MalformedJson):
        BELENIOS_2048.parse_member(text)


@pytest.mark.parametrize("text", ["", "0" * 64, "f" * 64, "A" * 64, "1", "0" * 63 + "g", "0" * 65, 1])
def test_only_encodings_of_the_prime_order_subgroup_are_elements_of_ed25519(text: object) -> None:
    with pytest.raises(MalformedJson):
        ED25519.parse_member(text)


def test_points_of_small_order_are_no_elements_of_ed25519() -> None:
    p = ED25519.p
    order_2, order_4 = p - 1, 0  # (0, -1) and (sqrt(-1), 0)
    torsioned = int.from_bytes(edwards_encode(edwards_add(edwards_decode(ED25519.g), (0, p - 1))), "little")
    for number in (order_2, order_4, torsioned, p + 1, 2**256):
        assert not ED25519.is_element(number)


@each_group
def test_challenges_are_hashes_of_text(group: Group) -> None:
    import hashlib

    digest = hashlib.sha256(f"x|{group.text(group.g)},{group.text(1)}".encode()).digest()
    assert group.hash_to_scalar("x|", group.g, 1) == int.from_bytes(digest, "big") % group.q


def test_ed25519_agrees_with_the_formulas_of_the_curve() -> None:
    """Additions and multiples by libsodium against the textbook formulas of twisted Edwards curves."""
    group = ED25519
    for _ in range(5):
        a, b = group.random_scalar(), group.random_scalar()
        left, right = (edwards_multiply(scalar, edwards_decode(group.g)) for scalar in (a, b))
        assert group.g_power(a) == edwards_number(left)
        assert group.multiply(group.g_power(a), group.g_power(b)) == edwards_number(edwards_add(left, right))
        assert group.power(edwards_number(left), b) == edwards_number(edwards_multiply(b, left))
        assert group.is_element(edwards_number(left))


def test_ed25519_text_is_the_encoding_with_its_bytes_reversed() -> None:
    assert ED25519.text(ED25519.g) == bytes.fromhex("58" + "66" * 31)[::-1].hex()
    assert ED25519.text(1) == "0" * 63 + "1"


Point = tuple[int, int]
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def edwards_add(left: Point, right: Point) -> Point:
    """The addition law of -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032)."""
    (x1, y1), (x2, y2) = left, right
    product = D * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P,
    )


def edwards_multiply(scalar: int, point: Point) -> Point:
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = edwards_add(result, point)
        point, scalar = edwards_add(point, point), scalar >> 1
    return result


def edwards_decode(number: int) -> Point:
    """The point whose encoding is the number: y, and the parity of x in the highest bit."""
    y, sign = number & (2**255 - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x if x & 1 == sign else P - x), y


def edwards_encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def edwards_number(point: Point) -> int:
    return int.from_bytes(edwards_encode(point), "little")
