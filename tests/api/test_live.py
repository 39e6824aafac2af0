"""Pages that are open hear what happens: of their program, as permitted, as long as signed in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from services.gateway.live.hub import OF_SESSION
from services.gateway.routes import live
from shared.clock import system
from shared.ids import text_id
from shared.random_ids import random_id
from shared.stream.port import Message
from tests.api.harness import Api, Shop, open_shop, problem
from tests.api.staffing import GATEWAY, Browser, somebody
from tests.builders.deliveries import an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 20.0


class Stream:
    """An open stream, frame by frame."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.left = asyncio.Event()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._text = ""

    async def send(self, message: Any) -> None:
        """Take what the app sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            await self._chunks.put(message.get("body", b""))
            if not message.get("more_body", False):
                await self._chunks.put(b"\0")

    async def receive(self) -> dict[str, str]:
        """Nothing, until the viewer leaves."""
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def frame(self) -> dict[str, str]:
        """The next frame by its fields; empty at the end."""
        async with asyncio.timeout(SECONDS):
            while "\n\n" not in self._text:
                chunk = await self._chunks.get()
                if chunk == b"\0":
                    return {}
                self._text += chunk.decode()
        frame, _, self._text = self._text.partition("\n\n")
        return dict(line.split(": ", 1) for line in frame.splitlines())

    async def news(self) -> tuple[str, dict[str, str]]:
        """Type and ids of the next news; other frames are passed over."""
        while frame := await self.frame():
            if frame.get("event") == "news":
                told = json.loads(frame["data"])
                return told["type"], told["ids"]
        pytest.fail("the stream has ended")


@asynccontextmanager
async def watching(browser: Browser, program: str, since: str = "") -> AsyncIterator[Stream]:
    """A stream of a browser, which is left at the end."""
    stream = Stream()
    headers = [(b"cookie", (browser.cookie or "").encode())]
    if since:
        headers.append((b"last-event-id", since.encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": f"{GATEWAY}/live", "raw_path": f"{GATEWAY}/live".encode(),
        "query_string": f"program={program}".encode(), "root_path": "", "headers": headers,
        "client": (browser.address, 1), "server": ("shuke.test", 80),
    }  # fmt: skip
    running = asyncio.create_task(browser.api.app(scope, stream.receive, stream.send))
    try:
        yield stream
    finally:
        stream.left.set()
        async with asyncio.timeout(SECONDS):
            await running


async def told(api: Api, topic: str, name: str, program: str, **ids: str) -> None:
    """Put an event on the log, as far as a page hears of it."""
    event = {"type": f"shuke.{name}.v1", "programid": program, "data": {**ids, "amount": 5}}
    value = json.dumps(event).encode()
    await api.app.state.stream.append(topic, [Message(program, random_id(), value)])


async def test_an_order_is_told_to_who_looks_at_its_program(gateway: Api, shop: Shop) -> None:
    """With type and ids, and nothing else; the delivery too. Another program hears nothing."""
    other = await open_shop(gateway)
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    stranger, _ = await somebody(gateway, "manager", program=other.program)
    async with watching(browser, shop.program) as mine, watching(stranger, other.program) as theirs:
        opened = await mine.frame()
        assert (mine.status, mine.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        assert mine.headers["cache-control"] == "no-store"
        assert opened["retry"] == "3000"
        await theirs.frame()
        await shop.send(an_order_sent())
        heard = dict([await mine.news(), await mine.news()])
        assert heard.keys() == {"order-completed", "delivery-received"}
        assert heard["order-completed"].keys() <= {"store_id", "customer_id", "order_id"}
        assert heard["order-completed"]["store_id"] == shop.store
        assert heard["delivery-received"].keys() == {"delivery_id"}
        await told(gateway, "points", "points-changed", other.program, member_id="mem_a")
        assert await theirs.news() == ("points-changed", {"member_id": "mem_a"})


async def test_nobody_hears_what_they_may_not_see(gateway: Api, shop: Shop) -> None:
    """A marketer hears of coupons, and not of dead letters or deliveries; a branch of its own."""
    marketer, _ = await somebody(gateway, "marketer", program=shop.program)
    branch, _ = await somebody(gateway, "manager", program=shop.program, stores=[shop.store])
    async with watching(marketer, shop.program) as first, watching(branch, shop.program) as second:
        await first.frame()
        await second.frame()
        elsewhere = text_id("sto", random_id())
        await told(gateway, "points.dead-letter", "event-quarantined", shop.program)
        await told(gateway, "storefront", "order-paid", shop.program, store_id=elsewhere)
        await told(gateway, "campaigns", "coupon-issued", shop.program, coupon_id="cpn_a")
        await told(gateway, "storefront", "check-in", shop.program, store_id=shop.store)
        heard = {(await first.news())[0] for _ in range(3)}
        assert heard == {"order-paid", "coupon-issued", "check-in"}
        assert await second.news() == ("check-in", {"store_id": shop.store})


async def test_who_comes_back_is_told_what_was_missed(gateway: Api, shop: Shop) -> None:
    """From the place on that was seen last; a place of another process is a reset."""
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    async with watching(browser, shop.program) as stream:
        await stream.frame()
        await told(gateway, "members", "member-joined", shop.program, member_id="mem_a")
        frame = await stream.frame()
        await told(gateway, "members", "tier-changed", shop.program, member_id="mem_b")
        assert (await stream.news())[0] == "tier-changed"
    async with watching(browser, shop.program, frame["id"]) as stream:
        assert await stream.news() == ("tier-changed", {"member_id": "mem_b"})
    for lost in ("0123456789ab-1", "nonsense", f"{frame['id']}00000"):
        async with watching(browser, shop.program, lost) as stream:
            await stream.frame()
            assert (await stream.frame())["event"] == "reset"


async def test_a_stream_ends_with_its_session_and_does_not_prolong_it(
    gateway: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed out: the stream says so, and is closed. What it looked at was never a request."""
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.0)
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    before = await _seen(gateway)
    async with watching(browser, shop.program) as stream:
        await stream.frame()
        await told(gateway, "points", "points-changed", shop.program, member_id="mem_a")
        assert (await stream.news())[0] == "points-changed"
        assert await _seen(gateway) == before
        left = await browser.ask("DELETE", f"{GATEWAY}/sessions/current")
        assert left.status_code == 204
        assert (await stream.frame())["event"] == "end"
        assert await stream.frame() == {}


