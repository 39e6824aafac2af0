"""Trades and refunds of Taobao in detail: lines, freight, states, times, what a listing shows."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.connectors import taobao
from services.gateway.connectors.port import Fetch, Heard, NotAuthorised, Page, TryLater
from services.gateway.model import Invalid
from services.gateway.settings import USUAL, ConnectionSettings
from shared.days import Instant
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from tests.builders.events import instant
from tests.builders.platforms import (
    a_refund_of_a_trade,
    a_sub_order,
    a_trade,
    refused,
    topped,
)
from tests.builders.programs import PROGRAM
from tests.builders.storefront import order_id
from tests.rules.gateway.heard import events

CREDENTIALS = {"app_key": "12345678", "app_secret": "appsecret", "session": "6100"}
ORDER, REFUND = Fetch("order", "2918463734761365258"), Fetch("refund", "181784773340365852")
NOW = instant("2026-04-01")


def told(trade: dict[str, Any], settings: ConnectionSettings = USUAL) -> Heard:
    """What the detail of a trade says."""
    return taobao.detail(ORDER, topped("trade_fullinfo_get", trade=trade), settings)


def said(trade: dict[str, Any]) -> list[Any]:
    """Events of a trade."""
    return events(told(trade), "taobao-tmc")


def refund(**changes: Any) -> Heard:
    """What the detail of a refund says."""
    return taobao.detail(REFUND, topped("refund_get", refund=a_refund_of_a_trade(**changes)), USUAL)


def test_a_trade_that_was_paid() -> None:
    (paid,) = said(a_trade())
    assert isinstance(paid, OrderPaid)
    assert (paid.order_no, paid.currency) == ("2918463734761365258", "CNY")
    assert paid.order_id == order_id(PROGRAM, "2918463734761365258")
    assert (paid.placed_at, paid.paid_at) == (
        instant("2026-03-01 09:58"),
        instant("2026-03-01 10:00"),
    )
    ((line),) = paid.lines
    assert (line.line_id, line.sku, line.product_id) == (
        "2918463734761365258",
        "TEA-1",
        "559884639463",
    )
    assert (line.net_minor, line.tax_minor, paid.total_minor) == (10_000, 0, 10_000)
    assert paid.identities == []
    assert paid.customer_id is not None


def test_a_number_beyond_floats_is_read_without_its_text_too() -> None:
    with_texts = said(a_trade())
    bare = a_trade(a_sub_order(oid_str=None), tid_str=None)
    assert said(bare) == with_texts


def test_the_nick_makes_nobody_known() -> None:
    (paid,) = said(a_trade(buyer_open_uid=None))
    assert (paid.customer_id, paid.guest) == (None, True)


def test_discounts_are_what_is_missing_from_price_times_number() -> None:
    first = a_sub_order(oid_str="1", num=2, price="60.00", divide_order_fee="99.50")
    second = a_sub_order(oid_str="2", outer_sku_id=None, outer_iid="CUP", price="30.00",
                         divide_order_fee="25.25")  # fmt: skip
    (paid,) = said(a_trade(first, second, payment="132.75", post_fee="8.00"))
    assert [(line.sku, line.list_minor, line.discount_minor) for line in paid.lines] == [
        ("TEA-1", 12_000, 2_050),
        ("CUP", 3_000, 475),
    ]
    assert (paid.shipping_minor, paid.total_minor) == (800, 13_275)


def test_a_price_that_the_seller_raised_is_the_list_price() -> None:
    (paid,) = said(a_trade(a_sub_order(divide_order_fee="120.00"), payment="120.00"))
    assert [(line.list_minor, line.discount_minor) for line in paid.lines] == [(12_000, 0)]


def test_without_a_share_one_sub_orders_payment_holds_the_freight() -> None:
    one = a_sub_order(divide_order_fee=None, payment="108.00")
    (paid,) = said(a_trade(one, payment="108.00", post_fee="8.00"))
    assert [line.net_minor for line in paid.lines] == [10_000]


def test_without_shares_payments_of_several_do_not_and_lose_the_trades_discount() -> None:
    lines = [
        a_sub_order(oid_str=str(n), divide_order_fee=None, part_mjz_discount=off)
        for n, off in enumerate(("5.00", "0.00"))
    ]
    (paid,) = said(a_trade(*lines, payment="203.00", post_fee="8.00"))
    assert [line.net_minor for line in paid.lines] == [9_500, 10_000]


def test_what_was_closed_before_it_was_paid_is_no_line() -> None:
    closed = a_sub_order(oid_str="2", status="TRADE_CLOSED_BY_TAOBAO")
    (paid,) = said(a_trade(a_sub_order(), closed))
    assert len(paid.lines) == 1


def test_where_money_went_back_the_lines_say_what_was_paid() -> None:
    """The trade's payment has shrunk by then."""
    back = a_sub_order(oid_str="2", refund_status="SUCCESS", status="TRADE_CLOSED")
    (paid,) = said(a_trade(a_sub_order(), back, payment="108.00", post_fee="8.00"))
    assert (paid.total_minor, [line.net_minor for line in paid.lines]) == (20_800, [10_000, 10_000])


