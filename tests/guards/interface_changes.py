"""What a change of an OpenAPI document breaks for those who call the service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A member of a body, anywhere within it."""

    required: bool
    kind: str


def breaking_changes(old: Json, new: Json) -> list[str]:
    """In a few words each; empty when old callers can go on."""
    return [
        f"{method.upper()} {path}: {change}"
        for path, operations in old["paths"].items()
        for method, operation in operations.items()
        for change in _changes(old, operation, new, new["paths"].get(path, {}).get(method))
    ]


def _changes(old: Json, before: Json, new: Json, after: Json | None) -> Iterator[str]:
    if after is None:
        yield "is gone"
        return
    yield from (f"no longer lets {who} in" for who in set(before.get("x-access", ())) - set(after["x-access"]))
    yield from _parameter_changes(before, after)
    yield from _request_changes(_body(old, before.get("requestBody")), _body(new, after.get("requestBody")))
    for status in (status for status in before["responses"] if status.startswith("2")):
        if status not in after["responses"]:
            yield f"no longer answers {status}"
        else:
            answers = _body(old, before["responses"][status]), _body(new, after["responses"][status])
            yield from _response_changes(*answers)


def _parameter_changes(before: Json, after: Json) -> Iterator[str]:
    known = {parameter["name"] for parameter in before.get("parameters", [])}
    for parameter in after.get("parameters", []):
        if parameter.get("required") and parameter["name"] not in known:
            yield f"needs the parameter {parameter['name']}"


def _request_changes(before: Mapping[str, Field], after: Mapping[str, Field]) -> Iterator[str]:
    for name, field in after.items():
        was_required = name in before and before[name].required
        # A new object may have required members of its own.
        if field.required and not was_required and _parent_is_known(name, before):
            yield f"needs {name}"
    for name, field in before.items():
        if name not in after:
            yield f"no longer takes {name}"
        elif field.kind != after[name].kind:
            yield f"takes {name} as {after[name].kind}, no longer {field.kind}"


def _response_changes(before: Mapping[str, Field], after: Mapping[str, Field]) -> Iterator[str]:
    for name, field in before.items():
        if name not in after:
            yield f"no longer gives {name}"
        elif field.required and not after[name].required:
            yield f"no longer always gives {name}"
        elif field.kind != after[name].kind:
            yield f"gives {name} as {after[name].kind}, no longer {field.kind}"


def _parent_is_known(name: str, before: Mapping[str, Field]) -> bool:
    parent = name.rpartition(".")[0]
    return not parent or parent in before


def _body(document: Json, body: Json | None) -> dict[str, Field]:
    contents = (body or {}).get("content", {})
    return {
        f"{media}{name}": field
        for media, content in contents.items()
        for name, field in _fields(document, content.get("schema", {}), "", required=True, seen=())
    }


def _fields(
    document: Json, schema: Json, name: str, *, required: bool, seen: tuple[str, ...]
) -> Iterator[tuple[str, Field]]:
    """The schema's members by their paths, itself first; a model within itself is not followed again."""
    reference = schema.get("$ref")
    if reference in seen:
        return
    if reference:
        seen = (*seen, reference)
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    yield name, Field(required, _kind(schema))
    for member, described in schema.get("properties", {}).items():
        needed = member in schema.get("required", ())
        yield from _fields(document, described, f"{name}.{member}", required=needed, seen=seen)
    inner = [
        schema.get("items"),
        schema.get("additionalProperties"),
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
    ]
    for number, described in enumerate(inner):
        if isinstance(described, dict) and described != {"type": "null"}:
            yield from _fields(document, described, f"{name}.[{number}]", required=False, seen=seen)


def _kind(schema: Json) -> str:
    return str(schema.get("type") or ("any of" if "anyOf" in schema or "oneOf" in schema else "anything"))
