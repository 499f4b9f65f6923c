"""Strict JSON in, canonical JSON out.

Promises:
- Whatever bytes come in, the outcome is a value or `MalformedJson`; never another exception, whether the text nests
  too deep, names a member twice, holds NaN, an infinite number, a lone surrogate or an integer of a million digits.
- What goes out has no blanks, members in the order given, and UTF-8 text as it is: the bytes that every
  implementation of the protocol hashes.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, NoReturn

# Belenios writes larger counts and weights as strings, because its smallest platform has 31-bit integers.
LARGEST_JSON_INTEGER = 2**30 - 1
_ELEMENT = re.compile(r"0|[1-9][0-9]{0,616}|[0-9a-f]{64}", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
# The decimals of a 2048-bit number have 617 digits; anything much longer is not a number of this protocol.
_LONGEST_DECIMAL = 1000


class MalformedJson(ValueError):
    """The bytes are not the JSON that was expected; the message says where and why, without quoting them."""


def parse_json(raw: bytes) -> Any:
    """Parse UTF-8 JSON, refusing what two parsers could read differently."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
        if b"\\u" in raw:  # only an escape can smuggle in half a surrogate pair
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except MalformedJson:
        raise
    except UnicodeError as error:
        raise MalformedJson("the text is not valid Unicode") from error
    except RecursionError as error:
        raise MalformedJson("the JSON is nested too deep") from error
    except ValueError as error:  # syntax, or an integer beyond Python's limit of digits
        raise MalformedJson("the text is not JSON") from error
    return value


def render_json(value: Any) -> bytes:
    """Canonical bytes of a JSON value."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def members(value: Any, *names: str, optional: tuple[str, ...] = ()) -> list[Any]:
    """Values of an object whose members are exactly `names`, in this order.

    Those in `optional` may be left out, and then count as None.
    """
    if not isinstance(value, dict):
        raise MalformedJson("an object was expected")
    present = [name for name in names if name in value or name not in optional]
    if list(value) != present:
        raise MalformedJson(f"an object with the members {', '.join(names)} in this order was expected")
    return [value.get(name) for name in names]


def array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MalformedJson("an array was expected")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedJson("a string was expected")
    return value


def small_integer(value: Any) -> int:
    """A JSON number without fraction (a boolean is none)."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedJson("a whole number was expected")
    return value


def decimal(value: Any) -> int:
    """A number written as a string of decimal digits without leading zero."""
    if not isinstance(value, str) or len(value) > _LONGEST_DECIMAL or not _DECIMAL.fullmatch(value):
        raise MalformedJson("a decimal number in a string was expected")
    return int(value)


def element_text(value: Any) -> str:
    """A string that may spell an element of some group of the protocol."""
    if not isinstance(value, str) or not _ELEMENT.fullmatch(value):
        raise MalformedJson("a group element was expected")
    return value


def natural(value: Any) -> int:
    """A count or a weight: a JSON number, or (any size allowed by `decimal`) a string."""
    number = decimal(value) if isinstance(value, str) else small_integer(value)
    if number < 0:
        raise MalformedJson("a number of at least 0 was expected")
    return number


def render_natural(number: int) -> int | str:
    return number if number <= LARGEST_JSON_INTEGER else str(number)


def base64_digest(raw: bytes) -> str:
    """SHA-256 in base64 without padding: 43 characters. Fingerprints, ballot hashes and trackers have this form."""
    return b64encode(hashlib.sha256(raw).digest()).decode("ascii").rstrip("=")


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJson("an object names a member twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")
