"""The Shopify connector: signature, orders, cancellations, refunds, customers."""

from datetime import timedelta
from typing import Any

import pytest

from services.gateway.connectors import shopify
from services.gateway.model import Refusal
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from tests.builders.events import instant
from tests.builders.programs import PROGRAM
from tests.builders.storefront import order_id
from tests.rules.gateway.heard import NOW, events, heard, payload

PAID = payload("shopify", "orders_create")
SECRETS = [("sec_1", "shhh"), ("sec_2", "other")]
SIGNED = {"x-shopify-hmac-sha256": "Lcc9Yf2U6zbkFFL44wuL0uEJMTo4Q8mC5iIG3KWCtLA="}
CUSTOMER = {"id": 2**60 + 1, "email": "li@example.com", "verified_email": True}


def order(**changes: Any) -> dict[str, Any]:
    """Two lines of 10.00 and 20.00 with 3.00 off the order and 1.00 off the first, freight 5.00."""
    lines = [
        {"id": 1, "sku": "A", "quantity": 1, "price": "10.00",
         "discount_allocations": [{"amount": "1.00"}, {"amount": "1.00"}]},
        {"id": 2, "sku": "B", "quantity": 2, "price": "10.00",
         "discount_allocations": [{"amount": "2.00"}]},
    ]  # fmt: skip
    return PAID | {
        "line_items": lines,
        "shipping_lines": [{"price": "5.00"}],
        "total_price": "31.00",
        "customer": CUSTOMER,
        **changes,
    }


def said(body: dict[str, Any], topic: str = "orders/updated", **shop: Any) -> list[Any]:
    """Events of a delivery."""
    return events(heard(shopify, body, x_shopify_topic=topic), "shopify", **shop)


def test_the_vectors_of_the_signature() -> None:
    assert shopify.verify(b'{"id":1}', SIGNED, SECRETS, USUAL, NOW) == "sec_1"
    other = {"x-shopify-hmac-sha256": "xnor2JhL7PwtGKJtfmpXoSFN1ReZaryEhZRkTjpdq8g="}
    assert shopify.verify(b'{"id": 1}', other, SECRETS[::-1], USUAL, NOW) == "sec_1"


@pytest.mark.parametrize("raw", [b'{"id": 1}', b'{"id":2}', b""])
def test_another_body_is_refused(raw: bytes) -> None:
    with pytest.raises(Refusal, match="signature-wrong"):
        shopify.verify(raw, SIGNED, SECRETS, USUAL, NOW)


@pytest.mark.parametrize("bit", range(0, 352, 7))
def test_any_bit_of_the_signature_counts(bit: int) -> None:
    """Also those of base64's letters that stand for the same bytes."""
    told = bytearray(SIGNED["x-shopify-hmac-sha256"], "latin-1")
    told[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refusal):
        shopify.verify(
            b'{"id":1}', {"x-shopify-hmac-sha256": told.decode("latin-1")}, SECRETS, USUAL, NOW
        )


def test_without_signature_nothing_is_believed() -> None:
    with pytest.raises(Refusal, match="header-missing"):
        shopify.verify(b'{"id":1}', {}, SECRETS, USUAL, NOW)


@pytest.mark.parametrize("topic", ["orders/create", "orders/paid"])
def test_a_paid_order_as_the_shop_sent_it(topic: str) -> None:
    (paid,) = said(PAID, topic)
    assert isinstance(paid, OrderPaid)
    assert paid.guest
    assert paid.customer_id is None
    assert (paid.currency, paid.total_minor) == ("USD", 262_995)
    assert [(line.sku, line.net_minor) for line in paid.lines] == [("sku-hosted-1", 262_995)]
    assert paid.order_id == order_id(PROGRAM, "5324830114101")
    assert paid.paid_at == instant("2023-03-24 16:37:26")


def test_discounts_freight_and_buyer_of_an_order() -> None:
    (paid,) = said(order(discount_codes=[{"code": "SPRING"}]))
    assert [(line.list_minor, line.discount_minor, line.net_minor) for line in paid.lines] == [
        (1_000, 200, 800),
        (2_000, 200, 1_800),
    ]
    assert (paid.shipping_minor, paid.total_minor) == (500, 3_100)
    assert paid.coupon_codes == ["SPRING"]
    assert paid.customer_id is not None
    assert [(each.kind, each.verified) for each in paid.identities] == [("email", True)]


def test_tax_that_prices_include_is_no_revenue() -> None:
    lines = [{"id": 1, "sku": "A", "quantity": 1, "price": "12.00", "tax_lines": [{"price": "2"}]}]
    (paid,) = said(
        order(
            line_items=lines,
            taxes_included=True,
            shipping_lines=[{"price": "6.00", "tax_lines": [{"price": "1.00"}]}],
            total_price="18.00",
        )
    )
    (line,) = paid.lines
    assert (line.net_minor, line.tax_minor) == (1_000, 200)
    assert (paid.shipping_minor, paid.shipping_tax_minor) == (500, 100)


