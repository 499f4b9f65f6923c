"""Wrong requests, made from a right one by changing one thing at a time.

Every value that is put in carries a mark, by which an answer or a log that repeats it is found.
"""

import copy
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from services.shared.fields import BASE58
from services.shared.problems import Malformed
from services.shared.requests import parse_json
from tests.service.routes_under_test import Route

MARK = "zqxMark"
MARKED_NUMBER = 8675309 * 10**23
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LONG = 100_000
NOT_DECLARED = "PATCH"

_numbers = itertools.count(1)


def mark() -> str:
    """A text that stands nowhere else, in the letters of an id."""
    number, letters = next(_numbers), ""
    while number:
        number, digit = divmod(number, 58)
        letters += BASE58[digit]
    return f"{MARK}{letters}x"


@dataclass(frozen=True)
class Wrong:
    """One wrong request. `code` is the problem that it must be told; `statuses` are those that it may get."""

    what: str
    method: str
    path: str
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    statuses: frozenset[int] = frozenset(range(400, 500))
    shown_again: bool = False  # a page shows what was typed to the person who typed it
    page: bool = False  # a page is the answer for programs too


# Bodies of JSON

# An object whose members have names of the sender's choice.
FREE = ("facts",)


class Raw(str):
    """Text that stands in a body as it is."""

    __slots__ = ()


def render(value: Any) -> bytes:
    """JSON as `json` writes it, with raw parts."""
    raws: list[str] = []

    def replaced(part: Any) -> Any:
        if isinstance(part, Raw):
            raws.append(part)
            return f"@raw{len(raws) - 1}@"
        if isinstance(part, dict):
            return {name: replaced(member) for name, member in part.items()}
        return [replaced(entry) for entry in part] if isinstance(part, list) else part

    text = json.dumps(replaced(value))
    for number, raw in enumerate(raws):
        text = text.replace(f'"@raw{number}@"', raw)
    return text.encode()


