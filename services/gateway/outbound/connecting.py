"""One request to an address that a merchant gave: the name resolved here, every address judged.

The request goes to the address itself, with the name as `Host` and as the name that the certificate
must be for. Each attempt has a connection of its own, so none is ever reused for another name. No
redirect is followed, no proxy of the environment used.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx2
from msgspec import Struct
from msgspec.structs import replace

from services.gateway.outbound.model import Result
from services.gateway.outbound.rules.guarding import (
    USUAL_PORT,
    Network,
    Target,
    allowed,
    target,
)
from services.gateway.outbound.rules.retrying import asked_wait, taken
from shared.clock import monotonic

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, in the order in which they are to be tried. Raises OSError for none."""
ANSWER_BYTES: Final = 4_096
"""What is kept of an answer."""
_ASKING: Final = ThreadPoolExecutor(16, thread_name_prefix="resolve")
"""Threads of their own: a name server that does not answer holds up nobody else's work."""


class Refused(Exception):
    """The URL or an address of its host is not allowed: no connection is made."""


class Limits(Struct, frozen=True):
    """How long an attempt may take, in seconds."""

    connect: float = 5.0
    """Per address."""
    whole: float = 15.0


class _Request(Struct, frozen=True):
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    most: int | None = None
    """Bytes of the answer, where it is wanted whole."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host as the system knows them."""
    loop = asyncio.get_running_loop()
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await loop.run_in_executor(_ASKING, ask)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Connecting:
    """Makes requests, each over a connection of its own."""

    def __init__(
        self,
        networks: Sequence[Network],
        *,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._networks = networks
        self._resolve = resolve
        self._trust = trust or httpx2.create_ssl_context(trust_env=False)
        self._limits = limits

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Result:
        """What came of one attempt. Whatever goes wrong is in the result, by a code.

        `address-refused`, `name-unknown`, `connection`, `tls`, `timeout`, `protocol`, `status`.
        """
        return await self._timed(_Request("POST", url, headers, body), now)

    async def get(self, url: str, headers: Mapping[str, str], most: int, now: datetime) -> Result:
        """What came of one attempt, as of `post`, with the whole answer.

        One that is longer than `most` bytes is cut somewhere behind them.
        """
        plain = {**headers, "accept-encoding": "identity"}
        return await self._timed(_Request("GET", url, plain, most=most), now)

    async def _timed(self, request: _Request, now: datetime) -> Result:
        began = monotonic()
        result = Result(error="timeout")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.whole):
                result = await self._tried(request, now)
        return replace(result, took_ms=round((monotonic() - began) * 1000))

    async def _tried(self, request: _Request, now: datetime) -> Result:
        try:
            at, addresses = await self._where(request.url)
            return await self._sent(request, at, addresses, now)
        except Refused:
            return Result(error="address-refused")
        except (OSError, UnicodeError):  # a name may be too long to be asked for
            return Result(error="name-unknown")
        except httpx2.TimeoutException:
            return Result(error="timeout")
        except httpx2.ConnectError as error:
            return Result(error="tls" if _of_tls(error) else "connection")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return Result(error="protocol")

    async def _where(self, url: str) -> tuple[Target, Sequence[str]]:
        """Where a URL leads right now. Raises Refused if any of it is not allowed."""
        try:
            at = target(url, self._networks)
        except ValueError as error:
            raise Refused(str(error)) from error
        addresses = await self._resolve(at.host, at.port)
        if not addresses or not all(allowed(each, at, self._networks) for each in addresses):
            raise Refused(at.host)
        return at, addresses

    async def _sent(
        self, request: _Request, at: Target, addresses: Sequence[str], now: datetime
    ) -> Result:
        """The first address that takes a connection gets the request."""
        for each in addresses[:-1]:
            try:
                return await self._asked(request, at, each, now)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._asked(request, at, addresses[-1], now)

    async def _asked(self, request: _Request, at: Target, address: str, now: datetime) -> Result:
        timeout = httpx2.Timeout(self._limits.whole, connect=self._limits.connect)
        async with httpx2.AsyncClient(
            verify=self._trust, timeout=timeout, trust_env=False, follow_redirects=False
        ) as client:
            async with client.stream(
                request.method,
                _pinned(request.url, at, address),
                content=request.body,
                headers={**request.headers, "host": _host(at), "connection": "close"},
                extensions={"sni_hostname": at.host},
            ) as response:
                if request.most is None:
                    answer = await _beginning(response)
                else:
                    answer = await _whole(response, request.most)
        status = response.status_code
        return Result(
            status=status,
            error=None if taken(status) else "status",
            answer=answer,
            retry_after=asked_wait(status, response.headers.get("retry-after"), now),
        )


async def _beginning(response: httpx2.Response) -> bytes:
    """The first bytes of the body, as they came; what breaks off there changes nothing."""
    found = b""
    with contextlib.suppress(httpx2.HTTPError):
        async for part in response.aiter_raw():
            found += part
            if len(found) >= ANSWER_BYTES:
                break
    return found[:ANSWER_BYTES]


async def _whole(response: httpx2.Response, most: int) -> bytes:
    """The body to its end, or until it is longer than it may be. Raises HTTPError."""
    found = bytearray()
    async for part in response.aiter_raw():
        found += part
        if len(found) > most:
            break
    return bytes(found)


def _pinned(url: str, at: Target, address: str) -> str:
    """The URL with an address in place of the name."""
    bare = f"[{address}]" if ":" in address else address
    parts = urlsplit(url)
    return urlunsplit((at.scheme, f"{bare}:{at.port}", parts.path, parts.query, ""))


def _host(at: Target) -> str:
    bare = f"[{at.host}]" if ":" in at.host else at.host
    return bare if at.port == USUAL_PORT[at.scheme] else f"{bare}:{at.port}"


def _of_tls(error: BaseException | None) -> bool:
    """Whether a failed connection failed at its certificate or handshake."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