async def test_a_session_has_a_few_streams_and_a_stranger_none(gateway: Api, shop: Shop) -> None:
    """One too many is slowed down; no session 401, a key 403, another's program 404."""
    path = f"/live?program={shop.program}"
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    async with AsyncExitStack() as streams:
        for _ in range(OF_SESSION):
            stream = await streams.enter_async_context(watching(browser, shop.program))
            await stream.frame()
        answer = await browser.get(path)
        problem(answer, 429, "slow-down")
        assert answer.headers["retry-after"] == "30"
    problem(await Browser(gateway).get(path), 401, "unauthenticated")
    problem(await gateway.caller(shop.program).get(GATEWAY + path), 403, "forbidden")
    other = await open_shop(gateway)
    problem(await browser.get(f"/live?program={other.program}"), 404, "not-found")
    async with watching(browser, shop.program) as stream:
        assert await stream.frame()


async def test_a_process_that_stops_ends_its_streams(gateway: Api, shop: Shop) -> None:
    """Within moments, so that nobody waits for pages."""
    browser, _ = await somebody(gateway, "manager", program=shop.program)
    async with watching(browser, shop.program) as stream:
        await stream.frame()
        gateway.app.state.draining = True
        try:
            began = system()
            assert await stream.frame() == {}
            assert (system() - began).total_seconds() < SECONDS / 2
        finally:
            gateway.app.state.draining = False


async def _seen(gateway: Api) -> list[dict[str, Any]]:
    sql = "select session_id, seen_at from gateway.staff_session order by session_id"
    return await gateway.site.query(sql)