Place = tuple[str | int, ...]


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place within a JSON value, with what stands there."""
    yield place, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in entries:
        yield from places(member, (*place, name))


def put(body: Any, place: Place, value: Any) -> bytes:
    """The body with something else at one place."""
    if not place:
        return render(value)
    changed = copy.deepcopy(body)
    target = changed
    for name in place[:-1]:
        target = target[name]
    target[place[-1]] = value
    return render(changed)


def doubled(members: dict[str, Any]) -> Raw:
    """An object whose first member is given twice."""
    name, value = next(iter(members.items()))
    return Raw("{" + json.dumps(name) + ": " + json.dumps(value) + ", " + json.dumps(members)[1:])


def impossible_values(place: Place, value: Any) -> Iterator[tuple[str, Any, str | None]]:
    """What no body may hold in place of a value, and the problem that it is."""
    if isinstance(value, str):
        yield "NUL", mark() + "\x00", "not-storable"
        yield "half a surrogate pair", mark() + "\ud800", "not-storable"
    if not isinstance(value, dict | list):
        yield "NaN", Raw("NaN"), "not-json"
        yield "minus infinity", Raw("-Infinity"), "not-json"
        yield "1e400", Raw("1e400"), "not-json"
    if isinstance(value, int) and not isinstance(value, bool):
        yield "a huge number", MARKED_NUMBER, None
    if isinstance(value, dict):
        if place[-1:] != FREE:
            yield "an unknown member", {**value, "unknown_member": mark()}, "invalid-form"
        if value:
            yield "a member twice", doubled(value), "duplicate-key"


def other_values(value: Any) -> Iterator[tuple[str, Any]]:
    """What is probably wrong in place of a value: of another type, out of range, too long, missing."""
    yield "a text", mark()
    yield "a long text", mark() * (LONG // 10)
    yield "a list", [mark()]
    yield "an object", {"a": mark()}
    yield "a truth", True
    yield "null", None
    yield "a negative number", -MARKED_NUMBER
    yield "minus one", -1
    yield "a fraction", 0.5
    if isinstance(value, list) and value:
        yield "a long list", value[:1] * (LONG // len(json.dumps(value[0])))
    if isinstance(value, dict):
        for name in value:
            yield f"no {name}", {other: member for other, member in value.items() if other != name}


def takes(model: type[BaseModel] | None, raw: bytes) -> bool:
    """Whether the contract itself takes a body; what it does not say is wrong, is not called wrong here."""
    try:
        return model is not None and bool(model.model_validate(parse_json(raw)))
    except (ValidationError, Malformed):
        return False


def wrong_bodies(model: type[BaseModel] | None, body: Any) -> Iterator[tuple[str, bytes, str | None]]:
    """Bodies that a route must refuse; `model` is None where the route reads the body itself."""
    yield "no body", b"", None
    yield "no JSON", f'{{"{mark()}'.encode(), "not-json"
    yield "no UTF-8", b'"\xff"', "not-json"
    yield "deeply nested", b"[" * 100_000, "not-json"
    for place, value in places(body):
        at = "/".join(str(name) for name in place)
        for what, impossible, code in impossible_values(place, value):
            yield f"{what} at {at}", put(body, place, impossible), code
        for what, other in other_values(value):
            raw = put(body, place, other)
            if other != value and not takes(model, raw):
                yield f"{what} at {at}", raw, "invalid-form"


# Paths and queries

MALFORMED = ("0OIl-{}", "{}%00", "{}%ED%A0%80", "{}%FF", "{}%0A", "..%2F{}", "%20{}", "{}" + "1" * 5000)
WRONG_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "page": ("{}", "-1", "1e3", "100000", str(MARKED_NUMBER), "%00"),
    "digest": ("{}", "A" * 64, "0" * 63, "0" * 65, "%00"),
    "tracker": ("{}", "A" * 42, "A" * 44, "A" * 65, "%00", "%C3%A9" * 43, "A" * 42 + "%0A"),
    "step": ("{}", "%00"),
    "name": ("{}", "{}%00", "..%2F..%2Fapp.py{}", "%FF{}"),
    "version": (),
}


def wrong_paths(route: Route, values: dict[str, str], *, unknown: bool) -> Iterator[tuple[str, str]]:
    """Paths of which one part is malformed or (with `unknown`) names nothing."""
    for name in route.parameters:
        wrong = [form.format(mark()) for form in WRONG_PARAMETERS.get(name, MALFORMED)]
        if unknown and name not in WRONG_PARAMETERS:
            wrong.append((mark() + "1" * 22)[:22])
        for value in wrong:
            yield f"{name} = {value[:40]}", route.path({**values, name: value})


NUMBERS = ("{}", "", "1e3", "NaN", "0x10", "%00", str(-MARKED_NUMBER), str(MARKED_NUMBER))
WRONG_QUERIES: Mapping[str, tuple[str, ...]] = {
    "ballot after": (*NUMBERS, "-2"),
    "ballot limit": (*NUMBERS, "0", "501"),
    "ballot list_used after": ("{}", "-1", "01", "1e3", "%00", "9" * 702),
    "election after": (*NUMBERS, "-1"),
    "voter limit": (*NUMBERS, "0", "501"),
    "voter query": ("{}%00", "{}" + "x" * 300),
    "voter after": ("{}%00", "{}" + "x" * 600),
    "voter all_or_nothing": ("{}", "", "2", "%00"),
    "frontend list_voters after": ("{}%00",),
    "frontend after": ("{}", "1e3", "%00"),
    "frontend number": ("{}", "1e3", "%00"),
    "frontend query": ("{}%00",),
}


def wrong_queries(route: Route) -> Iterator[tuple[str, str]]:
    """Query strings of which one parameter is wrong; raises KeyError for a number that no table knows."""
    for name, annotation in route.queries:
        key = f"{route.service} {route.name} {name}"
        wrong = WRONG_QUERIES.get(key, WRONG_QUERIES.get(f"{route.service} {name}"))
        if wrong is None and annotation is str and route.service == "frontend":
            continue  # words in an address that choose among sentences; an unknown word chooses none
        if wrong is None:
            raise KeyError(f"what is wrong for the parameter {name} of {route}?")
        for form in wrong:
            yield f"{name} = {form[:40]}", f"{name}={form.format(mark())}"


# Forms


def form_text(fields: Mapping[str, str]) -> bytes:
    """A form as browsers send it."""
    return urlencode(fields).encode()


def wrong_forms(fields: Mapping[str, str], csrf: str) -> Iterator[tuple[str, bytes, str]]:
    """Forms that no route may read."""
    yield "no body", b"", "foreign-request"
    yield "no token", form_text({name: value for name, value in fields.items() if name != csrf}), "foreign-request"
    yield "another token", form_text({**fields, csrf: mark()}), "foreign-request"
    yield "no ASCII", form_text(fields) + "&x=é".encode(), "malformed"
    yield "no pairs", form_text(fields) + f"&{mark()}".encode(), "malformed"
    yield "many fields", form_text(fields) + b"&x=1" * 5_000, "malformed"
    for name in fields:
        rest = form_text({other: value for other, value in fields.items() if other != name})
        for what, bad in (("NUL", "%00"), ("half a surrogate pair", "%ED%A0%80"), ("no UTF-8", "%FF")):
            yield f"{what} in {name}", rest + f"&{name}={mark()}{bad}".encode(), "malformed"
