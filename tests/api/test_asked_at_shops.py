"""WooCommerce asked at the shop's own address: what nobody told, refunds with their lines."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.gateway.fetching.asking import Asking, client
from services.gateway.fetching.pacing import Pacing
from services.gateway.tasks.comparing import Comparer
from services.gateway.tasks.fetching import Fetcher
from services.gateway.tasks.pulling import Pulling
from shared.clock import system
from shared.db.engine import Database
from shared.service import Tasking
from shared.surroundings import Surroundings
from tests.api.harness import Api, ok
from tests.api.test_platforms import DONE, Platform, connect
from tests.backing.platforms import ShopifyStandIn, WooStandIn
from tests.builders.platforms import a_woo_refund, a_woo_refund_line

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = "/api/gateway/v1"
MINUTE = timedelta(minutes=1)
LINE = str(DONE["line_items"][0]["id"])
BACK = DONE | {"refunds": [{"id": 801, "reason": "", "total": "-9.00"}]}
PAID = DONE | {"status": "processing", "date_completed_gmt": None}


async def _at_once(_seconds: float) -> None:
    """Does not wait."""


class Asked:
    """A shop that delivers and is asked."""

    def __init__(self, platform: Platform, database: Database) -> None:
        self.platform = platform
        self._database = database
        self._api = platform.shop.api
        self.staff = self._api.caller(platform.shop.program)
        self.path = f"{API}/connections/{platform.connection}"

    async def set(self, shop: str) -> None:
        """Publish where the shop is."""
        path = f"{API}/settings/connection/{self.platform.connection}"
        ok(await self.staff.send("PUT", path, {"shop": shop}, if_match="*"))
        ok(await self.staff.post(f"{path}:publish", if_match="*"))

    async def trust(self, stand_in: WooStandIn | ShopifyStandIn, **changes: str) -> None:
        """Give the connection key and secret."""
        body = {"values": stand_in.credentials | changes}
        ok(await self.staff.send("PUT", f"{self.path}/credentials", body))

    async def send(self, body: dict[str, Any], shop: str) -> str:
        """Deliver an order of WooCommerce; the status told."""
        return await self.platform.send(body, "order.updated", x_wc_webhook_source=shop)

    async def work(
        self, after: timedelta = timedelta(), networks: str = "127.0.0.0/8", *, paced: bool = True
    ) -> None:
        """Let the worker pull and fetch what is due so long from now.

        Unpaced, hundreds of calls do not wait: how fast a shop is asked is `test_pacing`'s matter.
        """
        tasking = self._tasking(after, networks)
        async with client() as http:
            asking = Asking(tasking, http)
            if not paced:
                asking._pacing = Pacing(self._database, _at_once)
            await Pulling(tasking, asking).turn()
            await Fetcher(tasking, asking).turn()

    async def compare(self, after: timedelta = timedelta()) -> int:
        """Let the worker compare what is due so long from now; how many connections that were."""
        tasking = self._tasking(after, "127.0.0.0/8")
        async with client() as http:
            return await Comparer(tasking, Asking(tasking, http)).turn()

    def _tasking(self, after: timedelta, networks: str) -> Tasking:
        at = system() + after
        config = self._api.site.config.model_copy(update={"endpoint_networks": networks})
        around = Surroundings(clock=lambda: at)
        return Tasking(config, self._database, self._api.site.keys, around)

    async def deliveries(self) -> list[tuple[str, str]]:
        """Types and statuses."""
        items = ok(await self.staff.get(f"{API}/deliveries"))["items"]
        return sorted((each["type"] or "", each["status"]) for each in items)

    async def sent(self) -> list[str]:
        """Types of what the worker sends."""
        return [each["type"].split(".")[1] for each in await self._sent()]

    async def events(self) -> list[dict[str, Any]]:
        """Data of what the worker sends."""
        return [each["data"] for each in await self._sent()]

    async def _sent(self) -> list[dict[str, Any]]:
        rows = await self._api.site.query(
            "select payloads from gateway.outbox where topic = 'storefront' order by id"
        )
        events = [json.loads(payload) for row in rows for payload in row["payloads"]]
        return [each for each in events if each["programid"] == self.platform.shop.program]

    async def waiting(self) -> list[dict[str, Any]]:
        """Data of the refunds that wait until it is known whose their order is."""
        rows = await self._api.site.rows("gateway.waiting_event", self.platform.shop.program)
        return [json.loads(row["event"])["data"] for row in rows]

    async def trouble(self) -> str | None:
        """What is told of the credentials."""
        shown = ok(await self.staff.get(self.path))["credentials"]
        return shown["trouble"]  # type: ignore[no-any-return]


@pytest_asyncio.fixture(loop_scope="session")
async def woo(gateway: Api, database: Database) -> Asked:
    """A WooCommerce shop; no other is pulled from."""
    await gateway.site.execute("truncate gateway.pull")
    return Asked(await connect(gateway, "woocommerce"), database)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(woo: Asked) -> AsyncIterator[WooStandIn]:
    """The shop's REST interface, which the connection may use."""
    async with WooStandIn() as opened:
        await woo.set(opened.base)
        await woo.trust(opened)
        yield opened


