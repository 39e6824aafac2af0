"""The way to the services: the caller's key becomes a five-minute token for one service."""

from collections.abc import Mapping
from typing import Final

import httpx2
from fastapi import Request, Response

from shared.clock import monotonic
from shared.config import Config
from shared.errors import HttpProblem
from shared.http.acting import ADDRESS_HEADER
from shared.http.auth import PROGRAM_HEADER
from shared.http.tokens import Caller, Minter

TOKEN_SECONDS: Final = 240.0
"""How long a minted token is used; it lives for 300 s."""
TIMEOUT_SECONDS: Final = 15.0
MOST: Final = 10_000
SERVICES: Final = ("members", "points", "campaigns", "analytics")
_FORWARDED: Final = (
    "accept",
    "accept-language",
    "content-type",
    "idempotency-key",
    "if-match",
    "traceparent",
)
_RETURNED: Final = (
    "content-type",
    "etag",
    "location",
    "retry-after",
    "idempotent-replayed",
    "www-authenticate",
)


class Proxy:
    """Passes requests on, each with a token of its caller."""

    def __init__(self, config: Config, minter: Minter, client: httpx2.AsyncClient) -> None:
        self._config = config
        self._minter = minter
        self._client = client
        self._tokens: dict[tuple[object, ...], tuple[float, str]] = {}

    async def forward(self, request: Request, caller: Caller, service: str, path: str) -> Response:
        """The service's answer, or 404 for no such service, 503 when it is away."""
        if service not in SERVICES:
            raise HttpProblem(404, "not-found", "No such service.")
        headers = {
            name: value for name in _FORWARDED if (value := request.headers.get(name)) is not None
        }
        headers["authorization"] = f"Bearer {self._token(caller, service)}"
        if caller.program is None and (program := request.headers.get(PROGRAM_HEADER)):
            headers[PROGRAM_HEADER] = program
        headers[ADDRESS_HEADER] = request.client.host if request.client else ""
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            answer = await self._client.request(
                request.method,
                f"{self._config.url_of(service)}/v1/{path}{query}",
                headers=headers,
                content=await request.body(),
            )
        except httpx2.HTTPError as error:
            raise away(service) from error
        kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        return Response(answer.content, answer.status_code, kept)

    async def get(
        self,
        caller: Caller,
        service: str,
        path: str,
        program: str | None,
        query: Mapping[str, str],
    ) -> httpx2.Response:
        """What a service answers to a question of the gateway's own, asked for a caller.

        Raises HttpProblem 503 when it is away.
        """
        return await self._ask("GET", caller, (service, path), program, query=query)

    async def post(
        self,
        caller: Caller,
        service: str,
        path: str,
        program: str | None,
        body: Mapping[str, object],
    ) -> httpx2.Response:
        """As `get`, for a question that no address should hold."""
        return await self._ask("POST", caller, (service, path), program, body=body)

    async def _ask(
        self,
        method: str,
        caller: Caller,
        path: tuple[str, str],
        program: str | None,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> httpx2.Response:
        service, place = path
        headers = {"authorization": f"Bearer {self._token(caller, service)}"}
        if caller.program is None and program is not None:
            headers[PROGRAM_HEADER] = program
        url = f"{self._config.url_of(service)}/v1/{place}"
        try:
            return await self._client.request(method, url, headers=headers, params=query, json=body)
        except httpx2.HTTPError as error:
            raise away(service) from error

    def _token(self, caller: Caller, service: str) -> str:
        key = (
            service,
            caller.subject,
            caller.program,
            caller.permissions,
            caller.stores,
            caller.fields,
            caller.stepped_up_until,
            caller.seconded,
        )
        minted_at, token = self._tokens.get(key, (-TOKEN_SECONDS, ""))
        if monotonic() - minted_at >= TOKEN_SECONDS:
            token = self._minter.mint(
                service,
                caller.subject,
                caller.program,
                sorted(caller.permissions),
                caller.stores,
                fields=caller.fields,
                stepped_up_until=caller.stepped_up_until,
                seconded=caller.seconded,
            )
            if len(self._tokens) >= MOST:
                self._tokens.clear()
            self._tokens[key] = (monotonic(), token)
        return token


def away(service: str) -> HttpProblem:
    """What a caller is told while a service does not answer."""
    detail = f"The service {service} does not answer."
    return HttpProblem(503, "busy", detail, headers={"Retry-After": "5"})


def client() -> httpx2.AsyncClient:
    """The client that all requests to services share."""
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=100)
    return httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)
