"""A shop compared with what it told: by local day, and what cannot be had of it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import system
from shared.days import local_day, start_of, zone
from shared.db.engine import Database
from shared.ids import uuid_of
from tests.api.harness import Api, ok, problem
from tests.api.test_asked_at_shops import API, MINUTE, Asked
from tests.api.test_platforms import PAID, SECRET, connect
from tests.backing.platforms import ShopifyStandIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = timedelta(days=1)
SHANGHAI = zone("Asia/Shanghai")


@pytest_asyncio.fixture(loop_scope="session")
async def shopify(gateway: Api, database: Database) -> Asked:
    """A Shopify shop; no other is pulled from."""
    await gateway.site.execute("truncate gateway.pull, gateway.wanted")
    return Asked(await connect(gateway, "shopify", SECRET), database)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(shopify: Asked) -> AsyncIterator[ShopifyStandIn]:
    """What it is asked by."""
    async with ShopifyStandIn() as opened:
        await shopify.set(opened.base)
        await shopify.trust(opened)
        yield opened


def bought(number: int, paid_at: datetime, price: str = "10.00", **more: Any) -> dict[str, Any]:
    """An order of one line, which has just changed."""
    line = PAID["line_items"][0] | {"price": price, "quantity": 1}
    told = {"id": number, "line_items": [line], "total_price": price}
    times = dict.fromkeys(("created_at", "processed_at"), paid_at.isoformat())
    return PAID | told | times | {"updated_at": (system() + 2 * MINUTE).isoformat()} | more


async def comparison(shopify: Asked) -> dict[str, Any]:
    """What is shown."""
    return ok(await shopify.staff.get(f"{shopify.path}/comparison"))  # type: ignore[no-any-return]


async def remembered(shopify: Asked, totals: dict[str, int]) -> None:
    """The worker has read what it sent: it knows the orders, and what they came to."""
    site = shopify.platform.shop.api.site
    await site.execute(
        """
        insert into gateway.inbox
        select distinct on (d.event_id) d.event_id, d.digest from gateway.delivery d
        where d.event_id is not null and d.status = 'published'
        on conflict do nothing
        """
    )
    for data in await shopify.events():
        await site.execute(
            """
            insert into gateway.known_order
            select program_id, $2, null, now(), $3 from gateway.program where public_id = $1
            """,
            uuid_of(shopify.platform.shop.program),
            uuid_of(data["order_id"]),
            totals[data["order_no"]],
        )


def of_day(day: datetime, **figures: int) -> dict[str, Any]:
    """A line of the comparison."""
    none = dict.fromkeys(
        ("shop_count", "shop_total_minor", "our_count", "our_total_minor", "agrees", "different",
         "missing"), 0,
    )  # fmt: skip
    return none | {"day": local_day(day, SHANGHAI).isoformat(), "currency": "USD"} | figures


async def test_orders_are_counted_and_summed_by_the_programs_day(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    """Late at night by UTC, and early the next morning in Shanghai, are different days."""
    midnight = start_of(local_day(system(), SHANGHAI), SHANGHAI)
    late, early, old = midnight - MINUTE, midnight - 3 * DAY + MINUTE, midnight - 8 * DAY
    shop.orders = {
        "11": bought(11, late), "12": bought(12, late, "20.00"), "14": bought(14, old),
        "15": bought(15, late, financial_status="pending"),
    }  # fmt: skip
    assert await shopify.compare(5 * MINUTE) == 1
    found = await comparison(shopify)
    assert found["days"] == [of_day(late, shop_count=2, shop_total_minor=3_000, missing=2)]
    assert sorted(each["order_no"] for each in found["orders"]) == ["11", "12"]
    assert len(await shopify.sent()) == 3
    await remembered(shopify, {"11": 1_000, "12": 2_000, "14": 1_000})
    shop.orders |= {"12": bought(12, late, "25.00"), "13": bought(13, early, "30.00")}
    ok(await shopify.staff.post(f"{shopify.path}:reconcile"), 202)
    assert await shopify.compare(5 * MINUTE) == 1
    found = await comparison(shopify)
    assert found["days"] == [
        of_day(early, shop_count=1, shop_total_minor=3_000, missing=1),
        of_day(
            late, shop_count=2, shop_total_minor=3_500, our_count=2, our_total_minor=3_000,
            agrees=1, different=1,
        ),
    ]  # fmt: skip
    apart = [
        (each["order_no"], each["verdict"], each["shop_total_minor"], each["our_total_minor"])
        for each in found["orders"]
    ]
    assert apart == [("13", "missing", 3_000, None), ("12", "different", 2_500, 2_000)]


async def test_it_is_compared_once_a_night_and_when_somebody_asks(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    shown = await comparison(shopify)
    assert (shown["compared_at"], shown["days"]) == (None, [])
    assert await shopify.compare(MINUTE) == 1
    assert await shopify.compare(2 * MINUTE) == 0
    shown = await comparison(shopify)
    tomorrow = local_day(system() + MINUTE, SHANGHAI) + DAY
    assert datetime.fromisoformat(shown["next_at"]) == start_of(tomorrow, SHANGHAI) + 120 * MINUTE
    assert await shopify.compare(27 * 60 * MINUTE) == 1
    assert {call["method"] for call in shop.calls} == {"orders"}


async def test_a_shop_that_was_never_asked_has_no_comparison(shopify: Asked) -> None:
    shown = await comparison(shopify)
    assert shown == {"compared_at": None, "next_at": None, "days": [], "orders": []}
    other = f"{API}/connections/whk_agojyzjeabykvaaaaaaaaaaaai/comparison"
    problem(await shopify.staff.get(other), 404, "not-found")


async def test_an_order_that_cannot_be_had_now_does_not_hold_up_the_others(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    """It is fetched as if a notification had pointed to it."""
    at = system() - DAY
    shop.orders = {str(n): bought(n, at) for n in (11, 12, 13)}
    shop.hidden = {"11"}
    await shopify.compare(5 * MINUTE)
    assert [each["order_no"] for each in await shopify.events()] == ["12", "13"]
    assert ("", "fetching") in await shopify.deliveries()
    shown = await comparison(shopify)
    assert shown["compared_at"] is not None
    shop.hidden = set()
    await shopify.work(6 * MINUTE)
    assert sorted(each["order_no"] for each in await shopify.events())[:1] == ["11"]
    assert ("", "fetching") not in await shopify.deliveries()


async def test_a_shop_that_tells_nothing_any_more_is_asked_again_later(
    shopify: Asked, shop: ShopifyStandIn
) -> None:
    """Three in a row: what was found before stays."""
    at = system() - DAY
    shop.orders = {str(n): bought(n, at) for n in range(11, 16)}
    shop.hidden = {"13", "14", "15"}
    await shopify.compare(5 * MINUTE)
    shown = await comparison(shopify)
    assert (shown["compared_at"], shown["days"]) == (None, [])
    shop.hidden = set()
    assert await shopify.compare(16 * MINUTE) == 1
    assert sum(day["shop_count"] for day in (await comparison(shopify))["days"]) == 5
