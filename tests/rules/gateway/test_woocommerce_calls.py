"""Calls to a WooCommerce shop: what they ask, what a refund says, what is fetched."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError

from services.gateway.connectors import can_fetch, forms, woocommerce
from services.gateway.connectors.port import Fetch, Page
from services.gateway.rules.normalising import normalise
from services.gateway.rules.reading import told
from services.gateway.settings import USUAL
from tests.builders.events import instant
from tests.builders.platforms import a_woo_refund, a_woo_refund_line
from tests.rules.gateway.heard import NOW, a_shop, heard, payload

CREDENTIALS = {"consumer_key": "ck_1", "consumer_secret": "cs_1"}
BASE = "https://shop.example"
ORDER = Fetch("order", "727")
REFUND = Fetch("refund", "801", "727", 1, "USD")
DOCS = payload("woocommerce", "docs_order")


def refund(*lines: dict[str, Any], wanted: Fetch = REFUND, **changes: Any) -> forms.Refund:
    """What a refund's detail says."""
    raw = json.dumps(a_woo_refund(*lines, **changes)).encode()
    (said,) = woocommerce.detail(wanted, raw, USUAL).events
    assert isinstance(said, forms.Refund)
    return said


@pytest.mark.parametrize(
    ("wanted", "path"), [(ORDER, "/orders/727"), (REFUND, "/orders/727/refunds/801")]
)
def test_a_call_goes_to_the_shop_with_key_and_secret(wanted: Fetch, path: str) -> None:
    made = woocommerce.call(wanted, CREDENTIALS, BASE, NOW)
    assert (made.method, made.url) == ("GET", f"{BASE}/wp-json/wc/v3{path}")
    assert made.headers == {"authorization": "Basic Y2tfMTpjc18x"}


def test_a_number_is_one_segment_of_the_path_whatever_it_holds() -> None:
    made = woocommerce.call(Fetch("order", "../users?x"), CREDENTIALS, BASE, NOW)
    assert made.url == f"{BASE}/wp-json/wc/v3/orders/..%2Fusers%3Fx"


def test_a_listing_spans_two_instants_in_gmt() -> None:
    since, until = instant("2026-03-01 16:00"), instant("2026-03-01 16:30")
    made = woocommerce.changed(since, until, Page(2), CREDENTIALS, BASE, NOW)
    asked = parse_qs(urlsplit(made.url).query)
    assert (asked["modified_after"], asked["modified_before"], asked["dates_are_gmt"]) == (
        ["2026-03-01T16:00:00"],
        ["2026-03-01T16:30:00"],
        ["true"],
    )
    assert (asked["page"], asked["per_page"]) == (["2"], ["100"])


@pytest.mark.parametrize(("count", "more"), [(0, False), (99, False), (100, True)])
def test_a_full_page_may_be_followed_by_another(count: int, *, more: bool) -> None:
    raw = json.dumps([{"id": number, "status": "pending"} for number in range(count)]).encode()
    assert woocommerce.listed(raw) == ([Fetch("order", str(n)) for n in range(count)], more)


def test_an_answer_that_is_no_list_is_not_read_as_an_empty_one() -> None:
    with pytest.raises(ValidationError):
        woocommerce.listed(b'{"code":"rest_forbidden"}')


def test_an_order_that_is_fetched_says_what_its_delivery_says() -> None:
    """So both give one event."""
    fetched = woocommerce.detail(ORDER, json.dumps(DOCS).encode(), USUAL)
    delivered = heard(woocommerce, DOCS, x_wc_webhook_topic="order.updated")
    assert (fetched.events, fetched.finer) == (delivered.events, delivered.finer)


def test_a_refund_by_lines_with_tax_and_freight() -> None:
    freight = {"total": "-5.00", "total_tax": "-0.50"}
    found = refund(
        a_woo_refund_line("315", quantity=-2, total="-12.00", total_tax="-0.90", sku="B"),
        amount="20.40",
        shipping_lines=[freight],
        reason="too small",
    )
    assert found.lines == [
        forms.RefundLine(line_id="315", sku="B", quantity=2, net_minor=1_200, tax_minor=90)
    ]
    assert (found.shipping_minor, found.amount_minor, found.total_minor) == (550, 200, 2_040)
    assert (found.scope, found.order_id, found.reason) == ("lines", "727", "too small")
    assert found.refunded_at == "2026-03-05T10:00:00Z"


def test_money_of_a_line_without_a_piece_counts_as_of_one_and_a_line_without_money_not() -> None:
    found = refund(
        a_woo_refund_line("315", quantity=0, total="-3.00"),
        a_woo_refund_line("316", quantity=-1, total="0.00"),
        amount="3.00",
    )
    assert [(line.line_id, line.quantity) for line in found.lines] == [("315", 1)]


def test_a_line_that_names_no_line_of_the_order_is_an_amount() -> None:
    found = refund(a_woo_refund_line(None, total="-3.00"), amount="3.00")
    assert (found.lines, found.amount_minor, found.scope) == ([], 300, "amount")


def test_amounts_are_read_in_the_currency_of_the_order() -> None:
    yen = Fetch("refund", "801", "727", 1, "JPY")
    assert refund(amount="300", wanted=yen).total_minor == 300


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 10**6)), max_size=5),
       st.integers(0, 10**6))  # fmt: skip
def test_the_parts_of_a_refund_are_its_total(parts: list[tuple[int, int]], rest: int) -> None:
    """Lines with their tax, and what is tied to none."""
    lines = [
        a_woo_refund_line(str(n), total=f"-{net / 100:.2f}", total_tax=f"-{tax / 100:.2f}")
        for n, (net, tax) in enumerate(parts, 1)
    ]
    total = rest + sum(net + tax for net, tax in parts)
    found = refund(*lines, amount=f"{total / 100:.2f}")
    assert [(each.net_minor, each.tax_minor) for each in found.lines] == parts
    assert (found.amount_minor, found.total_minor) == (rest, total)
    normalise(a_shop(source="woocommerce"), found)


def test_a_refund_in_an_order_is_fetched_where_calls_can_be_made_and_else_told_by_amount() -> None:
    """It is one or the other, so nothing is given back twice."""
    back = DOCS | {"refunds": [{"id": 801, "reason": "", "total": "-5.00"}]}
    said = heard(woocommerce, back, x_wc_webhook_topic="order.updated")
    poor, rich = a_shop(source="woocommerce"), a_shop(source="woocommerce", credentials=CREDENTIALS)
    assert [can_fetch(shop.connection) for shop in (poor, rich)] == [False, True]
    (_, rough), fetches = told(poor, said)
    assert (rough.refund_id, rough.total_minor, rough.scope) == ("801", 500, "amount")  # type: ignore[union-attr]
    assert fetches == []
    events, fetches = told(rich, said)
    assert [type(each) for each in events] == [forms.OrderPaid]
    assert fetches == [REFUND]
