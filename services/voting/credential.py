"""Voters' codes (the Belenios credentials of 15 characters) and the public credentials that go with them.

Promises:
- Every one of the 58^14 codes is equally likely, and without the secret codes cannot be told from random ones.
- A code is normalised before a key is derived: with and without dashes would be two different keys.
- The private key of a code passes through constant-time powers only.
"""

import hashlib
import hmac
from dataclasses import dataclass
from itertools import count

from services.voting.canonical import MalformedJson, array, natural, parse_json, render_json, text
from services.voting.group import Group

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CODES = 58**14
_CHECK_MODULUS = 53
_SEPARATORS = "-\u2010\u2011\u2012\u2013\u2014\u2212"  # what mail programs and keyboards make of a dash
_KEY_ITERATIONS = 1000


class InvalidCode(ValueError):
    """A text is no code. `group` (1 to 5) is the first group of three that cannot be right, None if any could be."""

    def __init__(self, message: str, group: int | None = None) -> None:
        super().__init__(message)
        self.group = group


def derive_code(secret: bytes, voter_id: str) -> str:
    """The code of a voter: HMAC-SHA256 blocks over a counter and the id, the first below a multiple of 58^14."""
    limit = 2**256 - 2**256 % CODES
    for counter in count():
        block = hmac.digest(secret, counter.to_bytes(4, "big") + voter_id.encode("utf-8"), "sha256")
        number = int.from_bytes(block, "big")
        if number < limit:
            return _dashed(_digits(number % CODES))
    raise AssertionError  # count() does not end


def normalise_code(typed: str) -> str:
    """The dashed form of what somebody typed, blanks or none, dashes or none; raises InvalidCode."""
    groups = _groups(typed)
    for place, group in enumerate(groups[:5], start=1):
        if not group or any(character not in ALPHABET for character in group):
            raise InvalidCode(f"Group {place} of the code holds a character that no code has.", place)
        if len(group) != 3:
            raise InvalidCode(f"Group {place} of the code does not have three characters.", place)
    if len(groups) != 5:
        raise InvalidCode("The code does not have five groups of three characters.", min(len(groups) + 1, 5))
    digits = "".join(groups)
    if (_value(digits[:14]) + _value(digits[14])) % _CHECK_MODULUS:
        raise InvalidCode("The code has a typing error: its check digit does not fit.")
    return "-".join(groups)


def private_key(code: str, uuid: str, group: Group) -> int:
    """The secret exponent of a code (PBKDF2-HMAC-SHA256, salted with the election); raises InvalidCode."""
    password = normalise_code(code).encode("ascii")
    digest = hashlib.pbkdf2_hmac("sha256", password, uuid.encode("utf-8"), _KEY_ITERATIONS, 32)
    return int.from_bytes(digest, "big") % group.q


def public_credential(code: str, uuid: str, group: Group) -> str:
    """The text of g^s for the private key s of a code; raises InvalidCode."""
    return group.text(group.secret_power(group.g, private_key(code, uuid, group)))


@dataclass(frozen=True, slots=True)
class PublicCredential:
    """One line of the public list: the text of a group element and a whole weight of at least 0."""

    key: str
    weight: int = 1

    @classmethod
    def parse(cls, line: str) -> "PublicCredential":
        """`KEY` or `KEY,WEIGHT`; raises MalformedJson. Whether the key is in the group is not looked at."""
        key, comma, weight = line.partition(",")
        return cls(key, natural(weight)) if comma else cls(key)

    def render(self) -> str:
        return self.key if self.weight == 1 else f"{self.key},{self.weight}"


def parse_credentials(raw: bytes) -> list[PublicCredential]:
    """The public list of an archive; raises MalformedJson, also when a key stands twice."""
    credentials = [PublicCredential.parse(text(line)) for line in array(parse_json(raw))]
    if len({credential.key for credential in credentials}) != len(credentials):
        raise MalformedJson("a credential stands twice in the list")
    return credentials


def render_credentials(credentials: list[PublicCredential]) -> bytes:
    """The public list as it is published: sorted by the number of the key, which unlinks it from the roll."""
    ordered = sorted(credentials, key=lambda credential: _sort_key(credential.key))
    return render_json([credential.render() for credential in ordered])


def _sort_key(key: str) -> tuple[int, str]:
    """Numeric order of decimals without leading zero (and of texts of equal length), without big integers."""
    return len(key), key


def _groups(typed: str) -> list[str]:
    """The groups as typed if dashes or blanks show them, else every three characters."""
    marked = "".join(" " if character in _SEPARATORS else character for character in typed).split()
    if len(marked) == 5:
        return marked
    joined = "".join(marked)
    return [joined[start : start + 3] for start in range(0, len(joined), 3)]


def _value(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 58 + ALPHABET.index(digit)
    return value


def _digits(number: int) -> str:
    """14 base-58 digits and the check digit 53 - (number mod 53)."""
    digits = ALPHABET[_CHECK_MODULUS - number % _CHECK_MODULUS]
    for _ in range(14):
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return digits


def _dashed(digits: str) -> str:
    return "-".join(digits[start : start + 3] for start in range(0, 15, 3))
