"""Orders and refunds of Youzan in detail: money, freight, states, errors, what a listing shows."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.connectors import youzan_trades
from services.gateway.connectors.port import Fetch, Heard, NotAuthorised, TryLater
from services.gateway.model import Invalid
from services.gateway.settings import USUAL, ConnectionSettings
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from tests.builders.events import instant
from tests.builders.platforms import (
    DONE,
    a_youzan_line,
    a_youzan_order,
    a_youzan_refund,
    youzaned,
)
from tests.builders.programs import PROGRAM
from tests.builders.storefront import order_id
from tests.rules.gateway.heard import events

TID = "E20260301175800000600001"
ORDER, REFUND = Fetch("order", TID), Fetch("refund", "R1", TID)


def told(order: dict[str, Any], settings: ConnectionSettings = USUAL) -> Heard:
    """What the detail of an order says."""
    return youzan_trades.detail(ORDER, youzaned(order), settings)


def said(order: dict[str, Any]) -> list[Any]:
    """Events of an order."""
    return events(told(order), "youzan")


def back(*items: dict[str, Any], **changes: Any) -> Any:
    """The event of a refund."""
    raw = youzaned(a_youzan_refund(*items, **changes))
    (found,) = events(youzan_trades.detail(REFUND, raw, USUAL), "youzan")
    assert isinstance(found, Refund)
    return found


def yuan(fen: int) -> str:
    """As the platform writes money."""
    return str(Decimal(fen) / 100)


def test_an_order_that_was_paid() -> None:
    (paid,) = said(a_youzan_order())
    assert isinstance(paid, OrderPaid)
    assert (paid.order_no, paid.order_id) == (TID, order_id(PROGRAM, TID))
    assert (paid.currency, paid.assurance) == ("CNY", "low")
    assert (paid.placed_at, paid.paid_at) == (
        instant("2026-03-01 09:58"),
        instant("2026-03-01 10:00"),
    )
    ((line),) = paid.lines
    assert (line.line_id, line.sku, line.product_id) == (
        "1526023707817967902",
        "TEA-1",
        "18434958",
    )
    assert (line.net_minor, line.tax_minor, paid.total_minor) == (10_000, 0, 10_000)
    assert [each.kind for each in paid.identities] == ["phone"]


@pytest.mark.parametrize(
    ("told", "by_card"),
    [
        ({}, 0),
        ({"deduction_pay": 3_000, "deduction_real_pay": 7_000}, 3_000),
        ({"deduction_pay": 3_000, "deduct_value_card_pay": 3_000}, 3_000),
        ({"deduction_pay": 0, "deduct_value_card_pay": 1_000, "deduct_gift_card_pay": 500}, 1_500),
        ({"deduction_pay": 99_999}, 10_000),
        ({"deduction_pay": None, "deduct_gift_card_pay": None}, 0),
    ],
)
def test_what_cards_paid_is_told_apart_and_stays_in_the_total(
    told: dict[str, Any], by_card: int
) -> None:
    """Of gift and of stored-value cards, in fen; never more than the order came to."""
    (paid,) = said(a_youzan_order(pay_info=told))
    assert (paid.gift_card_minor, paid.total_minor) == (by_card, 10_000)
    assert [line.net_minor for line in paid.lines] == [10_000]


def test_a_buyer_without_an_id_is_known_by_a_plain_phone() -> None:
    guests = [{"yz_open_id": "", "buyer_phone": text} for text in ("13800138000", "138****8000")]
    known, unknown = (said(a_youzan_order(buyer_info=each))[0] for each in guests)
    assert known.customer_id is not None
    assert unknown.guest


def test_discount_is_what_is_missing_from_the_lines_price() -> None:
    lines = [
        a_youzan_line(oid=1, num=2, total_fee="120.00", payment="99.50"),
        a_youzan_line(oid=2, outer_sku_id="", outer_item_id="CUP", total_fee="30", payment="25.25"),
    ]
    (paid,) = said(a_youzan_order(*lines, pay_info={"payment": "132.75", "post_fee": "8.00"}))
    assert [(line.sku, line.list_minor, line.discount_minor) for line in paid.lines] == [
        ("TEA-1", 12_000, 2_050),
        ("CUP", 3_000, 475),
    ]
    assert (paid.shipping_minor, paid.total_minor) == (800, 13_275)


@given(
    st.lists(st.integers(1, 10**7), min_size=1, max_size=5),
    st.integers(0, 10**4),
    st.booleans(),
)
def test_lines_and_freight_come_to_the_total_whether_lines_hold_it_or_not(
    payments: list[int],
    freight: int,
    held: bool,  # noqa: FBT001 - drawn
) -> None:
    """A law: gross of the lines + freight = what was paid."""
    lines = [
        a_youzan_line(oid=n, total_fee=yuan(each), payment=yuan(each))
        for n, each in enumerate(payments)
    ]
    freight = min(freight, sum(payments)) if held else freight
    total = sum(payments) + (0 if held else freight)
    pay_info = {"payment": yuan(total), "post_fee": yuan(freight)}
    (paid,) = said(a_youzan_order(*lines, pay_info=pay_info))
    assert sum(line.net_minor for line in paid.lines) + paid.shipping_minor == total
    assert paid.shipping_minor == freight
    if not held:
        assert [line.net_minor for line in paid.lines] == payments


def test_totals_that_differ_are_refused() -> None:
    with pytest.raises(Invalid, match="differs"):
        said(a_youzan_order(pay_info={"payment": "99.00"}))


@pytest.mark.parametrize(
    ("text", "minor"),
    [("100", 10_000), ("100.0", 10_000), ("100.000", 10_000), (100, 10_000), (100.5, 10_050),
     ("0.01", 1), ("0.005", 1), ("0.004", 0)],
)  # fmt: skip
def test_yuan_in_every_notation(text: Any, minor: int) -> None:
    line = a_youzan_line(total_fee=text, payment=text)
    (paid,) = said(a_youzan_order(line, pay_info={"payment": text}))
    assert (paid.total_minor, paid.lines[0].net_minor) == (minor, minor)


@pytest.mark.parametrize("text", ["", "yuan", "1,00", "NaN", None])
def test_what_is_no_money_is_refused(text: Any) -> None:
    with pytest.raises((Invalid, msgspec.ValidationError)):
        said(a_youzan_order(pay_info={"payment": text}))


@pytest.mark.parametrize("status", ["WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS"])
def test_from_waiting_for_the_seller_on_an_order_is_paid(status: str) -> None:
    assert [type(each) for each in said(a_youzan_order(status=status))] == [OrderPaid]


def test_an_order_that_succeeded_is_completed_when_receipt_was_confirmed() -> None:
    paid, completed = said(a_youzan_order(status="TRADE_SUCCESS", success_time=DONE))
    assert isinstance(paid, OrderPaid)
    assert isinstance(completed, OrderCompleted)
    assert completed.completed_at == instant("2026-03-08 01:30")
    assert completed.completed_by == "confirmed"


def test_a_closed_order_is_cancelled() -> None:
    (cancelled,) = said(a_youzan_order(status="TRADE_CLOSED", update_time=DONE, pay_time=""))
    assert isinstance(cancelled, OrderCancelled)
    assert cancelled.cancelled_at == instant("2026-03-08 01:30")


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "WAIT_CONFIRM", "X"])
def test_what_is_not_paid_or_unknown_is_left_alone(status: str) -> None:
    assert told(a_youzan_order(status=status)).ignored == f"status {status}"


def test_a_momentary_status_is_asked_for_again() -> None:
    with pytest.raises(TryLater):
        told(a_youzan_order(status="TRADE_PAID"))


def test_a_status_may_be_mapped() -> None:
    settings = ConnectionSettings(status_map={"WAIT_CONFIRM": "paid", "TRADE_PAID": "ignored"})
    assert len(told(a_youzan_order(status="WAIT_CONFIRM"), settings).events) == 1
    assert told(a_youzan_order(status="TRADE_PAID"), settings).ignored is not None


def test_goods_that_came_back_are_a_refund_of_their_lines() -> None:
    items: list[dict[str, Any]] = [
        {"oid": "1", "refund_fee": 6_050, "item_num": 2},
        {"oid": 2, "refund_fee": 950},
    ]
    refund = back(*items, refund_fee="70.00")
    assert (refund.refund_no, refund.order_id) == (
        "202603051500000000010001",
        order_id(PROGRAM, TID),
    )
    assert (refund.scope, refund.total_minor, refund.amount_minor) == ("lines", 7_000, 0)
    assert refund.refunded_at == instant("2026-03-08 01:30")
    assert [(line.line_id, line.quantity, line.net_minor) for line in refund.lines] == [
        ("1", 2, 6_050),
        ("2", 1, 950),
    ]


@pytest.mark.parametrize(
    ("fees", "total", "postage", "expected"),
    [
        ([6_000, 4_000], "108.00", "8.00", ([6_000, 4_000], 800, 0)),
        ([6_480, 4_320], "108.00", "8.00", ([6_000, 4_000], 800, 0)),
        ([6_000, 3_000], "108.00", "8.00", ([6_000, 3_000], 800, 1_000)),
        ([12_000, 8_000], "108.00", "8.00", ([6_000, 4_000], 800, 0)),
        ([10_000], "100.00", None, ([10_000], 0, 0)),
        ([800], "8.00", "8.00", ([], 800, 0)),
        ([0], "8.00", "9.00", ([], 800, 0)),
    ],
)
def test_freight_is_taken_out_of_a_refunds_lines_where_they_hold_it(
    fees: list[int], total: str, postage: str | None, expected: tuple[list[int], int, int]
) -> None:
    """And lines never take more than there is; what is beyond them is an amount."""
    items = [{"oid": n, "refund_fee": fee, "item_num": 1} for n, fee in enumerate(fees)]
    refund = back(*items, refund_fee=total, refund_postage=postage)
    nets = [line.net_minor for line in refund.lines]
    assert (nets, refund.shipping_minor, refund.amount_minor) == expected


def test_a_refund_without_items_is_of_its_first_line_or_an_amount() -> None:
    first = back(refund_order_item=None, item_num=0)
    assert [(line.line_id, line.quantity, line.net_minor) for line in first.lines] == [
        ("1526023707817967902", 1, 10_000)
    ]
    amount = back(refund_order_item=None, oid=None)
    assert (amount.scope, amount.amount_minor, amount.lines) == ("amount", 10_000, [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "WAIT_SELLER_AGREE"}, "status WAIT_SELLER_AGREE"),
        ({"status": "CLOSED"}, "status CLOSED"),
        ({"refund_fee": "0.00"}, "no money was given back"),
        ({"refund_type": "EXCHANGE_GOODS"}, "no money was given back"),
    ],
)
def test_what_gives_no_money_back_is_left_alone(changes: dict[str, Any], reason: str) -> None:
    raw = youzaned(a_youzan_refund(**changes))
    assert youzan_trades.detail(REFUND, raw, USUAL).ignored == reason


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"gw_err_resp": {"err_code": 4201, "err_msg": "no"}}, NotAuthorised),
        ({"gw_err_resp": {"err_code": 4202, "err_msg": "over"}}, NotAuthorised),
        ({"gw_err_resp": {"err_code": "4204"}}, NotAuthorised),
        ({"gw_err_resp": {"err_code": 4007}}, NotAuthorised),
        ({"gw_err_resp": {"err_code": 4005}}, Invalid),
        ({"gw_err_resp": {"err_code": 4301}}, TryLater),
        ({"gw_err_resp": {"err_code": 5001}}, TryLater),
        ({"code": 5000, "success": False, "message": "trade not found"}, TryLater),
        ({"code": 106000001, "success": False}, TryLater),
        ({"code": 106000004, "success": False}, Invalid),
        ({"code": "103011024", "success": False}, Invalid),
        ({"code": 200, "success": False}, Invalid),
    ],
)
@pytest.mark.parametrize("wanted", [ORDER, REFUND])
def test_what_an_error_means(
    wanted: Fetch, answer: dict[str, Any], expected: type[Exception]
) -> None:
    """An answer with an error has data too, and status 200."""
    with pytest.raises(expected):
        youzan_trades.detail(wanted, youzaned({"refund_order": []}, **answer), USUAL)


def test_a_code_may_be_a_text() -> None:
    assert len(youzan_trades.detail(ORDER, youzaned(a_youzan_order(), code="200"), USUAL).events)


def test_a_listing_names_orders_and_their_refunds() -> None:
    first = a_youzan_order() | {"refund_order": [{"refund_id": "R1", "refund_state": 60}]}
    second = a_youzan_order(tid="E2")
    del second["refund_order"]
    raw = youzaned({"full_order_info_list": [first, second], "total_results": 2})
    assert youzan_trades.listed(raw) == ([ORDER, REFUND, Fetch("order", "E2")], False)
    full = youzaned({"full_order_info_list": [a_youzan_order()] * youzan_trades.PAGE})
    assert youzan_trades.listed(full)[1]


def test_an_error_is_no_empty_page() -> None:
    raw = youzaned({"full_order_info_list": []}, code=5000, success=False)
    with pytest.raises(TryLater):
        youzan_trades.listed(raw)