def test_totals_that_differ_without_a_refund_are_refused() -> None:
    with pytest.raises(Invalid, match="differs"):
        said(a_trade(payment="99.00"))


def test_money_of_the_platform_is_told_apart() -> None:
    (paid,) = said(a_trade(tmall_coupon_fee=500))
    assert (paid.platform_discount_minor, paid.total_minor) == (500, 10_000)


@pytest.mark.parametrize(
    ("text", "minor"),
    [("100", 10_000), ("100.0", 10_000), ("100.000", 10_000), ("1e2", 10_000), (100, 10_000),
     (100.5, 10_050), ("0.01", 1), ("0.005", 1), ("0.004", 0),
     ("12345678901.23", 1_234_567_890_123)],
)  # fmt: skip
def test_yuan_in_every_notation(text: Any, minor: int) -> None:
    one = a_sub_order(price=text, divide_order_fee=text)
    (paid,) = said(a_trade(one, payment=text))
    assert (paid.total_minor, paid.lines[0].net_minor) == (minor, minor)


@pytest.mark.parametrize("text", ["", "yuan", "1,00", "NaN", "Infinity", "1e30"])
def test_what_is_no_money_is_refused(text: str) -> None:
    with pytest.raises((Invalid, msgspec.ValidationError)):
        said(a_trade(payment=text))


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=5), st.integers(0, 10**4))
def test_lines_and_freight_come_to_the_total_whether_shares_are_told_or_not(
    nets: list[int], freight: int
) -> None:
    """A law: gross of the lines + freight = what was paid."""

    def yuan(fen: int) -> str:
        return str(Decimal(fen) / 100)

    held = freight if len(nets) == 1 else 0
    shares = [a_sub_order(oid_str=str(n), divide_order_fee=yuan(net)) for n, net in enumerate(nets)]
    bare = [
        a_sub_order(oid_str=str(n), divide_order_fee=None, payment=yuan(net + held))
        for n, net in enumerate(nets)
    ]
    whole = {"payment": yuan(sum(nets) + freight), "post_fee": yuan(freight)}
    for orders in (shares, bare):
        (paid,) = said(a_trade(*orders, **whole))
        assert [line.net_minor for line in paid.lines] == nets
        assert sum(nets) + paid.shipping_minor == paid.total_minor


@pytest.mark.parametrize(
    "status",
    [
        "WAIT_SELLER_SEND_GOODS",
        "SELLER_CONSIGNED_PART",
        "WAIT_BUYER_CONFIRM_GOODS",
        "TRADE_BUYER_SIGNED",
    ],
)
def test_from_payment_on_a_trade_is_paid(status: str) -> None:
    assert [type(each) for each in said(a_trade(status=status))] == [OrderPaid]
    assert told(a_trade(status=status, pay_time=None)).ignored == f"status {status}"


def test_a_finished_trade_is_completed_when_receipt_was_confirmed() -> None:
    paid, completed = said(a_trade(status="TRADE_FINISHED", end_time="2026-03-08 09:30:00"))
    assert isinstance(paid, OrderPaid)
    assert isinstance(completed, OrderCompleted)
    assert completed.completed_at == instant("2026-03-08 01:30")
    assert completed.completed_by == "confirmed"
    assert completed.lines == paid.lines


@pytest.mark.parametrize("status", ["TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO"])
def test_a_closed_trade_is_cancelled(status: str) -> None:
    (cancelled,) = said(a_trade(status=status, end_time="2026-03-02 08:00:00", pay_time=None))
    assert isinstance(cancelled, OrderCancelled)
    assert cancelled.cancelled_at == instant("2026-03-02")


