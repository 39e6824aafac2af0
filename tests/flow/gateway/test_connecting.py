"""One request to an endpoint: where it may go, how long it may take, what comes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.gateway.outbound.connecting import ANSWER_BYTES, Connecting, Limits
from services.gateway.outbound.model import PENDING, Result
from shared.clock import system
from tests.builders.certificates import certified
from tests.flow.gateway.outside import LOOPBACK, Names, Outside
from tests.flow.gateway.receiver import Answer, Receiver, receiver

METADATA = "169.254.169.254"
HERE = "127.0.0.1"


@pytest.fixture
async def to() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiver() as found:
        yield found


async def post(url: str, *answers: list[str], **options: Any) -> Result:
    """One attempt, with what the resolver says."""
    connecting = Connecting(LOOPBACK, resolve=Names(*(answers or [[HERE]])), **options)
    return await connecting.post(url, {"webhook-id": "msg_1"}, b"{}", system())


@pytest.mark.parametrize(
    "addresses",
    [[METADATA], [HERE, METADATA], ["10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], []],
    ids=str,
)
async def test_a_name_that_leads_inside_gets_no_connection(
    to: Receiver, addresses: list[str]
) -> None:
    """One forbidden address among allowed ones is enough."""
    result = await post(to.url, addresses)
    assert (result.error, result.status) == ("address-refused", None)
    assert to.connections == 0


async def test_a_name_that_leads_inside_at_the_second_attempt_only_gets_no_connection_then(
    out: Outside,
) -> None:
    """What was resolved at the first attempt is not believed at the second."""
    await out.add()
    out.to.answer = lambda _got: Answer(500)
    await out.orders(1)
    names = Names([HERE], [METADATA])
    sender = out.another(names)
    await out.send(sender)
    out.watch.now += timedelta(seconds=10)
    await out.send(sender)
    assert names.asked == [("hooks.test", out.to.port)] * 2
    assert out.to.connections == 1
    assert [each["error"] for each in await out.attempts()] == ["status", "address-refused"]
    (message,) = await out.messages()
    assert message["state"] == PENDING


async def test_without_an_operators_network_loopback_is_refused(to: Receiver) -> None:
    connecting = Connecting((), resolve=Names([HERE]))
    for url in (to.url, f"https://hooks.test:{to.port}/", "https://hooks.test/"):
        result = await connecting.post(url, {}, b"{}", system())
        assert result.error == "address-refused"
    assert to.connections == 0


async def test_a_redirect_is_not_followed(to: Receiver) -> None:
    to.answer = lambda _got: Answer(302, {"location": f"http://{METADATA}/"})
    result = await post(to.url)
    assert (result.status, result.error) == (302, "status")
    assert to.connections == 1


async def test_a_proxy_of_the_environment_is_not_asked(
    to: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        result = await post(to.url)
    assert (result.delivered, proxy.connections, to.connections) == (True, 0, 1)


async def test_the_next_address_is_tried_where_one_takes_no_connection(to: Receiver) -> None:
    result = await post(to.url, ["127.0.0.2", HERE])
    assert result.delivered


async def test_an_endpoint_that_does_not_answer_times_out(to: Receiver) -> None:
    to.answer = lambda _got: Answer(seconds=5)
    result = await post(to.url, limits=Limits(whole=0.1))
    assert (result.error, result.status) == ("timeout", None)
    assert 100 <= result.took_ms < 2_000


async def test_of_an_answer_the_first_4_kib_are_kept(to: Receiver) -> None:
    to.answer = lambda _got: Answer(500, body=b"x" * 100_000)
    result = await post(to.url)
    assert result.answer == b"x" * ANSWER_BYTES


async def test_nobody_there_is_a_failed_connection() -> None:
    async with receiver() as gone:
        url = gone.url
    assert (await post(url)).error == "connection"


async def test_what_is_no_http_is_a_failed_protocol() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, HERE, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert (await post(f"http://hooks.test:{port}/")).error == "protocol"


async def test_a_name_that_nobody_has_is_unknown(to: Receiver) -> None:
    class Nobody(Names):
        async def __call__(self, host: str, port: int) -> list[str]:
            await super().__call__(host, port)
            raise OSError(host)

    connecting = Connecting(LOOPBACK, resolve=Nobody([]))
    assert (await connecting.post(to.url, {}, b"{}", system())).error == "name-unknown"


async def test_a_certificate_must_be_for_the_name_though_the_address_is_connected(
    tmp_path: Path,
) -> None:
    """The name is sent in the handshake and checked; the address never stands for it."""
    server, trust = certified(tmp_path, "hooks.test")
    named: list[str | None] = []
    server.sni_callback = lambda _object, name, _context: named.append(name)
    async with receiver(server) as to:
        right = await post(f"https://hooks.test:{to.port}/", trust=trust)
        wrong = await post(f"https://other.test:{to.port}/", trust=trust)
        unknown = await post(f"https://hooks.test:{to.port}/")
    assert right.delivered
    assert [wrong.error, unknown.error] == ["tls", "tls"]
    assert named == ["hooks.test", "other.test", "hooks.test"]
    assert [got.headers["host"] for got in to.got] == [f"hooks.test:{to.port}"]


async def test_an_answer_that_is_asked_for_comes_whole_up_to_its_longest(to: Receiver) -> None:
    """Longer ones are cut behind that, so that they can be told."""
    to.answer = lambda _got: Answer(200, body=b"x" * 100_000)
    connecting = Connecting(LOOPBACK, resolve=Names([HERE], [HERE], [METADATA]))
    whole = await connecting.get(to.url, {"authorization": "Basic eA=="}, 100_000, system())
    assert (whole.status, len(whole.answer), whole.error) == (200, 100_000, None)
    assert to.got[0].headers["authorization"] == "Basic eA=="
    cut = await connecting.get(to.url, {}, 99_999, system())
    assert 99_999 < len(cut.answer) <= 100_000
    inside = await connecting.get(to.url, {}, 100_000, system())
    assert (inside.error, inside.status) == ("address-refused", None)
    assert len(to.got) == 2


async def test_an_answer_that_breaks_off_is_no_answer_to_who_asked_for_it(to: Receiver) -> None:
    to.answer = lambda _got: Answer(200, {"transfer-encoding": "chunked"}, b"5\r\n[1,2,")
    connecting = Connecting(LOOPBACK, resolve=Names([HERE]))
    result = await connecting.get(to.url, {}, 100_000, system())
    assert (result.error, result.answer) == ("protocol", b"")
