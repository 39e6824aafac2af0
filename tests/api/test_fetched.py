"""Notifications of Youzan and Taobao: taken, their details fetched, and what the shop is told."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from services.gateway.fetching.asking import Asking, client
from services.gateway.tasks.fetching import Fetcher
from shared.clock import system
from shared.days import render
from shared.db.engine import Database
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, Shop, ok, open_shop, problem
from tests.backing.platforms import YouzanStandIn
from tests.builders.platforms import (
    APP_SECRET,
    CLIENT,
    CLIENT_SECRET,
    DONE,
    a_push,
    a_signed_query,
    a_youzan_order,
    a_youzan_refund,
    event_sign,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "/api/gateway/v1"
TID = "E20260301175800000600001"
JSON = {"content-type": "application/json"}
MINUTE = timedelta(minutes=1)


class China:
    """A shop of a platform that tells by notifications."""

    def __init__(self, shop: Shop, connection: str, database: Database) -> None:
        self.shop = shop
        self.connection = connection
        self._database = database
        self.path = f"{API}/connections/{connection}"

    async def set(self, **settings: Any) -> None:
        """Publish settings of the connection."""
        path = f"{API}/settings/connection/{self.connection}"
        staff = self.shop.api.caller(self.shop.program)
        ok(await staff.send("PUT", path, settings, if_match="*"))
        ok(await staff.post(f"{path}:publish", if_match="*"))

    async def push(self, push: dict[str, Any], sign: str | None = None) -> Any:
        """The answer to a push of Youzan."""
        raw = json.dumps(push).encode()
        headers = JSON | {"event-sign": sign or event_sign(raw)}
        return await self.shop.deliver(raw, headers, connection=self.connection)

    async def trust(self, platform: YouzanStandIn) -> None:
        """Give the connection what its calls need."""
        staff = self.shop.api.caller(self.shop.program)
        body = {"values": platform.credentials}
        ok(await staff.send("PUT", f"{self.path}/credentials", body))

    async def fetch(self, platform: YouzanStandIn, after: timedelta = MINUTE) -> None:
        """Let the worker fetch what is due then."""
        site = self.shop.api.site
        config = site.config.model_copy(update={"youzan_url": platform.base})
        around = Surroundings(clock=lambda: system() + after)
        tasking = Tasking(config, self._database, site.keys, around)
        async with client() as http:
            fetcher = Fetcher(tasking, Asking(tasking, http))
            while await fetcher.turn():
                pass

    async def statuses(self) -> list[tuple[str, str]]:
        """Types and statuses of all deliveries, in no order."""
        staff = self.shop.api.caller(self.shop.program)
        items = ok(await staff.get(f"{API}/deliveries"))["items"]
        return sorted((each["type"] or "", each["status"]) for each in items)

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Types and data of what the worker sends."""
        rows = await self.shop.api.site.query(
            "select payloads from gateway.outbox where topic = 'storefront' order by id"
        )
        events = [json.loads(payload) for row in rows for payload in row["payloads"]]
        mine = [each for each in events if each["programid"] == self.shop.program]
        return [(each["type"].split(".")[1], each["data"]) for each in mine]


async def connect(gateway: Api, database: Database, source: str, secret: str) -> China:
    """A connection of a platform's shop."""
    shop = await open_shop(gateway)
    staff = gateway.caller(shop.program)
    body = {"store_id": shop.store, "source": source, "secret": secret}
    made = ok(await staff.post(f"{API}/connections", body), 201)
    return China(shop, made["connection_id"], database)


@pytest_asyncio.fixture(loop_scope="session")
async def youzan(gateway: Api, database: Database) -> China:
    """A shop at Youzan."""
    return await connect(gateway, database, "youzan", f"{CLIENT}:{CLIENT_SECRET}")


@pytest_asyncio.fixture(loop_scope="session")
async def spi(gateway: Api, database: Database) -> China:
    """A shop at Taobao that is called."""
    return await connect(gateway, database, "taobao-spi", APP_SECRET)


@asynccontextmanager
async def trusted(shop: China) -> AsyncIterator[YouzanStandIn]:
    """The platform, whose calls the shop may make."""
    async with YouzanStandIn() as platform:
        await shop.trust(platform)
        yield platform


async def test_a_push_is_answered_at_once_and_its_order_fetched_when_it_has_settled(
    youzan: China,
) -> None:
    """Calls lag behind a push by up to half a minute."""
    async with trusted(youzan) as platform:
        platform.orders[TID] = a_youzan_order()
        assert ok(await youzan.push(a_push("trade_TradePaid"))) == {"code": 200, "msg": "success"}
        await youzan.fetch(platform, timedelta(seconds=20))
        assert await youzan.told() == []
        await youzan.fetch(platform)
        ((kind, data),) = await youzan.told()
        assert (kind, data["total_minor"], data["assurance"]) == ("order-paid", 10_000, "low")
        assert await youzan.statuses() == [("order-paid", "published")]


