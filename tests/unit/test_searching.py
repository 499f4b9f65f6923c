"""The search by which other tests find nothing finds what there is: each disguise is planted and found."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.stack.searching import DIGESTS, Secret, readable, search

VALUE = 'ada"lovelace/é@example.org'
SECRET = Secret("address", VALUE)
RAW = VALUE.encode()


def digest(name: str) -> bytes:
    return hashlib.new(name, RAW).digest()


DISGUISES: dict[str, Callable[[], bytes]] = {
    "itself": lambda: RAW,
    "in an address": lambda: quote(VALUE, safe="").encode(),
    "in lower case in an address": lambda: quote(VALUE, safe="").lower().encode(),
    "in JSON": lambda: json.dumps({"to": VALUE}).encode(),
    "in JSON within JSON": lambda: json.dumps(json.dumps(VALUE)).encode(),
    "in a page": lambda: b"<p>" + VALUE.replace('"', "&quot;").encode(),
    **{f"in base64 after {n}": lambda n=n: base64.b64encode(b"xyz"[:n] + RAW + b"!") for n in range(3)},  # type: ignore[misc]  # mypy knows no such default
    "in hexadecimal": lambda: RAW.hex().encode(),
    "in capital hexadecimal": lambda: RAW.hex().upper().encode(),
    **{f"its {name}": lambda name=name: digest(name).hex().encode() for name in DIGESTS},  # type: ignore[misc]  # the same
    **{f"its {name} raw": lambda name=name: digest(name) for name in DIGESTS},  # type: ignore[misc]  # the same
    **{f"its {name} in base64": lambda name=name: base64.urlsafe_b64encode(digest(name)) for name in DIGESTS},  # type: ignore[misc]  # the same
    **{f"{name} cut": lambda name=name: b"user=" + digest(name).hex()[:8].encode() for name in DIGESTS},  # type: ignore[misc]  # the same
    "its beginning": lambda: RAW[:8],
}
# As Snappy writes it: 64 bytes, of which 37 are a literal and 27 the same as 28 bytes before.
SNAPPY = bytes([64, 36 << 2, *b"to=" * 3, *RAW, *b"\n", 26 << 2 | 2, 28, 0])


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_secret_is_found_in_every_disguise(disguise: str) -> None:
    around = b'{"line": 17, "user": "' + DISGUISES[disguise]() + b'", "time": 12}'
    assert search({"sink": around}, [SECRET]), disguise


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_secret_is_found_in_what_is_compressed(disguise: str) -> None:
    content = b"\0\1\2" + gzip.compress(b"x" * 500 + DISGUISES[disguise]()) + b"rest"
    assert search({"file": content}, [SECRET])


def test_what_snappy_compresses_is_found_wherever_it_stands() -> None:
    assert b"to=to=to=" + RAW + b"\n" + RAW in b"".join(readable(b"\xff\x00PAR1" + SNAPPY + b"PAR1"))


def test_what_nobody_planted_is_not_found() -> None:
    others = [Secret("other", "bob@example.com"), Secret("port", "45678", number=True)]
    assert search({"sink": b"".join(make() for make in DISGUISES.values()) + b" 145678 0.45678 456789"}, others) == []


def test_a_number_is_found_where_it_stands_alone() -> None:
    (hit,) = search({"spans": b"x" * 200 + b"127.0.0.1:45678 "}, [Secret("port", "45678", number=True)])
    assert (hit.sink, hit.secret, hit.disguise) == ("spans", "port", "itself")


def test_a_compression_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(AssertionError, match="zstd"):
        search({"file": b"\x28\xb5\x2f\xfd rest"}, [SECRET])
