"""The fault proxy does what it says: a fault that is none would prove nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.faultproxy import FaultProxy, Way

SILENCE = 0.2
"""So long nothing comes where nothing is to come."""
SECONDS = 10.0


class Line:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def hears(self, words: bytes, within: float = SECONDS) -> float:
        """Wait for exactly these bytes; how long that took."""
        began = time.monotonic()
        async with asyncio.timeout(within):
            assert await self._reader.readexactly(len(words)) == words
        return time.monotonic() - began

    async def asks(self, words: bytes, within: float = SECONDS) -> float:
        """Send, and wait for the echo; how long that took."""
        self.writer.write(words)
        return await self.hears(words, within)

    async def ends(self) -> bytes:
        """What comes before a clean end. A reset raises ConnectionResetError."""
        async with asyncio.timeout(SECONDS):
            return await self._reader.read()


class Site:
    """An echoing server behind a proxy."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.heard = bytearray()
        self.ended = 0
        self._lines: list[Line] = []

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer everything with itself."""
        try:
            while part := await reader.read(65_536):
                self.heard += part
                writer.write(part)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.ended += 1
            writer.close()

    async def line(self) -> Line:
        """A new connection through the proxy."""
        line = Line(*await asyncio.open_connection("127.0.0.1", self.proxy.port))
        self._lines.append(line)
        return line

    def close(self) -> None:
        """Let go of all connections."""
        for line in self._lines:
            line.writer.transport.abort()


@asynccontextmanager
async def echoing(folder: Path | None = None) -> AsyncIterator[Site]:
    """A proxy before an echo on a port, or on a socket in a folder."""
    with FaultProxy() as proxy:
        site = Site(proxy)
        if folder is None:
            server = await asyncio.start_server(site.echo, "127.0.0.1", 0)
            proxy.lead_to(server.sockets[0].getsockname())
        else:
            server = await asyncio.start_unix_server(site.echo, folder / "echo")
            proxy.lead_to(folder / "echo")
        try:
            yield site
        finally:
            site.close()
            server.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A proxy before an echo."""
    async with echoing() as found:
        yield found


async def silent(line: Line, words: bytes = b"?") -> None:
    """Nothing comes."""
    with pytest.raises(TimeoutError):
        await line.asks(words, SILENCE)


async def test_without_a_fault_bytes_pass_both_ways_in_order_and_end_cleanly(site: Site) -> None:
    line = await site.line()
    for number in range(50):
        await line.asks(b"%d." % number * 5_000)
    line.writer.write_eof()
    assert await line.ends() == b""
    assert site.ended == 1


async def test_a_socket_in_the_file_system_can_stand_behind_it(tmp_path: Path) -> None:
    async with echoing(tmp_path) as site:
        await (await site.line()).asks(b"hello")


async def test_a_delay_holds_both_ways_and_bytes_under_way_do_not_add_up(site: Site) -> None:
    line = await site.line()
    site.proxy.delay(0.3)
    assert await line.asks(b"one") >= 0.6
    began = time.monotonic()
    for word in (b"a", b"b", b"c"):
        line.writer.write(word)
        await line.writer.drain()
    await line.hears(b"abc")
    assert 0.6 <= time.monotonic() - began < 1.2
    site.proxy.delay(0.3, way=Way.UP)
    site.proxy.delay(0, way=Way.DOWN)
    assert 0.3 <= await line.asks(b"two") < 0.6


async def test_jitter_varies_the_delay_and_keeps_the_order(site: Site) -> None:
    line = await site.line()
    site.proxy.delay(0.01, jitter=0.1)
    took = [await line.asks(b"%d" % number) for number in range(9)]
    assert max(took) - min(took) > 0.02
    words = b"".join(b"<%d>" % number for number in range(100))
    line.writer.write(words)
    await line.hears(words)


