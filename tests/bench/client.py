"""A client that costs little: HTTP/1.1 over connections that stay, whole requests made before.

It shares the machine with what it measures, so it does nothing but write bytes and look at the
status and the length of what comes back.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, cast

from msgspec import Struct

from shared.clock import monotonic

_HEAD: Final = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)\r\n", re.DOTALL)
_SECONDS: Final = 60.0
"""No answer for so long: something is broken."""


class Driven(Struct):
    """What came back."""

    seconds: float
    statuses: Counter[int]
    latencies: list[float]
    """Seconds from when each was due, or sent."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def quantile_ms(self, part: float) -> float:
        """Milliseconds within which so large a part was answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._got = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _HEAD.match(self._got)
        assert found is not None, bytes(self._got)
        status, whole = int(found[1]), end + 4 + int(found[2])
        if len(self._got) >= whole and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            body = bytes(self._got[end + 4 : whole])
            del self._got[:whole]
            waiting.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting.set_exception(exc or ConnectionResetError("closed"))
            self._waiting = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        assert self._transport is not None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(_SECONDS):
            return await self._waiting

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def drive(
    ports: Sequence[int],
    requests: Iterator[bytes],
    *,
    connections: int,
    rate: float | None = None,
    seen: Callable[[bytes], None] | None = None,
) -> Driven:
    """Send requests over connections spread over ports; each waits for its answer.

    With a `rate` each request is due at its own instant, and what it waits for a free connection
    counts as latency.
    """
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(_Connection, "127.0.0.1", ports[number % len(ports)]))[1]
        for number in range(connections)
    ]
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    began = monotonic()
    numbered = enumerate(requests)

    async def use(line: _Connection) -> None:
        for number, request in numbered:
            due = monotonic()
            if rate is not None:
                due = began + number / rate
                await asyncio.sleep(due - monotonic())
            status, body = await line.ask(request)
            statuses[status] += 1
            latencies.append(monotonic() - due)
            if seen is not None:
                seen(body)

    try:
        await asyncio.gather(*map(use, lines))
    finally:
        for line in lines:
            line.close()
    return Driven(monotonic() - began, statuses, latencies)


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of a POST of JSON."""
    told = {"host": "shuke", "content-type": "application/json", "content-length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in (told | headers).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, headers: dict[str, str]) -> bytes:
    """The bytes of a GET."""
    lines = [
        f"GET {path} HTTP/1.1",
        *(f"{k}: {v}" for k, v in ({"host": "shuke"} | headers).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"
