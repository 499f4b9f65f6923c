"""A trace goes on in another service only when the calling service has signed so, and never over the wall."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from opentelemetry.sdk.trace import ReadableSpan

from observability.telemetry.calls import HEADER, Calls, calling, in_transaction, trace_calls
from observability.telemetry.metrics import measuring
from observability.telemetry.middleware import Telemetry
from observability.telemetry.registry import Side, registry
from observability.telemetry.sampling import KeptParts, Manner, traced
from observability.telemetry.side import on_side
from observability.telemetry.tracing import make_provider, trace_requests
from services.shared.client import DependencyDown, Refused, ServiceClient
from services.shared.identity import ALGORITHM, TELLING, TRACE_AUDIENCE, Caller, Callers
from services.shared.problems import NotFound, Unauthenticated

TRACE, SPAN = "ab" * 16, "cd" * 8
CONTEXT = f"00-{TRACE}-{SPAN}-01"
KEYS = {name: Ed25519PrivateKey.generate() for name in ("frontend", "voter", "ballot", "operator")}
PUBLIC = {name: key.public_key() for name, key in KEYS.items()}
UUID = "2" * 20

Spans = dict[Side, list[ReadableSpan]]


@asynccontextmanager
async def service(name: str) -> AsyncIterator[tuple[httpx.AsyncClient, Spans]]:
    """An application with the addresses of a service, which answers the headers that it sees; and what it traces."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})

    async def answer(request: Request) -> dict[str, str]:
        return dict(request.headers)

    for route in registry().routes[name].values():
        app.add_api_route(route.path, answer, methods=list(route.methods))
    spans: Spans = {side: [] for side in Side}
    providers = {side: make_provider(side, {}, KeptParts(spans[side].append, pytest.fail)) for side in Side}
    trace_requests(app, registry(), name, providers)
    outermost = Telemetry(app, registry=registry(), service=name, believe=Callers(name, PUBLIC).tell_of_traces)
    with measuring(name):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(outermost), base_url="http://test") as client:
            yield client, spans


def token(key: Ed25519PrivateKey = KEYS["frontend"], **claims: Any) -> str:
    now = int(time.time())
    told = {"iss": "frontend", "aud": TRACE_AUDIENCE + "auth", "iat": now, "exp": now + 60}
    return jwt.encode(told | claims, key, ALGORITHM)


def signed(key: Ed25519PrivateKey = KEYS["frontend"], context: str = CONTEXT, **claims: Any) -> str:
    return f"{context} {token(key, **claims)}"


async def test_a_trace_goes_on_when_the_calling_service_has_signed_so() -> None:
    async with service("auth") as (client, spans):
        await client.post("/v1/sessions", headers={HEADER: signed()})
    (span,) = spans[Side.IDENTITY]
    assert f"{span.context.trace_id:032x}" == TRACE
    assert span.parent
    assert f"{span.parent.span_id:016x}" == SPAN
    assert span.kind.name == "SERVER"


def now() -> int:
    return int(time.time())


# Made when they are sent: tokens do not last long.
NOT_BELIEVED: dict[str, Callable[[], dict[str, str]]] = {
    "unsigned": lambda: {HEADER: CONTEXT},
    "forged": lambda: {HEADER: signed(Ed25519PrivateKey.generate())},
    "in another's name": lambda: {HEADER: signed(KEYS["voter"])},
    "expired": lambda: {HEADER: signed(iat=now() - 120, exp=now() - 60)},
    "good for ever": lambda: {HEADER: signed(exp=now() + 3600)},
    "for another service": lambda: {HEADER: signed(aud=TRACE_AUDIENCE + "voter")},
    "a token of a call": lambda: {HEADER: signed(aud="auth")},
    "of the ballot side": lambda: {HEADER: signed(KEYS["ballot"], iss="ballot")},
    "of the operator": lambda: {HEADER: signed(KEYS["operator"], iss="operator")},
    "not a context": lambda: {HEADER: signed(context=CONTEXT + "-ada@example.org")},
    "too long": lambda: {HEADER: signed(more="x" * 2000)},
    "of the public": lambda: {
        "traceparent": CONTEXT,
        "tracestate": "a=b",
        "baggage": "a=b",
        "sentry-trace": f"{TRACE}-{SPAN}-1",
    },
}


@pytest.mark.parametrize("why", NOT_BELIEVED)
async def test_any_other_header_is_dropped_and_begins_no_trace(why: str) -> None:
    async with service("auth") as (client, spans):
        seen = (await client.post("/v1/sessions", headers=NOT_BELIEVED[why]())).json()
    (span,) = spans[Side.IDENTITY]
    assert span.parent is None
    assert f"{span.context.trace_id:032x}" != TRACE
    assert not seen.keys() & {HEADER, "traceparent", "tracestate", "baggage", "sentry-trace"}


async def test_two_headers_are_none() -> None:
    async with service("auth") as (client, spans):
        await client.post("/v1/sessions", headers=[(HEADER, signed()), (HEADER, signed())])
    assert spans[Side.IDENTITY][0].parent is None


@pytest.mark.parametrize("path", [f"/v1/public/{UUID}", f"/v1/definitions/{UUID}", "/v1/work", "/health/ready"])
async def test_the_ballot_side_believes_nobody_and_probes_neither(path: str) -> None:
    header = signed(aud=TRACE_AUDIENCE + "election")
    async with service("election") as (client, spans):
        seen = (await client.get(path, headers={HEADER: header})).json()
        await client.get("/v1/elections", headers={HEADER: header})
    assert not seen.keys() & {HEADER, "traceparent"}
    assert [span.name for span in spans[Side.IDENTITY]] == ["list_elections"]
    assert TRACE not in {f"{span.context.trace_id:032x}" for span in spans[Side.BALLOT]}