def test_a_tip_and_duties_are_fees_and_a_gift_card_is_no_goods() -> None:
    lines = [
        {"id": 1, "quantity": 1, "price": "50.00", "gift_card": True},
        {"id": 2, "sku": "B", "quantity": 1, "price": "10.00",
         "duties": [{"price_set": {"shop_money": {"amount": "2.50"}}}]},
    ]  # fmt: skip
    (paid,) = said(
        order(
            line_items=lines,
            shipping_lines=[],
            total_tip_received="1.00",
            total_price="63.50",
        )
    )
    assert [(line.kind, line.net_minor) for line in paid.lines] == [
        ("gift-card", 5_000),
        ("goods", 1_000),
        ("fee", 100),
        ("fee", 250),
    ]


def test_what_the_shop_noted_for_us() -> None:
    noted = [
        {"name": "shuke_hold_ids", "value": "hld_1, hld_2"},
        {"name": "shuke_source_code", "value": "wechat"},
        {"name": "gift", "value": "yes"},
        {"name": "shuke_campaign_codes", "value": None},
    ]
    (paid,) = said(order(note_attributes=noted))
    assert (paid.hold_ids, paid.source_code, paid.campaign_codes) == (
        ["hld_1", "hld_2"],
        "wechat",
        [],
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"financial_status": "pending"}, "financial_status pending"),
        ({"financial_status": "authorized"}, "financial_status authorized"),
        ({"financial_status": "voided"}, "financial_status voided"),
        ({"test": True}, "a test order"),
    ],
)
def test_what_is_not_paid_or_a_test_is_left_alone(changes: dict[str, Any], why: str) -> None:
    told = heard(shopify, order(**changes), x_shopify_topic="orders/create")
    assert (told.ignored, told.events) == (why, ())


@pytest.mark.parametrize("topic", ["", "products/update", "orders/delete", "customers/delete"])
def test_other_topics_are_left_alone(topic: str) -> None:
    assert heard(shopify, {"id": 1}, x_shopify_topic=topic).ignored is not None


def fulfilled(*parts: dict[str, Any]) -> dict[str, Any]:
    """An order that was sent in parts."""
    return order(fulfillment_status="fulfilled", fulfillments=list(parts))


@pytest.mark.parametrize(
    ("parts", "due"),
    [
        ([{"created_at": "2023-03-25T00:00:00Z"}], "2023-04-09"),
        (
            [{"created_at": "2023-03-25T00:00:00Z"}, {"created_at": "2023-03-27T00:00:00Z"}],
            "2023-04-11",
        ),
        (
            [{"created_at": "2023-03-25T00:00:00Z", "updated_at": "2023-03-28T00:00:00Z",
              "shipment_status": "delivered"}],
            "2023-04-04",
        ),
        (
            [{"created_at": "2023-03-25T00:00:00Z", "updated_at": "2023-04-08T00:00:00Z",
              "shipment_status": "delivered"}],
            "2023-04-09",
        ),
        (
            [{"created_at": "2023-03-25T00:00:00Z", "status": "cancelled"},
             {"created_at": "2023-03-26T00:00:00Z", "status": "success"}],
            "2023-04-10",
        ),
    ],
)  # fmt: skip
def test_an_order_is_completed_some_days_after_it_was_sent(
    parts: list[dict[str, Any]], due: str
) -> None:
    pending = heard(shopify, fulfilled(*parts), x_shopify_topic="orders/fulfilled").pending
    assert pending is not None
    assert pending.due_at == instant(due)
    assert pending.order.order_id == "5324830114101"


def test_the_days_until_completion_can_be_set() -> None:
    sent = {"created_at": "2023-03-25T00:00:00Z", "updated_at": "2023-03-28T00:00:00Z"}
    delivered = fulfilled(sent | {"shipment_status": "delivered"})
    for settings, day in (
        (ConnectionSettings(completion_days=0), "2023-03-25"),
        (ConnectionSettings(completion_days=30), "2023-04-04"),
        (ConnectionSettings(completion_days=30, delivered_days=20), "2023-04-17"),
    ):
        told = heard(shopify, delivered, settings, x_shopify_topic="orders/updated")
        assert told.pending is not None
        assert told.pending.due_at == instant(day)


def test_while_something_is_to_be_sent_nothing_is_due() -> None:
    part = order(
        fulfillment_status="partial", fulfillments=[{"created_at": "2023-03-25T00:00:00Z"}]
    )
    assert heard(shopify, part, x_shopify_topic="orders/updated").pending is None
    assert heard(shopify, order(), x_shopify_topic="orders/updated").pending is None


