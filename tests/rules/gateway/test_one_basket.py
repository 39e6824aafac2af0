"""The same basket, bought at three kinds of shop, is the same to every service."""

from typing import Any

import pytest
from msgspec import structs

from services.gateway.connectors import generic, shopify, woocommerce
from services.gateway.connectors.port import Connector, Heard
from services.gateway.settings import USUAL
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from tests.rules.gateway.heard import events, heard

PAID_AT = "2026-03-01T10:00:00Z"
LINES = ((1, "TEA-1", 2, 1_250, 250), (2, "CUP-2", 1, 999, 0))
"""Id, sku, quantity, price of one, discount of the line; all in minor units."""
SHIPPING, TOTAL = 500, 3_749
BUYER = "li@example.com"


def decimal(minor: int) -> str:
    """As platforms write money."""
    return f"{minor // 100}.{minor % 100:02}"


GENERIC: dict[str, Any] = {
    "type": "order.paid",
    "order_id": "77",
    "currency": "USD",
    "customer": {"email": BUYER},
    "placed_at": PAID_AT,
    "paid_at": PAID_AT,
    "lines": [
        {
            "line_id": str(line),
            "sku": sku,
            "quantity": quantity,
            "list_minor": quantity * price,
            "discount_minor": off,
        }
        for line, sku, quantity, price, off in LINES
    ],
    "shipping_minor": SHIPPING,
    "total_minor": TOTAL,
}
SHOPIFY: dict[str, Any] = {
    "id": 77,
    "currency": "USD",
    "created_at": PAID_AT,
    "financial_status": "paid",
    "email": BUYER,
    "line_items": [
        {
            "id": line,
            "sku": sku,
            "quantity": quantity,
            "price": decimal(price),
            "discount_allocations": [{"amount": decimal(off)}] if off else [],
        }
        for line, sku, quantity, price, off in LINES
    ],
    "shipping_lines": [{"price": decimal(SHIPPING)}],
    "total_price": decimal(TOTAL),
}
WOO: dict[str, Any] = {
    "id": 77,
    "status": "processing",
    "currency": "USD",
    "date_created_gmt": "2026-03-01T10:00:00",
    "billing": {"email": BUYER},
    "line_items": [
        {
            "id": line,
            "sku": sku,
            "quantity": quantity,
            "subtotal": decimal(quantity * price),
            "total": decimal(quantity * price - off),
        }
        for line, sku, quantity, price, off in LINES
    ],
    "shipping_total": decimal(SHIPPING),
    "total": decimal(TOTAL),
}
SHOPS: dict[str, tuple[Connector, dict[str, Any], dict[str, str]]] = {
    "shopify": (shopify, SHOPIFY, {"x_shopify_topic": "orders/paid"}),
    "woocommerce": (woocommerce, WOO, {"x_wc_webhook_topic": "order.updated"}),
}


def said(source: str, **changes: Any) -> Heard:
    """What a shop of a platform says of the basket."""
    connector, body, headers = SHOPS[source]
    return heard(connector, body | changes, USUAL, **headers)


@pytest.mark.parametrize("source", SHOPS)
def test_a_platforms_order_is_that_of_a_shop_of_ones_own(source: str) -> None:
    (ours,) = events(heard(generic, GENERIC), "generic")
    (theirs,) = events(said(source), source)
    assert isinstance(theirs, OrderPaid)
    assert theirs == ours


@pytest.mark.parametrize(
    ("source", "done", "completed_at"),
    [
        (
            "shopify",
            {"fulfillment_status": "fulfilled", "fulfillments": [{"created_at": PAID_AT}]},
            "2026-03-16T10:00:00Z",
        ),
        (
            "woocommerce",
            {"status": "completed", "date_completed_gmt": "2026-03-01T10:00:00"},
            "2026-03-08T10:00:00Z",
        ),
    ],
)
def test_its_completion_is_too(source: str, done: dict[str, Any], completed_at: str) -> None:
    completed = GENERIC | {
        "type": "order.completed",
        "completed_at": completed_at,
        "completed_by": "policy",
    }
    (ours,) = events(heard(generic, completed), "generic")
    told = said(source, **done)
    assert told.pending is not None
    (paid,) = events(told, source)
    due = told.pending.due_at
    assert OrderCompleted(**structs.asdict(paid), completed_at=due, completed_by="policy") == ours


def test_a_line_given_back_at_shopify_is_one_given_back_anywhere() -> None:
    ours = {
        "type": "refund",
        "refund_id": "9",
        "order_id": "77",
        "currency": "USD",
        "refunded_at": PAID_AT,
        "lines": [{"line_id": "1", "sku": "TEA-1", "quantity": 1, "net_minor": 1_125}],
        "total_minor": 1_125,
        "scope": "lines",
    }
    theirs = {
        "id": 9,
        "order_id": 77,
        "created_at": PAID_AT,
        "refund_line_items": [
            {"line_item_id": 1, "quantity": 1, "subtotal": "11.25", "line_item": SHOPIFY[
                "line_items"][0]}
        ],
        "transactions": [
            {"kind": "refund", "status": "success", "amount": "11.25", "currency": "USD"}
        ],
    }  # fmt: skip
    told = heard(shopify, theirs, x_shopify_topic="refunds/create")
    assert events(told, "shopify") == events(heard(generic, ours), "generic")


def test_the_refund_of_woocommerce_gives_back_as_much() -> None:
    """It tells no lines: points spreads the amount over them."""
    _, refund = events(said("woocommerce", refunds=[{"id": 9, "total": "-11.25"}]), "woocommerce")
    assert (refund.total_minor, refund.amount_minor, refund.lines) == (1_125, 1_125, [])