async def test_a_completion_and_a_refund_are_fetched_too(youzan: China) -> None:
    """A refund names no buyer, so it waits for the worker to read whose the order is."""
    async with trusted(youzan) as platform:
        platform.orders[TID] = a_youzan_order(status="TRADE_SUCCESS", success_time=DONE)
        platform.refunds["R1"] = a_youzan_refund(refund_id="R1")
        ok(await youzan.push(a_push("trade_TradeSuccess")))
        await youzan.fetch(platform)
        back = {"tid": TID, "refund_id": "R1"}
        ok(await youzan.push(a_push("trade_refund_RefundSuccess", back, msg_id="2")))
        await youzan.fetch(platform)
        assert [kind for kind, _ in await youzan.told()] == ["order-paid", "order-completed"]
        assert ("refund", "waiting") in await youzan.statuses()


async def test_a_lower_version_changes_nothing(youzan: China) -> None:
    """Version 7, then 6."""
    async with trusted(youzan) as platform:
        platform.orders["E7"] = a_youzan_order(tid="E7")
        ok(await youzan.push(a_push("trade_TradePaid", {"tid": "E7"}, version=7)))
        await youzan.fetch(platform)
        told = await youzan.told()
        lower = a_push("trade_TradePaid", {"tid": "E7"}, version=6, msg_id="2")
        assert ok(await youzan.push(lower))["code"] == 200
        await youzan.fetch(platform)
        assert [each.get("tid") for each in platform.calls].count("E7") == 1
        assert await youzan.told() == told


async def test_without_a_token_a_push_waits_for_one(youzan: China) -> None:
    ok(await youzan.push(a_push("trade_TradePaid")))
    assert [status for _, status in await youzan.statuses()] == ["waiting"]
    async with trusted(youzan) as platform:
        platform.orders[TID] = a_youzan_order()
        await youzan.fetch(platform)
        assert [kind for kind, _ in await youzan.told()] == ["order-paid"]


async def test_what_is_not_there_yet_is_asked_for_again(youzan: China) -> None:
    async with trusted(youzan) as platform:
        ok(await youzan.push(a_push("trade_TradePaid")))
        await youzan.fetch(platform)
        assert await youzan.told() == []
        platform.orders[TID] = a_youzan_order()
        await youzan.fetch(platform, 10 * MINUTE)
        assert [kind for kind, _ in await youzan.told()] == ["order-paid"]


async def test_a_forged_push_is_refused_and_leaves_nothing(youzan: China) -> None:
    async with youzan.shop.nothing_changes():
        problem(await youzan.push(a_push("trade_TradePaid"), "0" * 32), 401, "unauthenticated")


async def test_a_push_of_another_shop_is_refused(youzan: China) -> None:
    await youzan.set(shop="1")
    async with youzan.shop.nothing_changes():
        problem(await youzan.push(a_push("trade_TradePaid")), 401, "unauthenticated")


async def test_the_older_signature_is_taken_where_that_is_set(youzan: China) -> None:
    push = a_push("trade_TradeCreate")
    signed = (CLIENT + push["msg"] + CLIENT_SECRET).encode()
    push["sign"] = hashlib.md5(signed, usedforsecurity=False).hexdigest()
    raw = json.dumps(push).encode()
    await youzan.set(legacy_sign=True)
    assert ok(await youzan.shop.deliver(raw, JSON, connection=youzan.connection))["code"] == 200


def in_beijing(at: datetime) -> str:
    """As the platform writes times."""
    return f"{at + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"


async def call(spi: China, query: str, raw: bytes, kind: str = "application/json") -> Any:
    """The answer to a method that Taobao calls."""
    path = f"{spi.connection}?{query}"
    return await spi.shop.deliver(raw, {"content-type": kind}, connection=path)


async def test_a_join_at_taobao_is_answered_in_the_methods_own_way(spi: China) -> None:
    raw = json.dumps({"ouid": "AAG2", "mobile": "13800138000"}).encode()
    at = system()
    query = a_signed_query("tmall.mei.crm.member.register", raw, timestamp=in_beijing(at))
    assert ok(await call(spi, query, raw)) == {"register_code": "SUC"}
    ((kind, data),) = [
        (each["type"].split(".")[1], each["data"])
        for each in await spi.shop.api.site.told("storefront", spi.shop.program)
    ]
    assert (kind, data["join"]) == ("customer-updated", {"at": render(at.replace(microsecond=0))})


async def test_a_form_of_taobao_is_taken_and_one_that_was_changed_is_not(spi: China) -> None:
    query = a_signed_query("tmall.mei.crm.bind", ouid="AAG2", timestamp=in_beijing(system()))
    form = "application/x-www-form-urlencoded"
    pairs = [pair for pair in query.split("&") if pair.startswith("ouid=")]
    rest = "&".join(pair for pair in query.split("&") if pair not in pairs)
    async with spi.shop.nothing_changes():
        changed = urlencode({"ouid": "AAG3"}).encode()
        problem(await call(spi, rest, changed, form), 401, "unauthenticated")
    assert ok(await call(spi, rest, pairs[0].encode(), form)) == {"bind_code": "SUC"}