def test_a_cancellation() -> None:
    at = "2023-03-26T10:00:00-04:00"
    (cancelled,) = said(order(cancelled_at=at, cancel_reason="customer"), "orders/cancelled")
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.cancelled_at, cancelled.reason) == (
        instant("2023-03-26 14:00"),
        "customer",
    )
    assert cancelled.customer_id == said(order())[0].customer_id


def a_refund(*items: tuple[int, int, str, str], paid: str, **changes: Any) -> dict[str, Any]:
    """A refund of lines: id, quantity, subtotal, tax."""
    return {
        "id": 7,
        "order_id": 5324830114101,
        "created_at": "2023-04-01T00:00:00Z",
        "refund_line_items": [
            {"line_item_id": line, "quantity": quantity, "subtotal": subtotal, "total_tax": tax}
            for line, quantity, subtotal, tax in items
        ],
        "transactions": [
            {"kind": "refund", "status": "success", "amount": paid, "currency": "USD"},
            {"kind": "refund", "status": "failure", "amount": "99.00", "currency": "USD"},
        ],
        **changes,
    }


@pytest.mark.parametrize(
    ("body", "lines", "shipping", "amount"),
    [
        (a_refund((1, 1, "8.00", "0.00"), paid="8.00"), [(800, 0)], 0, 0),
        (a_refund((1, 1, "8.00", "1.00"), paid="9.00"), [(800, 100)], 0, 0),
        (a_refund((1, 1, "9.00", "1.00"), paid="9.00"), [(800, 100)], 0, 0),
        (a_refund(paid="5.00"), [], 0, 500),
        (a_refund((1, 1, "8.00", "0.00"), paid="10.00"), [(800, 0)], 0, 200),
        (a_refund((1, 1, "8.00", "0"), (2, 1, "8.00", "0"), paid="8.00"), [(400, 0)] * 2, 0, 0),
        (
            a_refund((1, 1, "8.00", "0"), paid="13.50", order_adjustments=[
                {"kind": "shipping_refund", "amount": "-5.00", "tax_amount": "-0.50"}]),
            [(800, 0)], 550, 0,
        ),
    ],
    ids=["line", "taxed", "tax in it", "amount", "more", "less", "shipping"],
)  # fmt: skip
def test_a_refund_by_lines_shipping_and_amount(
    body: dict[str, Any], lines: list[tuple[int, int]], shipping: int, amount: int
) -> None:
    (refund,) = said(body, "refunds/create")
    assert isinstance(refund, Refund)
    assert [(line.net_minor, line.tax_minor) for line in refund.lines] == lines
    assert (refund.shipping_minor, refund.amount_minor) == (shipping, amount)
    assert refund.total_minor == sum(map(sum, lines)) + shipping + amount
    assert refund.order_id == order_id(PROGRAM, "5324830114101")


def test_a_refund_without_money_is_left_alone() -> None:
    told = heard(shopify, a_refund(paid="0", transactions=[]), x_shopify_topic="refunds/create")
    assert told.ignored == "no money was given back"


def test_what_is_known_of_a_customer() -> None:
    body = CUSTOMER | {"phone": "+8613800138000", "updated_at": "2023-03-24T12:37:27-04:00"}
    (updated,) = said(body, "customers/update")
    assert isinstance(updated, CustomerUpdated)
    assert updated.customer_id == said(order())[0].customer_id
    assert {(each.kind, each.verified) for each in updated.identities} == {
        ("phone", False),
        ("email", True),
    }


@pytest.mark.parametrize(
    ("headers", "identity"),
    [
        ({"x-shopify-event-id": "e", "x-shopify-webhook-id": "w"}, "e"),
        ({"x-shopify-webhook-id": "w"}, "w"),
        ({}, ""),
    ],
)
def test_repeats_have_the_event_in_common(headers: dict[str, str], identity: str) -> None:
    assert shopify.delivery_id(b"{}", headers) == identity


def test_the_money_of_a_currency_without_minor_unit() -> None:
    lines = [{"id": 1, "sku": "A", "quantity": 3, "price": "1200"}]
    (paid,) = said(
        order(currency="JPY", line_items=lines, shipping_lines=[], total_price="3600.00")
    )
    assert paid.total_minor == 3_600


def test_an_order_long_past_is_due_at_once() -> None:
    told = heard(shopify, fulfilled({"created_at": "2023-03-25T00:00:00Z"}),
                 x_shopify_topic="orders/updated")  # fmt: skip
    assert told.pending is not None
    assert told.pending.due_at < NOW - timedelta(days=300)