def test_a_trace_s_token_is_no_caller_s_token() -> None:
    """Whoever hears of a trace must not be able to call in its sender's name."""
    callers = Callers("auth", PUBLIC)
    assert callers.tell_of_traces(token())
    with pytest.raises(Unauthenticated):
        callers.identify(token())
    assert not callers.tell_of_traces(token(aud="auth"))


def test_a_token_is_looked_at_once_believed_until_it_expires_and_few_are_remembered() -> None:
    callers, good, old = Callers("auth", PUBLIC), token(), token(iat=now() - 120, exp=now() - 60)
    assert callers.tell_of_traces(good)
    assert list(callers.telling) == [good]
    assert now() + 50 < callers.telling[good] < now() + 150
    callers.telling[old] = now() - 60.0
    assert not callers.tell_of_traces(old)
    for number in range(TELLING + 10):
        assert callers.tell_of_traces(token(jti=str(number)))
    assert len(callers.telling) <= TELLING


class Callee:
    """What a client of a service sends, and what is answered; `spans` are those of the caller."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.headers: list[httpx.Headers] = []
        self.spans: list[ReadableSpan] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.headers.append(request.headers)
        if self.status == 0:
            raise httpx.ReadTimeout("secret")
        return httpx.Response(self.status, content=json.dumps({"type": "x"}))

    def client(self, name: str) -> ServiceClient:
        client = ServiceClient("http://test", http=httpx.AsyncClient(transport=httpx.MockTransport(self.answer)))
        client.service = name
        return client


@pytest.fixture
def callee() -> Iterator[Callee]:
    """The caller is `frontend`."""
    callee = Callee()
    provider = make_provider(Side.IDENTITY, {}, KeptParts(callee.spans.append, pytest.fail))
    trace_calls(Calls(provider.get_tracer("test"), Caller("frontend", KEYS["frontend"]).trace_token))
    with measuring("frontend"):
        yield callee
    trace_calls(None)


@pytest.mark.parametrize("name", ["auth", "voter", "election"])
async def test_a_call_is_a_span_and_tells_the_callee_which(callee: Callee, name: str) -> None:
    with traced(Manner.ALWAYS):
        await callee.client(name).call("GET", "/x", bytes)
    (span,) = callee.spans
    assert (span.name, span.kind.name) == (name, "CLIENT")
    told = {"uvote.dependency": name, "http.request.method": "GET", "http.response.status_code": 200}
    assert dict(span.attributes or {}) == told
    context, _, given = callee.headers[0][HEADER].partition(" ")
    assert Callers(name, PUBLIC).tell_of_traces(given)
    assert context == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-03"


@pytest.mark.parametrize("name", ["ballot", "result"])
async def test_the_ballot_side_is_never_told_of_a_trace(callee: Callee, name: str) -> None:
    with traced(Manner.ALWAYS):
        await callee.client(name).call("GET", "/x", bytes)
    assert [span.name for span in callee.spans] == [name]
    assert not callee.headers[0].keys() & {HEADER, "traceparent"}


@pytest.mark.parametrize("side", Side)
async def test_on_the_ballot_side_and_in_probes_a_call_is_no_span_and_says_nothing(callee: Callee, side: Side) -> None:
    with on_side(side), traced(Manner.ALWAYS if side is Side.BALLOT else Manner.NEVER):
        await callee.client("election").call("GET", "/x", bytes)
        with in_transaction("ping"):
            pass
    assert callee.spans == []
    assert not callee.headers[0].keys() & {HEADER, "traceparent"}


@pytest.mark.parametrize(("status", "error"), [(0, "ReadTimeout"), (503, "DependencyDown"), (404, None)])
async def test_a_call_without_an_answer_is_an_error_and_a_refusal_is_none(
    callee: Callee, status: int, error: str | None
) -> None:
    callee.status = status
    with traced(Manner.ALWAYS), pytest.raises((DependencyDown, Refused)):
        await callee.client("auth").call("POST", "/x", bytes)
    (span,) = callee.spans
    assert (span.attributes or {}).get("error.type") == error
    assert span.status.is_ok is (error is None)
    assert span.events == ()


def test_a_transaction_is_a_span_that_names_no_value(callee: Callee) -> None:
    with traced(Manner.ALWAYS), pytest.raises(TimeoutError), in_transaction("sign_in"):
        raise TimeoutError("ada@example.org")
    (span,) = callee.spans
    assert dict(span.attributes or {}) == {"uvote.transaction": "sign_in", "error.type": "TimeoutError"}
    assert "ada@" not in span.to_json()


def test_a_transaction_in_which_a_rule_refuses_is_no_error(callee: Callee) -> None:
    with traced(Manner.ALWAYS), pytest.raises(NotFound), in_transaction("sign_in"):
        raise NotFound("There is none.")
    (span,) = callee.spans
    assert dict(span.attributes or {}) == {"uvote.transaction": "sign_in"}
    assert span.status.is_ok


async def test_a_call_within_a_transaction_s_block_is_part_of_the_same_trace(callee: Callee) -> None:
    with traced(Manner.ALWAYS), in_transaction("sign_in"), calling("auth", "GET"):
        pass
    inner, outer = callee.spans
    assert inner.parent
    assert inner.parent.span_id == outer.context.span_id
