"""An endpoint outside: a real HTTP server on loopback that answers as a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus

from msgspec import Struct
from standardwebhooks.webhooks import Webhook

from shared.clock import system
from shared.days import EPOCH


class Got(Struct, frozen=True):
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The `webhook-id`."""
        return self.headers["webhook-id"]

    def signed_by(self, secret: str) -> bool:
        """Whether the specification's own package signs it so, with one of its entries."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), EPOCH.tzinfo)
        expected = Webhook(secret).sign(self.id, at, self.body.decode())
        return expected in self.headers["webhook-signature"].split(" ")


class Answer(Struct, frozen=True):
    """What the endpoint answers."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    seconds: float = 0.0
    """How long it takes."""


class Receiver:
    """What came, in order, and what is answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer: Callable[[Got], Answer] = lambda _got: Answer()
        self.got: list[Got] = []
        self.taken: list[Got] = []
        """Those that were answered with 200."""
        self.connections = 0
        self.under_way = 0
        self.most_under_way = 0

    @property
    def url(self) -> str:
        """Its address; the name is for the resolver of the test."""
        return f"http://hooks.test:{self.port}/hook?shop=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        self.connections += 1
        try:
            got = await _read(reader)
            if got is not None:
                await self._respond(got, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _respond(self, got: Got, writer: asyncio.StreamWriter) -> None:
        self.got.append(got)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.answer(got)
            await asyncio.sleep(answer.seconds)
            if answer.status == HTTPStatus.OK:
                self.taken.append(got)
            lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            lines += [f"content-length: {len(answer.body)}", "connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + answer.body)
            await writer.drain()
        finally:
            self.under_way -= 1


async def _read(reader: asyncio.StreamReader) -> Got | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Got(first.split(" ")[1], headers, body)


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on a free port of 127.0.0.1."""
    found: list[Receiver] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await found[0].serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    found.append(Receiver(server.sockets[0].getsockname()[1]))
    try:
        yield found[0]
    finally:
        server.close()
        await server.wait_closed()


class Watch:
    """A clock that is moved by hand; it starts at the real time."""

    def __init__(self) -> None:
        self.now = system()

    def __call__(self) -> datetime:
        """The instant it stands at."""
        return self.now