def changed_in(order: dict[str, Any], after: timedelta) -> dict[str, Any]:
    """An order as if it had changed so long from now."""
    return order | {"date_modified_gmt": f"{system() + after:%Y-%m-%dT%H:%M:%S}"}


async def test_without_credentials_a_refund_is_told_by_amount_and_nothing_waits_for_a_call(
    woo: Asked,
) -> None:
    assert await woo.platform.send(BACK, "order.updated") == "published"
    assert sorted(kind for kind, _ in await woo.platform.told()) == ["order-paid", "refund"]
    assert await woo.deliveries() == [
        ("order-completed", "waiting"), ("order-paid", "published"), ("refund", "published"),
    ]  # fmt: skip


async def test_with_credentials_a_refund_in_an_order_is_fetched_with_its_lines_once(
    woo: Asked, shop: WooStandIn
) -> None:
    """What the delivery says of it roughly is not told besides."""
    order = BACK | PAID | {"refunds": BACK["refunds"]}
    number = str(order["id"])
    shop.refunds[number, "801"] = a_woo_refund(a_woo_refund_line(LINE))
    assert await woo.send(order, shop.base) == "published"
    assert ("", "fetching") in await woo.deliveries()
    assert [kind for kind, _ in await woo.platform.told()] == ["order-paid"]
    await woo.work(MINUTE)
    (refund,) = await woo.waiting()
    assert [(line["line_id"], line["net_minor"]) for line in refund["lines"]] == [(LINE, 900)]
    assert (refund["scope"], refund["total_minor"], refund["refund_no"]) == ("lines", 900, "801")
    await woo.send(order | {"date_modified_gmt": "2026-03-06T00:00:00"}, shop.base)
    await woo.work(2 * MINUTE)
    assert [call["method"] for call in shop.calls].count(f"orders/{number}/refunds/801") == 1
    assert len(await woo.waiting()) == 1


async def test_an_order_that_nobody_told_is_found_and_agrees_with_its_delivery(
    woo: Asked, shop: WooStandIn
) -> None:
    """What counts not is not recorded, and what comes later by webhook has the same id."""
    await woo.work()
    unpaid = changed_in(PAID | {"id": 728, "status": "pending"}, 8 * MINUTE)
    order = changed_in(PAID, 8 * MINUTE)
    shop.orders = {str(order["id"]): order, "728": unpaid}
    await woo.work(10 * MINUTE)
    assert await woo.sent() == []
    await woo.work(16 * MINUTE)
    assert await woo.sent() == ["order-paid"]
    assert await woo.deliveries() == [("order-paid", "published")]
    await woo.send(order, shop.base)
    ((event, _),) = {
        (row["event_id"], row["digest"])
        for row in await woo.platform.shop.api.site.rows(
            "gateway.delivery", woo.platform.shop.program
        )
    }
    assert event is not None


async def test_a_key_that_the_shop_does_not_take_is_told(woo: Asked, shop: WooStandIn) -> None:
    await woo.trust(shop, consumer_secret="wrong")
    await woo.work()
    assert await woo.trouble() == "answered 401"
    await woo.trust(shop)
    await woo.work(MINUTE)
    assert await woo.trouble() is None


async def test_a_shop_whose_address_is_not_set_or_leads_inside_is_not_asked(
    woo: Asked, shop: WooStandIn
) -> None:
    """The address is a merchant's word: http and loopback are the operator's to allow."""
    await woo.work(networks="")
    assert await woo.trouble() == "the shop's address is not allowed: public https only"
    assert shop.calls == []


async def test_credentials_without_an_address_say_what_is_missing(woo: Asked) -> None:
    await woo.trust(WooStandIn())
    await woo.work()
    assert await woo.trouble() == "calls go to the shop's address: it is not set as `shop`"
