"""Every wrong request to a route, from the one that is right: see `right_requests` and `wrong_requests`."""

import json
from collections.abc import Iterator

from services.frontend.csrf import FIELD
from tests.service.bad_input_stage import CSRF, Stage
from tests.service.right_pages import RIGHT
from tests.service.right_requests import Right, Things
from tests.service.routes_under_test import Route
from tests.service.wrong_requests import (
    FORM,
    JSON,
    NOT_DECLARED,
    Wrong,
    form_text,
    mark,
    wrong_bodies,
    wrong_forms,
    wrong_paths,
    wrong_queries,
)

BOUNDARY = "between"
# Calls of a script: a browser that goes there without the trustee's code is sent to where one signs in.
TO_SIGN_IN = {("frontend", "read_trustee_page"), ("frontend", "publish_trustee_key")}


def right_of(stage: Stage, route: Route) -> tuple[Right, Things]:
    right = RIGHT[route.key]
    return right, stage.things[right.state]


def content_of(route: Route, right: Right, things: Things) -> tuple[bytes | None, dict[str, str]]:
    """The right body and its content type."""
    if right.form is not None:
        return form_text({FIELD: CSRF, **right.form}), {"Content-Type": FORM}
    if route.key == ("frontend", "import_roll"):
        return multipart(), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    if right.body is None:
        return None, {}
    body = right.body(things)
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return raw, {"Content-Type": route.media_type or JSON}


def multipart(token: str = CSRF, roll: str = "address,name\nada@example.org,Ada\n") -> bytes:
    """The form by which a roll is imported."""
    lines = [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{FIELD}"', "", token]
    lines += [f"--{BOUNDARY}", 'Content-Disposition: form-data; name="file"; filename="roll.csv"', "", roll]
    return "\r\n".join([*lines, f"--{BOUNDARY}--", ""]).encode()


def of_address(stage: Stage, route: Route) -> Iterator[Wrong]:
    """Another method, wrong parts of the path, wrong parameters, an election of somebody else."""
    right, things = right_of(stage, route)
    content, kind = content_of(route, right, things)
    headers = stage.authorization(route, things) | kind
    path = route.path(things.values)
    yield Wrong("another method", NOT_DECLARED, path, None, headers, "method-not-allowed", frozenset({405}))
    for what, wrong in wrong_paths(route, things.values, unknown=right.unknown_refused):
        statuses = frozenset({400, 401, 404, 409, 422} | ({303} if route.key in TO_SIGN_IN else set()))
        yield Wrong(what, route.method, wrong, content, headers, statuses=statuses, page=right.page)
    for what, query in wrong_queries(route):
        yield Wrong(what, route.method, f"{path}?{query}", content, headers, statuses=frozenset({422}))
    if route.kind in {"organiser", "session"} and "election_id" in route.parameters:
        theirs = stage.authorization(route, things, stranger=True) | kind
        yield Wrong("another organiser's election", route.method, path, content, theirs, statuses=frozenset({404}))


def of_body(stage: Stage, route: Route) -> Iterator[Wrong]:
    """Bodies that are no JSON or no such message, and right ones that do not say that they are JSON."""
    right, things = right_of(stage, route)
    path, headers = route.path(things.values), stage.authorization(route, things)
    assert right.body is not None
    body = right.body(things)
    its_own = route.model is None  # the route reads the exact bytes itself
    for what, raw, code in wrong_bodies(route.model, body):
        expected = "too-large" if len(raw) > route.limit else None if its_own else code
        yield Wrong(what, route.method, path, raw, headers | {"Content-Type": JSON}, expected)
    for kind in ("text/plain", FORM, f"multipart/form-data; boundary={BOUNDARY}", "application/jsonl", None):
        stated = {"Content-Type": kind} if kind else {}
        raw = json.dumps(body).encode()
        statuses = frozenset({415, 422})
        yield Wrong(f"content type {kind}", route.method, path, raw, headers | stated, statuses=statuses)


def of_form(stage: Stage, route: Route) -> Iterator[Wrong]:
    """Forms that cannot be read, that were not made by us, and that another site has sent."""
    right, things = right_of(stage, route)
    path, headers = route.path(things.values), stage.authorization(route, things)
    assert right.form is not None
    fields = {FIELD: CSRF, **right.form}
    for what, raw, code in wrong_forms(fields, FIELD):
        yield Wrong(what, "POST", path, raw, headers | {"Content-Type": FORM}, code)
    for kind in ("text/plain", JSON, f"multipart/form-data; boundary={BOUNDARY}", None):
        stated = {"Content-Type": kind} if kind else {}
        statuses = frozenset({403, 415})
        yield Wrong(f"content type {kind}", "POST", path, form_text(fields), headers | stated, statuses=statuses)
    for site in ("cross-site", "same-site", "none", mark()):
        foreign = headers | {"Content-Type": FORM, "Sec-Fetch-Site": site}
        yield Wrong(f"from {site}", "POST", path, form_text(fields), foreign, "foreign-request")
    no_cookie = {name: value for name, value in headers.items() if name != "Cookie"} | {"Content-Type": FORM}
    yield Wrong("no cookie", "POST", path, form_text(fields), no_cookie, statuses=frozenset({303, 401, 403}))


def of_upload(stage: Stage, route: Route) -> Iterator[Wrong]:
    """Forms with a file that cannot be read."""
    _, things = right_of(stage, route)
    path = route.path(things.values)
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    headers = stage.authorization(route, things)
    for what, raw in {
        "no body": b"",
        "another token": multipart(token=mark()),
        "no token": multipart(token=""),
        "no boundary": mark().encode() * 100,
        "no file": multipart().replace(b'; filename="roll.csv"', b""),
        "a long header": multipart().replace(b"roll.csv", mark().encode() * 1_000),
        "no such columns": multipart(roll=f"{mark()},{mark()}\n1,2"),
    }.items():
        yield Wrong(what, "POST", path, raw, headers | kind, shown_again=True)
    for content_type in (FORM, "text/csv", "multipart/form-data", "multipart/mixed; boundary=x"):
        other = headers | {"Content-Type": content_type}
        yield Wrong(f"content type {content_type}", "POST", path, multipart(), other, statuses=frozenset({415}))


def of_file(stage: Stage, route: Route) -> Iterator[Wrong]:
    """Files that are no roll."""
    right, things = right_of(stage, route)
    path = route.path(things.values)
    content, kind = content_of(route, right, things)
    headers = stage.authorization(route, things)
    for what, raw in {
        "no body": b"",
        "empty cells": b",\n,",
        "no such columns": f"{mark()},{mark()}\n1,2".encode(),
        "a column twice": f"address,address\n{mark()}@example.org,b@example.org".encode(),
    }.items():
        yield Wrong(what, "POST", path, raw, headers | kind)
    for content_type in ("text/plain", JSON, None):
        other = headers | ({"Content-Type": content_type} if content_type else {})
        yield Wrong(f"content type {content_type}", "POST", path, content, other, statuses=frozenset({415}))


def of_state(stage: Stage, route: Route) -> Iterator[Wrong]:
    """The right request in every state in which it is refused."""
    right = RIGHT[route.key]
    for state, status in right.refused.items():
        things = stage.things[state]
        content, kind = content_of(route, right, things)
        headers = stage.authorization(route, things) | kind
        path = route.path(things.values)
        statuses = frozenset({status})
        yield Wrong(state, route.method, path, content, headers, None, statuses, shown_again=True, page=right.page)
