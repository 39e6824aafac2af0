"""The same basket, bought at any kind of shop, is the same to every service."""

from typing import Any

import pytest
from msgspec import structs

from services.gateway.connectors import generic, shopify, taobao_tmc, woocommerce, youzan
from services.gateway.connectors.port import Connector, Fetch, Fetcher, Heard
from services.gateway.settings import USUAL
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
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
TAOBAO = topped(
    "trade_fullinfo_get",
    trade=a_trade(
        *(
            a_sub_order(
                oid_str=str(line),
                outer_sku_id=sku,
                num_iid=None,
                title=None,
                num=quantity,
                price=decimal(price),
                divide_order_fee=decimal(quantity * price - off),
            )
            for line, sku, quantity, price, off in LINES
        ),
        tid_str="77",
        created=PAID,
        payment=decimal(TOTAL),
        post_fee=decimal(SHIPPING),
        buyer_open_uid="b-1",
    ),
)
YOUZAN = youzaned(
    a_youzan_order(
        *(
            a_youzan_line(
                oid=line,
                outer_sku_id=sku,
                item_id=None,
                title=None,
                num=quantity,
                total_fee=decimal(quantity * price),
                payment=decimal(quantity * price - off),
            )
            for line, sku, quantity, price, off in LINES
        ),
        pay_info={"payment": decimal(TOTAL), "post_fee": decimal(SHIPPING)},
        buyer_info={"yz_open_id": "b-1", "buyer_phone": ""},
        tid="77",
        created=PAID,
    )
)
FETCHED: dict[str, tuple[Fetcher, bytes]] = {
    "taobao-tmc": (taobao_tmc, TAOBAO),
    "youzan": (youzan, YOUZAN),
}
IN_CHINA = {"currency": "CNY", "customer": {"id": "b-1"}}
"""What the two tell otherwise: their buyers have ids and no addresses."""


def of_generic_assurance(event: Any) -> Any:
    """How sure it is who sent it differs by the kind of shop, and by nothing else."""
    return structs.replace(event, assurance="high")


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


@pytest.mark.parametrize("source", FETCHED)
def test_so_is_one_whose_detail_was_fetched(source: str) -> None:
    connector, raw = FETCHED[source]
    (ours,) = events(heard(generic, GENERIC | IN_CHINA), "generic")
    (theirs,) = events(connector.detail(Fetch("order", "77"), raw, USUAL), source)
    assert of_generic_assurance(theirs) == ours


@pytest.mark.parametrize("source", FETCHED)
def test_so_is_its_completion_where_receipt_is_confirmed(source: str) -> None:
    connector, raw = FETCHED[source]
    for before, after in (
        (b"WAIT_SELLER_SEND_GOODS", b"TRADE_SUCCESS" if source == "youzan" else b"TRADE_FINISHED"),
        (b'"success_time": ""', b'"success_time": "2026-03-08 09:30:00"'),
        (b'"modified": "2026-03-01 18:00:00"', b'"end_time": "2026-03-08 09:30:00"'),
    ):
        raw = raw.replace(before, after)
    completed = {"type": "order.completed", "completed_at": "2026-03-08T09:30:00+08:00"}
    (ours,) = events(heard(generic, GENERIC | IN_CHINA | completed), "generic")
    _, theirs = events(connector.detail(Fetch("order", "77"), raw, USUAL), source)
    assert of_generic_assurance(theirs) == ours


PIECE_BACK = {
    "taobao-tmc": topped(
        "refund_get",
        refund=a_refund_of_a_trade(
            refund_id=9, tid=77, oid=1, refund_fee="11.25", reason=None, end_time=PAID
        ),
    ),
    "youzan": youzaned(
        a_youzan_refund(
            {"oid": 1, "refund_fee": 1_125, "item_num": 1},
            refund_id=9,
            tid="77",
            refund_fee="11.25",
            desc=None,
            refund_success_time=PAID,
        )
    ),
}


@pytest.mark.parametrize("source", FETCHED)
def test_a_piece_given_back_is_one_given_back_anywhere(source: str) -> None:
    """Youzan does not say the SKU; the line is found by its id."""
    line = {"line_id": "1", "quantity": 1, "net_minor": 1_125}
    ours = {
        "type": "refund",
        "refund_id": "9",
        "order_id": "77",
        "currency": "CNY",
        "refunded_at": PAID_AT,
        "lines": [line | ({"sku": "TEA-1"} if source == "taobao-tmc" else {})],
        "total_minor": 1_125,
        "scope": "lines",
    }
    told = FETCHED[source][0].detail(Fetch("refund", "9", "77"), PIECE_BACK[source], USUAL)
    (theirs,) = events(told, source)
    assert [of_generic_assurance(theirs)] == events(heard(generic, ours), "generic")


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