@pytest.mark.parametrize(
    "status", ["TRADE_NO_CREATE_PAY", "WAIT_BUYER_PAY", "PAY_PENDING", "WAIT_PRE_AUTH_CONFIRM", "X"]
)
def test_what_is_not_paid_or_unknown_is_left_alone(status: str) -> None:
    assert told(a_trade(status=status)).ignored == f"status {status}"


def test_a_status_may_be_mapped() -> None:
    settings = ConnectionSettings(status_map={"X": "paid", "TRADE_CLOSED": "ignored"})
    assert len(told(a_trade(status="X"), settings).events) == 1
    assert told(a_trade(status="TRADE_CLOSED"), settings).ignored == "status TRADE_CLOSED"


def test_goods_that_came_back_are_a_refund_of_their_line() -> None:
    (back,) = events(refund(num=2, refund_fee="60.50"), "taobao-tmc")
    assert isinstance(back, Refund)
    assert back.order_id == order_id(PROGRAM, "2918463734761365258")
    assert back.refund_no == "181784773340365852"
    assert (back.scope, back.total_minor, back.refunded_at) == (
        "lines",
        6_050,
        Instant.parse("2026-03-08T01:30:00Z"),
    )
    ((line),) = back.lines
    assert (line.line_id, line.sku, line.quantity, line.net_minor) == (
        "2918463734761365258",
        "TEA-1",
        2,
        6_050,
    )


def test_money_alone_that_goes_back_says_no_pieces() -> None:
    (back,) = events(refund(num=2, has_good_return=False, dispute_type="REFUND"), "taobao-tmc")
    assert back.lines[0].quantity == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "WAIT_SELLER_AGREE"}, "status WAIT_SELLER_AGREE"),
        ({"status": "CLOSED"}, "status CLOSED"),
        ({"refund_fee": "0.00"}, "no money was given back"),
        ({"dispute_type": "TMALL_EXCHANGE"}, "no money was given back"),
    ],
)
def test_what_gives_no_money_back_is_left_alone(changes: dict[str, Any], reason: str) -> None:
    assert refund(**changes).ignored == reason


def test_a_malformed_time_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        told(a_trade(pay_time="yesterday"))
    assert (refusal.value.error.pointer, refusal.value.error.code) == (
        "/trade/pay_time",
        "time-malformed",
    )


@pytest.mark.parametrize("wanted", [ORDER, REFUND])
def test_errors_of_the_platform_are_told_apart(wanted: Fetch) -> None:
    for error, code in ((TryLater, 7), (NotAuthorised, 27), (Invalid, 40)):
        with pytest.raises(error):
            taobao.detail(wanted, refused(code), USUAL)


def test_a_call_asks_for_fields_without_anything_of_a_person() -> None:
    made = taobao.call(ORDER, CREDENTIALS, "http://top", NOW)
    assert (made.form["method"], made.form["tid"]) == (
        "taobao.trade.fullinfo.get",
        "2918463734761365258",
    )
    asked = made.form["fields"].split(",") + taobao.call(REFUND, CREDENTIALS, "", NOW).form[
        "fields"
    ].split(",")
    assert not [name for name in asked if "receiver" in name or "nick" in name or "alipay" in name]


def test_a_listing_spans_two_instants_of_the_platforms_time() -> None:
    made = taobao.changed(
        instant("2026-03-01 16:00"), instant("2026-03-01 16:30"), Page(2), CREDENTIALS, "", NOW
    )
    assert (made.form["start_modified"], made.form["end_modified"], made.form["page_no"]) == (
        "2026-03-02 00:00:00",
        "2026-03-02 00:30:00",
        "2",
    )


def test_a_listing_names_trades_and_their_refunds() -> None:
    back = a_sub_order(refund_status="SUCCESS", refund_id=9)
    open_ = a_sub_order(refund_status="WAIT_SELLER_AGREE", refund_id=8)
    raw = topped(
        "trades_sold_increment_get",
        trades={"trade": [a_trade(back, open_), a_trade(tid=7, tid_str=None)]},
        has_next=True,
    )
    assert taobao.listed(raw) == (
        [
            Fetch("order", "2918463734761365258"),
            Fetch("refund", "9", "2918463734761365258"),
            Fetch("order", "7"),
        ],
        True,
    )
    assert taobao.listed(topped("trades_sold_increment_get")) == ([], False)
