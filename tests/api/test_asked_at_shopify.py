"""Shopify asked at the shop's own address: what nobody told, what gift cards paid."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import system
from shared.db.engine import Database
from tests.api.harness import Api
from tests.api.test_asked_at_shops import MINUTE, Asked
from tests.api.test_platforms import PAID, REFUND, SECRET, connect
from tests.backing.platforms import ShopifyStandIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
NUMBER = str(PAID["id"])
BY_CARD = PAID | {"payment_gateway_names": ["gift_card", "manual"]}
PAYMENT = {"kind": "sale", "status": "success", "amount": "600.00", "gateway": "gift_card"}


@pytest_asyncio.fixture(loop_scope="session")
async def shopify(gateway: Api, database: Database) -> Asked:
    """A Shopify shop; no other is pulled from."""
    await gateway.site.execute("truncate gateway.pull")
    return Asked(await connect(gateway, "shopify", SECRET), database)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(shopify: Asked) -> AsyncIterator[ShopifyStandIn]:
    """The shop's Admin REST interface, which the connection may use."""
    async with ShopifyStandIn() as opened:
        await shopify.set(opened.base)
        await shopify.trust(opened)
        yield opened


def changed(order: dict[str, Any], after: timedelta = 8 * MINUTE, **more: Any) -> dict[str, Any]:
    """An order as if it had changed so long from now."""
    return order | {"updated_at": (system() + after).isoformat()} | more


def methods(shop: ShopifyStandIn) -> list[str]:
    """What was asked, in order."""
    return [call["method"] for call in shop.calls]


async def told(shopify: Asked) -> list[tuple[object, ...]]:
    """Types, ids and digests of what was recorded."""
    rows = await shopify.platform.shop.api.site.rows(
        "gateway.delivery", shopify.platform.shop.program
    )
    return sorted((row["type"] or "", row["event_id"], row["digest"]) for row in rows)


async def test_orders_and_refunds_that_nobody_told_are_found_by_pages_and_agree(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    """What comes by webhook afterwards has the same ids and says the same."""
    await shopify.work()
    many = {str(n): changed(PAID | {"id": n, "financial_status": "pending"}) for n in range(2, 251)}
    shop.orders = many | {
        "251": changed(PAID, id=251, cancelled_at="2023-03-26T00:00:00Z"),
        NUMBER: changed(PAID, refunds=[REFUND]),
    }
    await shopify.work(16 * MINUTE, paced=False)
    assert await shopify.sent() == ["order-cancelled", "order-paid", "refund"]
    assert await shopify.deliveries() == [
        ("order-cancelled", "published"), ("order-paid", "published"), ("refund", "published"),
    ]  # fmt: skip
    found = await told(shopify)
    assert methods(shop).count("orders") == 3
    await shopify.platform.send(PAID, "orders/paid", x_shopify_shop_domain=shop.base)
    await shopify.platform.send(REFUND, "refunds/create", x_shopify_shop_domain=shop.base)
    assert {row[1:] for row in await told(shopify)} == {row[1:] for row in found}


async def test_an_order_that_a_gift_card_paid_part_of_is_told_with_what_it_paid(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    """The delivery cannot tell that, so nothing goes out before it is asked."""
    shop.orders, shop.payments = {NUMBER: changed(BY_CARD, -60 * MINUTE)}, {NUMBER: [PAYMENT]}
    answer = await shopify.platform.send(BY_CARD, "orders/paid", x_shopify_shop_domain=shop.base)
    assert answer == "fetching"
    assert await shopify.platform.told() == []
    await shopify.work(MINUTE)
    (row,) = await shopify.events()
    assert (row["gift_card_minor"], row["total_minor"]) == (60_000, 262_995)
    assert methods(shop)[-2:] == [f"orders/{NUMBER}", f"orders/{NUMBER}/transactions"]


async def test_without_a_token_such_an_order_is_told_as_it_was_delivered(
    shopify: Asked,
) -> None:
    assert await shopify.platform.send(BY_CARD, "orders/paid") == "published"
    ((_, paid),) = await shopify.platform.told()
    assert (paid["gift_card_minor"], paid["total_minor"]) == (0, 262_995)


async def test_a_shop_that_asks_to_slow_down_is_waited_for(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    await shopify.work()
    shop.orders = {NUMBER: changed(PAID)}
    shop.hurry(times=2)
    await shopify.work(16 * MINUTE)
    assert methods(shop) == ["orders"] * 4 + [f"orders/{NUMBER}"]
    assert await shopify.sent() == ["order-paid"]


async def test_a_long_pause_is_not_waited_for_but_the_shop_asked_again_later(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    await shopify.work()
    shop.orders = {NUMBER: changed(PAID)}
    shop.hurry("60")
    await shopify.work(16 * MINUTE)
    assert await shopify.sent() == []
    await shopify.work(18 * MINUTE)
    assert await shopify.sent() == ["order-paid"]


async def test_a_token_that_the_shop_does_not_take_is_told(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    await shopify.trust(shop, access_token="wrong")
    await shopify.work()
    assert await shopify.trouble() == "answered 401"
    await shopify.trust(shop)
    await shopify.work(MINUTE)
    assert await shopify.trouble() is None


async def test_a_shop_at_an_inner_address_is_not_asked(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    await shopify.work(networks="")
    assert await shopify.trouble() == "the shop's address is not allowed: public https only"
    assert shop.calls == []
