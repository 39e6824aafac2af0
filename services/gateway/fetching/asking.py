"""Calls to platforms, over TLS: sent, answered, or what went wrong."""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

import httpx2

from services.gateway.connectors import FETCHERS
from services.gateway.connectors.port import Call, TryLater
from shared.clock import monotonic
from shared.config import Config

TIMEOUT_SECONDS: Final = 15.0
SPACING_SECONDS: Final = 0.1
"""Between two calls of one connection: 10 a second."""
MOST_BYTES: Final = 8 * 1024 * 1024
_SERVER_ERROR, _TOO_MANY = 500, 429


def client() -> httpx2.AsyncClient:
    """The client that all calls share. It goes where it is told and nowhere else."""
    limits = httpx2.Limits(max_connections=50, max_keepalive_connections=20)
    return httpx2.AsyncClient(
        timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False, follow_redirects=False
    )


class Asking:
    """Sends calls, those of one connection not too fast."""

    def __init__(
        self, config: Config, http: httpx2.AsyncClient, clock: Callable[[], float] = monotonic
    ) -> None:
        self._config = config
        self._http = http
        self._clock = clock
        self._next: dict[UUID, float] = {}

    def base(self, source: str) -> str:
        """Where calls of a kind of storefront go."""
        taken = self._config.youzan_url if source == "youzan" else self._config.taobao_url
        return (taken or FETCHERS[source].BASE).rstrip("/")

    async def send(self, connection: UUID, call: Call) -> bytes:
        """The answer to a call. Raises TryLater when there is none, or one that says so."""
        now = self._clock()
        at = max(now, self._next.get(connection, now))
        self._next[connection] = at + SPACING_SECONDS
        await asyncio.sleep(at - now)
        try:
            answer = await self._http.request(
                call.method,
                call.url,
                data=dict(call.form) or None,
                json=dict(call.json) or None,
                headers=dict(call.headers),
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise TryLater(f"no answer: {type(error).__name__}") from error
        if answer.status_code == _TOO_MANY or answer.status_code >= _SERVER_ERROR:
            raise TryLater(f"answered {answer.status_code}")
        if len(answer.content) > MOST_BYTES:
            raise TryLater("the answer is too large")
        return answer.content
