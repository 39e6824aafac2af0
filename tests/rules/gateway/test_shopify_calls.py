"""Calls to a Shopify shop: what they ask, what an order says with what paid it."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec import ValidationError

from services.gateway.connectors import can_fetch, forms, shopify
from services.gateway.connectors.port import Fetch, Page
from services.gateway.rules.reading import told
from services.gateway.settings import USUAL
from tests.builders.events import instant
from tests.rules.gateway.heard import NOW, a_shop, heard, payload

CREDENTIALS = {"access_token": "shpat_1"}
BASE = "https://demo.myshopify.com"
PAID = payload("shopify", "orders_create")
NUMBER = str(PAID["id"])
ORDER, PAYMENTS = Fetch("order", NUMBER), Fetch("payments", NUMBER)
BY_CARD = PAID | {"payment_gateway_names": ["manual", "gift_card"]}
REFUND = {
    "id": 7,
    "order_id": PAID["id"],
    "created_at": "2023-04-01T00:00:00Z",
    "transactions": [{"kind": "refund", "status": "success", "amount": "9.00", "currency": "USD"}],
}


def a_payment(**changes: Any) -> dict[str, Any]:
    """Ten dollars by gift card."""
    usual = {"kind": "sale", "status": "success", "amount": "10.00", "gateway": "gift_card"}
    return usual | changes


def detail(order: dict[str, Any], *payments: dict[str, Any]) -> Any:
    """What an order says, asked for as calls do."""
    raw = json.dumps({"order": order}).encode()
    if shopify.further(ORDER, raw) == PAYMENTS:
        raw = shopify.joined(raw, json.dumps({"transactions": list(payments)}).encode())
    return shopify.detail(ORDER, raw, USUAL)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (ORDER, f"/orders/{NUMBER}.json"),
        (PAYMENTS, f"/orders/{NUMBER}/transactions.json?in_shop_currency=true"),
        (Fetch("order", "../shop"), "/orders/..%2Fshop.json"),
    ],
)
def test_a_call_goes_to_the_shop_with_its_token(wanted: Fetch, path: str) -> None:
    made = shopify.call(wanted, CREDENTIALS, BASE, NOW)
    assert (made.method, made.url) == ("GET", f"{BASE}/admin/api/2026-10{path}")
    assert made.headers == {"x-shopify-access-token": "shpat_1"}


@pytest.mark.parametrize(("page", "after"), [(Page(), "1"), (Page(2, "450789469"), "450789469")])
def test_a_listing_goes_on_behind_the_last_order(page: Page, after: str) -> None:
    since, until = instant("2026-03-01 16:00"), instant("2026-03-01 16:30")
    made = shopify.changed(since, until, page, CREDENTIALS, BASE, NOW)
    asked = {name: value[0] for name, value in parse_qs(urlsplit(made.url).query).items()}
    assert asked == {
        "status": "any",
        "updated_at_min": "2026-03-01T16:00:00Z",
        "updated_at_max": "2026-03-01T16:30:00Z",
        "since_id": after,
        "limit": "250",
        "fields": "id",
    }


@pytest.mark.parametrize("count", [0, 249, 250])
def test_a_full_page_may_be_followed_by_another(count: int) -> None:
    raw = json.dumps({"orders": [{"id": n} for n in range(count)]}).encode()
    orders = [Fetch("order", str(n)) for n in range(count)]
    assert shopify.listed(raw) == (orders, count == 250)


def test_an_answer_that_lists_nothing_is_no_empty_list() -> None:
    with pytest.raises(ValidationError):
        shopify.listed(b'{"errors": "Not Found"}')


def test_an_order_that_is_asked_for_says_what_its_delivery_says() -> None:
    delivered = heard(shopify, PAID, x_shopify_topic="orders/paid")
    assert detail(PAID | {"refunds": []}).events == delivered.events


def test_refunds_inside_an_order_are_those_that_are_delivered() -> None:
    (delivered,) = heard(shopify, REFUND, x_shopify_topic="refunds/create").events
    paid, refund = detail(PAID | {"refunds": [REFUND]}).events
    assert isinstance(paid, forms.OrderPaid)
    assert refund == delivered


def test_a_refund_inside_an_order_has_its_buyer() -> None:
    """So it need not wait until the order is known."""
    bought = PAID | {"customer": {"id": 12}, "refunds": [REFUND]}
    paid, refund = detail(bought).events
    assert (refund.customer, refund.customer.id) == (paid.customer, "12")


def test_a_cancelled_order_tells_that_and_what_was_given_back() -> None:
    gone = PAID | {"cancelled_at": "2023-03-26T00:00:00Z", "refunds": [REFUND]}
    kinds = [type(each) for each in detail(gone).events]
    assert kinds == [forms.OrderCancelled, forms.Refund]


def test_an_order_that_is_not_paid_is_ignored_when_it_is_asked_for() -> None:
    said = detail(BY_CARD | {"financial_status": "pending"})
    assert (said.ignored, said.events) == ("financial_status pending", ())


@pytest.mark.parametrize(
    ("payments", "minor"),
    [
        ([], 0),
        ([a_payment()], 1_000),
        ([a_payment(), a_payment(kind="capture", amount="2.50")], 1_250),
        ([a_payment(), a_payment(gateway="manual", amount="5")], 1_000),
        ([a_payment(status="failure"), a_payment(kind="authorization")], 0),
        ([a_payment(), a_payment(kind="refund", amount="10.00")], 1_000),
    ],
)
def test_what_gift_cards_paid_is_told_apart_from_money(
    payments: list[dict[str, Any]], minor: int
) -> None:
    (paid,) = detail(BY_CARD, *payments).events
    assert (paid.gift_card_minor, paid.total_minor) == (minor, 262_995)


def test_a_completion_to_come_knows_what_gift_cards_paid() -> None:
    sent = BY_CARD | {
        "fulfillment_status": "fulfilled",
        "fulfillments": [{"created_at": "2023-03-25T00:00:00Z"}],
    }
    assert detail(sent, a_payment()).pending.order.gift_card_minor == 1_000


def test_only_an_order_that_a_gift_card_paid_takes_a_second_call() -> None:
    def further(order: dict[str, Any], wanted: Fetch = ORDER) -> Fetch | None:
        return shopify.further(wanted, json.dumps({"order": order}).encode())

    assert further(PAID) is None
    assert further(BY_CARD) == PAYMENTS
    assert further(BY_CARD, PAYMENTS) is None


def test_a_delivery_cannot_tell_what_a_gift_card_paid_so_it_is_fetched_where_that_can_be() -> None:
    said = heard(shopify, BY_CARD, x_shopify_topic="orders/paid")
    without = a_shop(source="shopify")
    able = a_shop(source="shopify", credentials=CREDENTIALS)
    assert not can_fetch(without.connection)
    (rough,), none = told(without, said)
    assert isinstance(rough, forms.OrderPaid)
    assert (rough.gift_card_minor, list(none)) == (0, [])
    events, fetches = told(able, said)
    assert (list(events), list(fetches)) == ([], [ORDER])
