"""One basket, bought at every kind of shop: `BASKETS["shopify"]().paid` is what Shopify says of it.

Three lines, one of them reduced, a discount of the whole order, freight; paid, received, and one
line given back. It is the same money everywhere: yuan, whose prices hold the tax.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from services.gateway.connectors import generic, shopify, taobao_tmc, woocommerce, youzan
from services.gateway.connectors.port import Fetch, Heard
from services.gateway.settings import USUAL
from tests.builders.platforms import (
    PAID,
    a_refund_of_a_trade,
    a_sub_order,
    a_trade,
    a_youzan_line,
    a_youzan_order,
    a_youzan_refund,
    topped,
    youzaned,
)


class Line(Struct, frozen=True):
    """A line; all amounts in minor units."""

    number: int
    sku: str
    quantity: int
    price: int
    """Of one."""
    off: int
    """Its own discount."""
    share: int
    """What the order's discount comes to here, pro rata."""

    @property
    def listed(self) -> int:
        """Without discounts."""
        return self.quantity * self.price

    @property
    def net(self) -> int:
        """What was paid for it."""
        return self.listed - self.off - self.share


LINES: Final = (
    Line(1, "TEA-1", 2, 1_250, 250, 172),
    Line(2, "CUP-2", 1, 999, 0, 77),
    Line(3, "TIN-3", 3, 310, 0, 71),
)
DISCOUNT, SHIPPING, TOTAL = 320, 500, 4_359
BUYER, ORDER, REFUND = "b-1", "77", "9"
BACK: Final = LINES[0]
"""The line that is given back, whole."""
PAID_AT, COMPLETED_AT, BACK_AT = (
    "2026-03-01T10:00:00Z",
    "2026-03-16T10:00:00Z",
    "2026-03-20T10:00:00Z",
)
SENT_AT: Final = PAID_AT
"""Shopify counts 15 days from here."""
CLOSED_AT: Final = "2026-03-09T10:00:00"
"""WooCommerce counts 7 days from here."""
RECEIVED, RETURNED = "2026-03-16 18:00:00", "2026-03-20 18:00:00"
"""As Taobao and Youzan write them."""


class Basket(Struct, frozen=True):
    """What a shop says of it."""

    paid: Heard
    completed: Heard
    """Received; where shops never tell that, sent, and the time for it begins."""
    returned: Heard


def decimal(minor: int) -> str:
    """As platforms write money."""
    return f"{minor // 100}.{minor % 100:02}"


def at_generic() -> Basket:
    """At a shop of one's own."""
    order: dict[str, Any] = {
        "order_id": ORDER,
        "currency": "CNY",
        "customer": {"id": BUYER},
        "placed_at": PAID_AT,
        "paid_at": PAID_AT,
        "lines": [
            {
                "line_id": str(line.number),
                "sku": line.sku,
                "quantity": line.quantity,
                "list_minor": line.listed,
                "discount_minor": line.off,
            }
            for line in LINES
        ],
        "discount_minor": DISCOUNT,
        "shipping_minor": SHIPPING,
        "total_minor": TOTAL,
    }
    line = {"line_id": "1", "sku": BACK.sku, "quantity": BACK.quantity, "net_minor": BACK.net}
    back = {
        "type": "refund",
        "refund_id": REFUND,
        "order_id": ORDER,
        "currency": "CNY",
        "refunded_at": BACK_AT,
        "lines": [line],
        "total_minor": BACK.net,
        "scope": "lines",
    }
    return Basket(
        _generic(order | {"type": "order.paid"}),
        _generic(order | {"type": "order.completed", "completed_at": COMPLETED_AT}),
        _generic(back),
    )


def at_shopify() -> Basket:
    """At Shopify, which tells shares of the order's discount line by line, and never of receipt."""
    lines = [
        {
            "id": line.number,
            "sku": line.sku,
            "quantity": line.quantity,
            "price": decimal(line.price),
            "discount_allocations": [
                {"amount": decimal(off)} for off in (line.off, line.share) if off
            ],
        }
        for line in LINES
    ]
    order: dict[str, Any] = {
        "id": int(ORDER),
        "currency": "CNY",
        "created_at": PAID_AT,
        "financial_status": "paid",
        "customer": {"id": BUYER},
        "taxes_included": True,
        "line_items": lines,
        "shipping_lines": [{"price": decimal(SHIPPING)}],
        "total_price": decimal(TOTAL),
    }
    sent = {"fulfillment_status": "fulfilled", "fulfillments": [{"created_at": SENT_AT}]}
    amount = decimal(BACK.net)
    item = {
        "line_item_id": BACK.number,
        "quantity": BACK.quantity,
        "subtotal": amount,
        "line_item": lines[0],
    }
    moved = {"kind": "refund", "status": "success", "amount": amount, "currency": "CNY"}
    back = {
        "id": int(REFUND),
        "order_id": int(ORDER),
        "created_at": BACK_AT,
        "refund_line_items": [item],
        "transactions": [moved],
    }
    return Basket(
        _shopify("orders/paid", order),
        _shopify("orders/fulfilled", order | sent),
        _shopify("refunds/create", back),
    )


