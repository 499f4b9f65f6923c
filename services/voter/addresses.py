"""Mail addresses: when two are the same, and which can be mailed.

- Two addresses are the same when their local parts are after NFC and case folding, and their domains in IDNA.
- A mail goes to the address as it was written; only a domain with other letters than ASCII travels in its IDNA form.
- What could end a header or a line of the mail protocol is refused, and so is every other control character.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1.1
ADDRESS_BYTES = 254  # RFC 5321 with its erratum 1690
FORBIDDEN = re.compile(r'[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u2060\ufeff"(),:;<>\[\\\]]')


class InvalidAddress(ValueError):
    """A text is no address; the error's text is a sentence that says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class MailAddress:
    """`written` is where mail goes, `key` what is equal for equal addresses."""

    written: str
    key: str


@lru_cache(maxsize=10_000)
def _ascii_domain(domain: str) -> str:
    try:
        encoded = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise InvalidAddress("The part after @ is not a domain.") from None
    if "." not in encoded or encoded.endswith("."):
        raise InvalidAddress("The part after @ is not a whole domain.")
    return encoded


def _split(text: str) -> tuple[str, str]:
    if any(character in text for character in "\r\n\x00"):
        raise InvalidAddress("The address contains a line break or NUL.")
    local, at, domain = text.partition("@")
    if not at or "@" in domain:
        raise InvalidAddress("An address has exactly one @.")
    if not local or local.startswith(".") or local.endswith(".") or ".." in local:
        raise InvalidAddress("The part before @ is missing or has a dot in a wrong place.")
    if FORBIDDEN.search(local):
        raise InvalidAddress("The part before @ contains a character that no address has.")
    return local, domain


def parse_address(text: str) -> MailAddress:
    """The address in a text, blanks around it taken off; raises InvalidAddress."""
    written = text.strip(" \t")
    local, domain = _split(written)
    try:
        local_bytes = local.encode()
    except UnicodeEncodeError:
        raise InvalidAddress("The part before @ contains half of a surrogate pair.") from None
    ascii_domain = _ascii_domain(domain)
    if len(local_bytes) > LOCAL_BYTES or len(local_bytes) + 1 + len(ascii_domain) > ADDRESS_BYTES:
        raise InvalidAddress("The address is too long.")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    return MailAddress(written, f"{folded}@{ascii_domain}")


def travelling(written: str) -> str:
    """The form in which an address that was parsed before travels: as written, but the domain in ASCII."""
    local, _, domain = written.partition("@")
    return written if domain.isascii() else f"{local}@{_ascii_domain(domain)}"
