"""How one service calls another.

- Every wait is bounded. Only idempotent calls are repeated, and repeats are at most a tenth of the calls (a budget).
- A dependency that keeps failing is left alone for a moment (a circuit breaker): its callers answer 503 at once.
- A refusal (4xx) is the callee's answer, not a failure: it neither counts against the callee nor is it repeated.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from observability.telemetry.calls import Call, calling
from services.shared.identity import Caller
from services.shared.metrics import note_call
from services.shared.problems import Unavailable

Reply = TypeVar("Reply")

TIMEOUT = httpx.Timeout(10, connect=2, pool=2)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4)
ATTEMPTS = 3
BACKOFF_SECONDS = 0.1
BREAKER_FAILURES = 5
BREAKER_SECONDS = 2
BUDGET_MAX = 10.0
BUDGET_PER_CALL = 0.1

adapters: dict[Any, TypeAdapter[Any]] = {}


class DependencyDown(Unavailable):
    """A service that this one needs does not answer."""

    code = "dependency-down"


class Refused(Exception):
    """The callee's refusal, for the caller to understand: its status, its problem type and its sentence."""

    def __init__(self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        super().__init__(f"{status} {problem.get('type')}")
        self.status = status
        self.problem = problem
        self.headers = headers

    @property
    def type(self) -> str:
        """The problem's type without the common prefix."""
        return str(self.problem.get("type", "")).rpartition(":")[2]

    @property
    def detail(self) -> str:
        """The problem's sentence."""
        return str(self.problem.get("detail", ""))


class Breaker:
    """Opens after BREAKER_FAILURES failures in a row; lets one call in each BREAKER_SECONDS try again."""

    def __init__(self) -> None:
        self.failures = 0
        self.retry_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused at present."""
        return self.failures >= BREAKER_FAILURES and time.monotonic() < self.retry_at

    def admit(self) -> bool:
        """Whether this call may go out; when the breaker is half open the first to ask is the one that tries."""
        if self.is_open:
            return False
        if self.failures >= BREAKER_FAILURES:
            self.retry_at = time.monotonic() + BREAKER_SECONDS
        return True

    def succeeded(self) -> None:
        """The callee answers."""
        self.failures = 0

    def failed(self) -> None:
        """The callee does not answer."""
        self.failures += 1
        self.retry_at = time.monotonic() + BREAKER_SECONDS


class ServiceClient:
    """Base of the typed clients: one method per route, of the same name, each a single `call`.

    `caller` is None for those who are no service (a command, for instance). `bearer` hands on an organiser's token.
    """

    service: str

    def __init__(self, base_url: str, *, caller: Caller | None = None, http: httpx.AsyncClient | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.caller = caller
        self.http = http or httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS)
        self.breaker = Breaker()
        self.budget = BUDGET_MAX

    async def close(self) -> None:
        """Ends the connections."""
        await self.http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        reply: type[Reply],
        *,
        body: BaseModel | bytes | AsyncIterable[bytes] | None = None,
        content_type: str = "application/json",
        params: Mapping[str, Any] | None = None,
        bearer: str | None = None,
        scheme: str = "Bearer",
        idempotent: bool | None = None,
        client_address: str | None = None,
        patience: httpx.Timeout = TIMEOUT,
    ) -> Reply:
        """One call. `reply` is a contract's model, or bytes, str or type(None). A body in pieces is sent only once.

        `client_address` is whom we ask for; a callee believes it of the proxies in its settings.

        Raises:
            DependencyDown: no answer, or an answer of 5xx, after all attempts.
            Refused: an answer of 4xx.
        """
        if idempotent is None:
            idempotent = method in {"GET", "PUT", "DELETE", "HEAD"} and not isinstance(body, AsyncIterable)
        headers = self._headers(bearer, scheme)
        content = body.model_dump_json().encode() if isinstance(body, BaseModel) else body
        if content is not None:
            headers["Content-Type"] = content_type
        if client_address is not None:
            headers["X-Forwarded-For"] = client_address
        request = self.http.build_request(
            method, self.base_url + path, params=params, content=content, headers=headers, timeout=patience
        )
        response = await self._send(request, attempts=ATTEMPTS if idempotent else 1)
        return _parse(response, reply)

    @asynccontextmanager
    async def stream(self, path: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.Response]:
        """A GET whose answer is too large to hold; raises as `call` does before the first byte."""
        request = self.http.build_request(
            "GET", self.base_url + path, headers=self._headers(None, "Bearer") | dict(headers or {})
        )
        response = await self._send(request, attempts=1, stream=True)
        try:
            if response.status_code >= 400:
                await response.aread()
                raise _refusal(response)
            yield response
        finally:
            await response.aclose()

    def _headers(self, bearer: str | None, scheme: str) -> dict[str, str]:
        if bearer is None and self.caller is not None:
            bearer = self.caller.token(self.service)
        return {"Authorization": f"{scheme} {bearer}"} if bearer else {}

    async def _send(self, request: httpx.Request, *, attempts: int, stream: bool = False) -> httpx.Response:
        with calling(self.service, request.method) as call:
            request.headers.update(call.headers)
            response = await self._try(request, call, attempts=attempts, stream=stream)
            call.answered(response.status_code)
            return response

    async def _try(self, request: httpx.Request, call: Call, *, attempts: int, stream: bool) -> httpx.Response:
        self.budget = min(BUDGET_MAX, self.budget + BUDGET_PER_CALL)
        for attempt in range(attempts):
            if attempt:
                if self.budget < 1:
                    break
                self.budget -= 1
                jitter = 0.5 + random.random()  # noqa: S311  # no secret
                await asyncio.sleep(BACKOFF_SECONDS * 2**attempt * jitter)
            if not self.breaker.admit():
                break
            try:
                response = await self.http.send(request, stream=stream)
            except httpx.TransportError as error:
                call.failed(error)
                self._note(answered=False)
                continue
            if response.status_code < 500:
                self._note(answered=True)
                return response
            if stream:
                await response.aclose()
            # A 503 is a callee that lives and says so; it is not asked again at once, nor is it a reason to cut it off.
            if response.status_code == 503:
                break
            self._note(answered=False)
        raise DependencyDown(f"The service {self.service} does not answer.", dependency=self.service)

    def _note(self, *, answered: bool) -> None:
        if answered:
            self.breaker.succeeded()
        else:
            self.breaker.failed()
        note_call(self.service, answered=answered, is_open=lambda: self.breaker.is_open)


def _refusal(response: httpx.Response) -> Refused:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    return Refused(response.status_code, problem if isinstance(problem, dict) else {}, response.headers)


def _parse(response: httpx.Response, reply: type[Reply]) -> Reply:
    if response.status_code >= 400:
        raise _refusal(response)
    if reply is type(None):
        return None
    if reply is bytes:
        return response.content  # type: ignore[return-value]  # Reply is bytes here
    if reply is str:
        return response.text  # type: ignore[return-value]  # Reply is str here
    if reply not in adapters:
        adapters[reply] = TypeAdapter(reply)
    value: Reply = adapters[reply].validate_json(response.content)
    return value
