"""One order as the gateway was told of it: by its number, with the deliveries that said so."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from shared.ids import derive, text_id
from tests.api.harness import RECORDED_SECONDS, Shop, ok, open_shop, problem
from tests.builders.deliveries import a_refund_sent, an_order_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(shop: Shop, number: str, **query: Any) -> dict[str, Any]:
    """What is told of an order, once all deliveries are written."""
    async with asyncio.timeout(RECORDED_SECONDS):
        while shop.api.app.state.recorder.behind:
            await asyncio.sleep(0.02)
    path = f"/api/gateway/v1/orders/{shop.store}/{quote(number, safe='')}"
    caller = shop.api.caller(shop.program, "deliveries.read")
    found: dict[str, Any] = ok(await caller.ask("GET", path, params=query))
    return found


async def test_an_order_is_found_by_its_number_with_what_told_of_it(shop: Shop) -> None:
    """Completion and refund, in the order in which they came; another order's are not there."""
    number = "A/1 #7"
    order = an_order_sent(order_id=number)
    await shop.send(order)
    await shop.send(an_order_sent(order_id="A-2"))
    await shop.send(a_refund_sent(order_id=number))
    refund = text_id("rfd", derive(shop.program, shop.store, "R-1"))
    at = ["2026-03-01T10:00:00+08:00", "2026-03-05T07:00:00Z"]
    found = await told(shop, number, at=at, refund_id=[refund])
    assert [each["type"] for each in found["deliveries"]] == ["order-completed", "refund"]
    assert found["order_id"] == text_id("ord", derive(shop.program, shop.store, number))
    assert found["topic"] == "storefront"
    assert (found["due_at"], found["waiting"]) == (None, 0)


async def test_an_order_that_nobody_told_is_told_as_such(shop: Shop) -> None:
    """No problem: whoever asks wants to know just that. A store of another program is one."""
    found = await told(shop, "never")
    assert (found["first_at"], found["deliveries"]) == (None, [])
    other = await open_shop(shop.api)
    path = f"/api/gateway/v1/orders/{other.store}/never"
    problem(await shop.api.caller(shop.program).get(path), 404, "not-found")


async def test_a_refund_that_waits_for_its_order_is_counted(shop: Shop) -> None:
    """It names no buyer, and the order is not known yet."""
    await shop.send(a_refund_sent(customer=None))
    found = await told(shop, "A-1")
    assert (found["waiting"], found["first_at"]) == (1, None)
    assert [each["status"] for each in found["deliveries"]] == ["waiting"]
