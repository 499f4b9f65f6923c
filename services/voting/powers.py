"""Fast powers modulo a prime, for public values: tables for a base used often, shared squarings for one base.

gmpy2's `powmod` is the yardstick: 256 squarings and some 60 multiplications for an exponent of 256 bits.
- `PowerTable` has all squarings behind it: 32 multiplications, an eighth of a `powmod`.
- `powers` raises one base to several exponents and squares only once: three powers for the price of two.
"""

from collections.abc import Iterator, Sequence

import gmpy2  # type: ignore[import-untyped] # gmpy2 has no types

_DIGIT_BITS = 4  # fewest multiplications at 256 bits, and near it at 2048
_DIGITS = 2**_DIGIT_BITS - 1


class PowerTable:
    """Powers of one base from a table of base^(digit * 2^(width * i)): one multiplication per digit of the exponent."""

    def __init__(self, base: int, modulus: int, exponent_bits: int) -> None:
        # 8 bits make 32 x 256 entries (2.5 MB) at 256 bits; for exponents of 2048 bits that would be 20 MB.
        self._width = 8 if exponent_bits <= 256 else 5
        self._modulus = gmpy2.mpz(modulus)
        self._rows = list(self._build(gmpy2.mpz(base), -(-exponent_bits // self._width)))

    def _build(self, base: int, rows: int) -> Iterator[list[int]]:
        for _ in range(rows):
            row = [gmpy2.mpz(1), base]
            for _ in range(2**self._width - 2):
                row.append(row[-1] * base % self._modulus)
            yield row
            base = row[-1] * base % self._modulus

    def power(self, exponent: int) -> int:
        """base^exponent for 0 <= exponent < 2^exponent_bits."""
        result: int = gmpy2.mpz(1)
        modulus, width, mask = self._modulus, self._width, 2**self._width - 1
        for row in self._rows:
            digit = exponent & mask
            if digit:
                result = result * row[digit] % modulus
            exponent >>= width
        return result


def powers(base: int, exponents: Sequence[int], modulus: int) -> list[int]:
    """base^e for each e >= 0 of `exponents`, by Yao's method (1976): the squares base^(2^i) are computed once.

    Each exponent is cut into odd digits of 4 bits; the squares at the places of equal digits are multiplied
    together, and these few products are then raised to their digits.
    """
    if len(exponents) == 1:
        return [gmpy2.powmod(base, exponents[0], modulus)]
    modulus, square = gmpy2.mpz(modulus), gmpy2.mpz(base)
    squares = [square]
    for _ in range(max(exponents).bit_length() - 1):
        square = square * square % modulus
        squares.append(square)
    return [_assemble(squares, gmpy2.mpz(exponent), modulus) for exponent in exponents]


def _assemble(squares: list[int], exponent: int, modulus: int) -> int:
    """The product of squares[i] over the bits i of the exponent."""
    buckets: list[int | None] = [None] * (_DIGITS + 1)
    next_one, place = gmpy2.bit_scan1, gmpy2.bit_scan1(exponent, 0)
    while place is not None:
        digit = exponent >> place & _DIGITS
        bucket = buckets[digit]
        buckets[digit] = squares[place] if bucket is None else bucket * squares[place] % modulus
        place = next_one(exponent, place + _DIGIT_BITS)
    return _raise_to_digits(buckets, modulus)


def _raise_to_digits(buckets: list[int | None], modulus: int) -> int:
    """The product of bucket[d]^d over odd d, as S_1 (S_3 S_5 ...)^2 where S_k is the product of all from k on."""
    running: int = gmpy2.mpz(1)
    doubled: int = gmpy2.mpz(1)
    for bucket in buckets[:1:-2]:
        if bucket is not None:
            running = running * bucket % modulus
        doubled = doubled * running % modulus
    if buckets[1] is not None:
        running = running * buckets[1] % modulus
    return doubled * doubled % modulus * running % modulus