async def test_a_limit_slows_what_is_large(site: Site) -> None:
    """By a second, less what the last piece would take: nobody waits behind it."""
    line = await site.line()
    before = await line.asks(bytes(200_000))
    site.proxy.limit(200_000)
    assert before < 0.6 < await line.asks(bytes(200_000))


async def test_a_reset_cuts_both_sides_at_once_and_new_connections_work(site: Site) -> None:
    line = await site.line()
    await line.asks(b"hello")
    site.proxy.reset()
    with pytest.raises(ConnectionResetError):
        await line.ends()
    async with asyncio.timeout(SECONDS):
        while not site.ended:
            await asyncio.sleep(0.01)
    await (await site.line()).asks(b"again")


async def test_a_black_hole_holds_everything_until_it_is_healed(site: Site) -> None:
    line = await site.line()
    await line.asks(b"hello")
    site.proxy.silence()
    await silent(line, b"held")
    late = await site.line()
    await silent(late, b"late")
    assert bytes(site.heard) == b"hello"
    site.proxy.heal()
    await line.hears(b"held")
    await late.hears(b"late")


@pytest.mark.parametrize(("way", "heard"), [(Way.UP, b""), (Way.DOWN, b"one way")])
async def test_a_way_can_be_silent_alone(site: Site, way: Way, heard: bytes) -> None:
    line = await site.line()
    site.proxy.silence(way)
    await silent(line, b"one way")
    assert bytes(site.heard) == heard
    site.proxy.heal()
    await line.hears(b"one way")


async def test_a_peer_that_vanished_never_answers_again_and_nobody_is_told(site: Site) -> None:
    line = await site.line()
    await line.asks(b"hello")
    site.proxy.vanish()
    await silent(line)
    site.proxy.heal()
    await silent(line)
    assert (site.ended, bytes(site.heard)) == (0, b"hello")
    line.writer.close()
    await (await site.line()).asks(b"new")
    assert site.ended == 0


async def test_who_refuses_cuts_what_is_open_and_takes_nothing_until_healed(site: Site) -> None:
    line = await site.line()
    await line.asks(b"hello")
    site.proxy.refuse()
    with pytest.raises(ConnectionResetError):
        await line.ends()
    with pytest.raises(ConnectionRefusedError):
        await site.line()
    site.proxy.heal()
    await (await site.line()).asks(b"again")


@pytest.mark.parametrize(("answered", "heard"), [(False, b"a"), (True, b"aCOMMIT;")])
async def test_a_trap_resets_the_connection_before_or_after_the_words_are_heard(
    site: Site, heard: bytes, *, answered: bool
) -> None:
    line = await site.line()
    sprung = site.proxy.trap(rb"a.*COMMIT;", answered=answered)
    await (await site.line()).asks(b"COMMIT;")
    site.heard.clear()
    await line.asks(b"a")
    assert not sprung.is_set()
    line.writer.write(b"COMMIT;")
    with pytest.raises(ConnectionResetError):
        await line.ends()
    assert sprung.is_set()
    assert bytes(site.heard) == heard
    await (await site.line()).asks(b"COMMIT;")


async def test_a_server_that_is_away_is_told_as_a_reset(site: Site) -> None:
    site.proxy.lead_to(("127.0.0.1", 1))
    with pytest.raises(ConnectionResetError):
        await (await site.line()).ends()


async def test_servers_take_turns_and_who_does_not_listen_is_left_out(site: Site) -> None:
    async with echoing() as other:
        both = (("127.0.0.1", site.proxy.port), ("127.0.0.1", other.proxy.port))
        with FaultProxy(*both) as balancer:
            through = Site(balancer)
            for _ in range(4):
                await (await through.line()).asks(b"x")
            assert (len(site.heard), len(other.heard)) == (2, 2)
            other.proxy.refuse()
            for _ in range(4):
                await (await through.line()).asks(b"x")
            assert (len(site.heard), len(other.heard)) == (6, 2)
            through.close()
