"""Calls to platforms, over TLS: sent, answered, or what went wrong."""

from datetime import datetime, timedelta
from typing import Final

import httpx2

from services.gateway.connectors import FETCHERS
from services.gateway.connectors.port import Call, NotAuthorised, TryLater
from services.gateway.fetching.pacing import Pacing
from services.gateway.model import Connection
from services.gateway.outbound.connecting import Connecting
from shared.clock import system
from shared.service import Tasking

TIMEOUT_SECONDS: Final = 15.0
PATIENCE: Final = timedelta(seconds=5)
"""A shop that asks for a pause of at most so long is waited for."""
TRIES: Final = 4
MOST_BYTES: Final = 8 * 1024 * 1024
_SERVER_ERROR, _TOO_MANY = 500, 429
_GOOD, _SHUT = 200, {401, 403}


def client() -> httpx2.AsyncClient:
    """The client that all calls share. It goes where it is told and nowhere else."""
    limits = httpx2.Limits(max_connections=50, max_keepalive_connections=20)
    return httpx2.AsyncClient(
        timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False, follow_redirects=False
    )


class Asking:
    """Sends calls, those of one connection at its platform's pace."""

    def __init__(self, tasking: Tasking, http: httpx2.AsyncClient) -> None:
        self._config = tasking.config
        self._http = http
        self._connecting = Connecting(self._config.networks)
        self._pacing = Pacing(tasking.database)

    def base(self, connection: Connection, now: datetime) -> str:
        """Where calls of a connection go. Raises NotAuthorised where nobody has set that."""
        own = FETCHERS[connection.source].BASE
        if own is None:
            shop = connection.settings_at(now).shop
            if shop is None:
                raise NotAuthorised("calls go to the shop's address: it is not set as `shop`")
            return (shop if "://" in shop else f"https://{shop}").rstrip("/")
        taken = (
            self._config.youzan_url if connection.source == "youzan" else self._config.taobao_url
        )
        return (taken or own).rstrip("/")

    async def send(self, connection: Connection, call: Call) -> bytes:
        """The answer to a call. Raises TryLater when there is none, or one that says so.

        A shop's own address is a merchant's word: it is judged as that of an endpoint is, and what
        it answers is taken with status 200 only. Raises NotAuthorised where it does not let us in.
        """
        if FETCHERS[connection.source].BASE is None:
            return await self._of_shop(connection, call)
        await self._pacing.turn(connection, FETCHERS[connection.source].PACE)
        return await self._of_platform(call)

    async def _of_shop(self, connection: Connection, call: Call) -> bytes:
        pace = FETCHERS[connection.source].PACE
        for _ in range(TRIES):
            await self._pacing.turn(connection, pace)
            result = await self._connecting.get(call.url, call.headers, MOST_BYTES, system())
            if result.retry_after is None or result.retry_after > PATIENCE:
                break
            await self._pacing.pause(connection, pace, result.retry_after)
        if result.error == "address-refused":
            raise NotAuthorised("the shop's address is not allowed: public https only")
        if result.status in _SHUT:
            raise NotAuthorised(f"answered {result.status}")
        if result.status != _GOOD:
            raise TryLater(f"answered {result.status}" if result.status else f"{result.error}")
        return _of_a_size(result.answer)

    async def _of_platform(self, call: Call) -> bytes:
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
        return _of_a_size(answer.content)


def _of_a_size(answer: bytes) -> bytes:
    if len(answer) > MOST_BYTES:
        raise TryLater("the answer is too large")
    return answer