def at_woocommerce() -> Basket:
    """At WooCommerce, whose refunds stand in the order without their lines."""
    order: dict[str, Any] = {
        "id": int(ORDER),
        "status": "processing",
        "currency": "CNY",
        "date_created_gmt": PAID_AT.removesuffix("Z"),
        "customer_id": BUYER,
        "line_items": [
            {
                "id": line.number,
                "sku": line.sku,
                "quantity": line.quantity,
                "subtotal": decimal(line.listed),
                "total": decimal(line.net),
            }
            for line in LINES
        ],
        "shipping_total": decimal(SHIPPING),
        "total": decimal(TOTAL),
    }
    closed = {"status": "completed", "date_completed_gmt": CLOSED_AT}
    back = {
        "refunds": [{"id": int(REFUND), "total": f"-{decimal(BACK.net)}"}],
        "date_modified_gmt": BACK_AT.removesuffix("Z"),
    }
    return Basket(*map(_woocommerce, (order, order | closed, order | closed | back)))


def at_taobao() -> Basket:
    """At Taobao or Tmall."""

    def trade(**changes: Any) -> Heard:
        lines = [
            a_sub_order(
                oid_str=str(line.number),
                outer_sku_id=line.sku,
                num_iid=None,
                title=None,
                num=line.quantity,
                price=decimal(line.price),
                divide_order_fee=decimal(line.net),
            )
            for line in LINES
        ]
        whole = {
            "tid_str": ORDER,
            "created": PAID,
            "payment": decimal(TOTAL),
            "post_fee": decimal(SHIPPING),
            "buyer_open_uid": BUYER,
        }
        raw = topped("trade_fullinfo_get", trade=a_trade(*lines, **whole | changes))
        return taobao_tmc.detail(Fetch("order", ORDER), raw, USUAL)

    back = a_refund_of_a_trade(
        refund_id=int(REFUND),
        tid=int(ORDER),
        oid=BACK.number,
        num=BACK.quantity,
        refund_fee=decimal(BACK.net),
        reason=None,
        end_time=RETURNED,
    )
    returned = Fetch("refund", REFUND, ORDER)
    return Basket(
        trade(),
        trade(status="TRADE_FINISHED", end_time=RECEIVED),
        taobao_tmc.detail(returned, topped("refund_get", refund=back), USUAL),
    )


def at_youzan() -> Basket:
    """At Youzan, whose refunds name lines and no SKU."""

    def order(**info: Any) -> Heard:
        lines = [
            a_youzan_line(
                oid=line.number,
                outer_sku_id=line.sku,
                item_id=None,
                title=None,
                num=line.quantity,
                total_fee=decimal(line.listed),
                payment=decimal(line.net),
            )
            for line in LINES
        ]
        told = a_youzan_order(
            *lines,
            pay_info={"payment": decimal(TOTAL), "post_fee": decimal(SHIPPING)},
            buyer_info={"yz_open_id": BUYER, "buyer_phone": ""},
            tid=ORDER,
            created=PAID,
            **info,
        )
        return youzan.detail(Fetch("order", ORDER), youzaned(told), USUAL)

    back = a_youzan_refund(
        {"oid": BACK.number, "refund_fee": BACK.net, "item_num": BACK.quantity},
        refund_id=int(REFUND),
        tid=ORDER,
        refund_fee=decimal(BACK.net),
        desc=None,
        refund_success_time=RETURNED,
    )
    return Basket(
        order(),
        order(status="TRADE_SUCCESS", success_time=RECEIVED),
        youzan.detail(Fetch("refund", REFUND, ORDER), youzaned(back), USUAL),
    )


def _generic(body: Mapping[str, Any]) -> Heard:
    return generic.read(json.dumps(body).encode(), {}, USUAL)


def _shopify(topic: str, body: Mapping[str, Any]) -> Heard:
    return shopify.read(json.dumps(body).encode(), {"x-shopify-topic": topic}, USUAL)


def _woocommerce(body: Mapping[str, Any]) -> Heard:
    raw = json.dumps(body).encode()
    return woocommerce.read(raw, {"x-wc-webhook-topic": "order.updated"}, USUAL)


BASKETS: Final[Mapping[str, Callable[[], Basket]]] = {
    "generic": at_generic,
    "shopify": at_shopify,
    "woocommerce": at_woocommerce,
    "taobao-tmc": at_taobao,
    "youzan": at_youzan,
}
"""By the source of the connection."""
