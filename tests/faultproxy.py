"""A TCP proxy with faults: slow, jittery, cut, silent, one-way; switched while connections run.

It stands between a process and PostgreSQL or Kafka, and runs on a loop in a thread of its own. As
in a network, what could not be delivered comes when the way is open again, unless the connection
was reset or its peer has vanished.
"""

import asyncio
import contextlib
import itertools
import random
import re
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import Flag, auto
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from msgspec import Struct

CHUNK: Final = 64 * 1024
WAITING: Final = 64
"""So many chunks a way keeps back before it reads no more."""
ANSWER_SECONDS: Final = 10.0
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_OVERLAP: Final = 8 * 1024
"""Bytes of the chunk before that are looked at together with the next."""
T = TypeVar("T")

Address = tuple[str, int] | Path
"""Host and port, or a socket in the file system."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Way(Flag):
    """Directions, seen from the client."""

    UP = auto()
    DOWN = auto()
    BOTH = UP | DOWN


class Trap(Struct):
    """Certain bytes at which a connection is reset: before they are delivered, or their answer."""

    words: re.Pattern[bytes]
    answered: bool
    sprung: threading.Event


class FaultProxy:
    """One listening port in front of one server, or of several that take turns."""

    def __init__(self, *upstreams: Address, seed: int = 1) -> None:
        self._upstreams = list(upstreams)
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._chance = random.Random(seed)  # noqa: S311 - spreads delays, guards nothing
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._delay = {Way.UP: (0.0, 0.0), Way.DOWN: (0.0, 0.0)}
        self._rate: float | None = None
        self._open = {Way.UP: asyncio.Event(), Way.DOWN: asyncio.Event()}
        self._traps: list[Trap] = []
        self.port = 0
        self.accepted = 0
        """Connections taken so far."""

    def __enter__(self) -> Self:
        """Listen on a free port of loopback."""
        self._thread.start()
        self.heal()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut everything and end the thread."""
        self._wait(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def address(self) -> str:
        """Host and port to connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def lead_to(self, *upstreams: Address) -> None:
        """Connect new connections to others from now on."""
        self._upstreams = list(upstreams)

    def delay(self, seconds: float, jitter: float = 0.0, way: Way = Way.BOTH) -> None:
        """Deliver everything so much later, and up to `jitter` more; order is kept."""
        for each in way:
            self._delay[each] = (seconds, jitter)

    def limit(self, bytes_per_second: float | None) -> None:
        """Let no connection carry more than this, each way."""
        self._rate = bytes_per_second

    def silence(self, way: Way = Way.BOTH) -> None:
        """Deliver nothing this way: a black hole. New connections are taken and hear nothing."""
        self._wait(self._silence(way))

    def reset(self) -> None:
        """Cut every connection: both sides get a reset."""
        self._wait(self._reset())

    def vanish(self) -> None:
        """The peers of open connections are gone without a word: half-open for good.

        New connections work.
        """
        self._wait(self._vanish())

    def refuse(self) -> None:
        """Nobody listens here any more: cut what is open, refuse what comes."""
        self._wait(self._refuse())

    def trap(self, words: bytes, *, answered: bool = False) -> threading.Event:
        """Reset the connection on which a client sends these bytes next; set when that is done.

        `words` is a pattern. `answered`: the server gets them and answers, and the client never
        hears the answer.
        """
        trap = Trap(re.compile(words, re.DOTALL), answered, threading.Event())
        self._traps.append(trap)
        return trap.sprung

    def heal(self) -> None:
        """No fault any more. What waited is delivered; who was cut off must connect again."""
        self.delay(0)
        self.limit(None)
        self._traps.clear()
        self._wait(self._listen())

    async def _listen(self) -> None:
        for event in self._open.values():
            event.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _silence(self, way: Way) -> None:
        for each in way:
            self._open[each].clear()

    async def _reset(self) -> None:
        for link in self._links:
            link.reset()

    async def _vanish(self) -> None:
        for link in self._links:
            link.forsaken = True

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._reset()

    async def _close(self) -> None:
        await self._refuse()
        tasks = [link.task for link in self._links]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            server = await self._connect()
        except OSError:
            _abort(writer)
            return
        link = _Link(self, (reader, writer), server)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _connect(self) -> Stream:
        """The upstream whose turn it is, or the next one that listens."""
        turn = next(self._turns)
        last: OSError = ConnectionRefusedError()
        for place in range(len(self._upstreams)):
            try:
                return await _dial(self._upstreams[(turn + place) % len(self._upstreams)])
            except OSError as error:
                last = error
        raise last

    async def opened(self, way: Way) -> None:
        """Wait until this way is open."""
        await self._open[way].wait()

    def due(self, way: Way) -> float:
        """When what is read now is to be delivered, by the loop's clock."""
        seconds, jitter = self._delay[way]
        return self._loop.time() + seconds + jitter * self._chance.random()

    def seconds_of(self, size: int) -> float:
        """How long so many bytes take."""
        return size / self._rate if self._rate else 0.0

    def sprung(self, sent: bytes) -> Trap | None:
        """The trap that these bytes set off, which is then gone."""
        trap = next((each for each in self._traps if each.words.search(sent)), None)
        if trap is not None:
            self._traps.remove(trap)
        return trap

    def _wait(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(ANSWER_SECONDS)


class _Link:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, proxy: FaultProxy, client: Stream, server: Stream) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._trap: Trap | None = None
        """Sprung: the server's next answer is lost with the connection."""
        self.forsaken = False
        task = asyncio.current_task()
        assert task is not None
        self.task: asyncio.Task[Any] = task

    async def run(self) -> None:
        """Carry both ways until both have ended."""
        try:
            await asyncio.gather(
                self._carry(Way.UP, self._client[0], self._server[1]),
                self._carry(Way.DOWN, self._server[0], self._client[1]),
            )
        finally:
            self._client[1].close()
            self._server[1].close()

    def reset(self) -> None:
        """Cut both sides."""
        _abort(self._client[1])
        _abort(self._server[1])

    async def _carry(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)
        reading = asyncio.create_task(self._read(way, reader, waiting))
        try:
            before, going = b"", True
            while going:
                due, part = await waiting.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                await self._proxy.opened(way)
                if self.forsaken:
                    await asyncio.Event().wait()
                going = self._passes(way, before + part) and await _deliver(writer, part)
                before = part[-_OVERLAP:]
                await asyncio.sleep(self._proxy.seconds_of(len(part)))
        finally:
            reading.cancel()

    async def _read(
        self, way: Way, reader: asyncio.StreamReader, waiting: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        part = b"?"
        while part:
            try:
                part = await reader.read(CHUNK)
            except OSError:
                part = b""
            await waiting.put((self._proxy.due(way), part))

    def _passes(self, way: Way, seen: bytes) -> bool:
        """Whether what comes is to be delivered; False when the connection has been reset."""
        if way is Way.UP and self._trap is None:
            self._trap = self._proxy.sprung(seen)
        trap = self._trap
        if trap is None or trap.answered is (way is Way.UP):
            return True
        self.reset()
        trap.sprung.set()
        return False


async def _deliver(writer: asyncio.StreamWriter, part: bytes) -> bool:
    """Hand bytes on; False at the end of the way. No bytes are the end of what comes."""
    try:
        if not part:
            writer.write_eof()
            return False
        writer.write(part)
        await writer.drain()
    except (OSError, RuntimeError):
        return False
    return True


async def _dial(address: Address) -> Stream:
    if isinstance(address, Path):
        return await asyncio.open_unix_connection(str(address))
    return await asyncio.open_connection(*address)


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, whatever is still on its way."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
