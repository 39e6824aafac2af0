"""What a shop sent, as our events: the same delivery gives the same event, id and key."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.gateway.connectors import forms
from services.gateway.model import Invalid
from services.gateway.rules.normalising import AHEAD, Shop, normalise, untitled
from shared.days import render
from shared.errors import FieldError
from shared.events.envelope import Announcement
from shared.events.storefront.activity import Activity
from shared.events.storefront.check_in import CheckIn
from shared.events.storefront.customer_updated import CustomerUpdated
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.ids import derive, text_id
from tests.builders.deliveries import (
    COMPLETED_AT,
    a_check_in_sent,
    a_line_sent,
    a_refund_sent,
    an_order_sent,
)
from tests.builders.programs import PROGRAM
from tests.builders.storefront import STORE, order_id, refund_id
from tests.rules.gateway.heard import NOW, a_shop

OTHER_STORE = STORE[:-1] + "q"


def told(body: dict[str, Any], shop: Shop | None = None) -> Announcement:
    """The event of a body."""
    return normalise(shop or a_shop(), forms.read(json.dumps(body).encode()))


def refused(body: dict[str, Any], shop: Shop | None = None) -> tuple[str, str]:
    """Pointer and code of what is wrong with a body."""
    with pytest.raises(Invalid) as caught:
        told(body, shop)
    error: FieldError = caught.value.error
    return error.pointer, error.code


BUYER = {"id": "u-1001"}
PAID = an_order_sent(kind="order.paid")
COMPLETED = an_order_sent()
CANCELLED = {
    "type": "order.cancelled",
    "order_id": "A-1",
    "customer": BUYER,
    "cancelled_at": "2026-03-06T11:00:00+08:00",
}
REFUND = a_refund_sent()
CHECK_IN = a_check_in_sent()
REVIEW = {
    "type": "activity",
    "customer": BUYER,
    "action": "review",
    "object": {"kind": "product", "id": "P-11"},
    "order_id": "A-1",
    "occurred_at": "2026-03-06T20:00:00+08:00",
}
UPDATED = {"type": "customer.updated", "customer": BUYER, "updated_at": "2026-03-06T21:00:00+08:00"}
ALL = [PAID, COMPLETED, CANCELLED, REFUND, CHECK_IN, REVIEW, UPDATED]
CUSTOMER = told(CHECK_IN).key
ORDER = order_id(PROGRAM, "A-1")


@pytest.mark.parametrize(
    ("body", "kind", "at", "subject", "cause"),
    [
        (PAID, OrderPaid, "2026-02-25T12:16:30.000Z", ORDER, ("order", ORDER)),
        (COMPLETED, OrderCompleted, "2026-03-01T02:00:00.000Z", ORDER, ("order", ORDER)),
        (CANCELLED, OrderCancelled, "2026-03-06T03:00:00.000Z", ORDER, ("order", ORDER)),
        (
            REFUND,
            Refund,
            "2026-03-05T07:00:00.000Z",
            refund_id(PROGRAM, "R-1"),
            ("refund", refund_id(PROGRAM, "R-1")),
        ),
        (
            CHECK_IN,
            CheckIn,
            "2026-03-02T01:00:00.000Z",
            CUSTOMER,
            ("customer-day", f"{CUSTOMER}/2026-03-02"),
        ),
        (
            REVIEW,
            Activity,
            "2026-03-06T12:00:00.000Z",
            CUSTOMER,
            ("activity", f"{CUSTOMER}/review/on/product:P-11/2026-03-06"),
        ),
        (REVIEW | {"id": "V-7"}, Activity, "2026-03-06T12:00:00.000Z", CUSTOMER,
         ("activity", f"{STORE}/V-7")),
    ],
)  # fmt: skip
def test_an_event_has_the_shops_own_instant_and_follows_from_what_it_is_about(
    body: dict[str, Any], kind: type, at: str, subject: str, cause: tuple[str, str]
) -> None:
    found = told(body)
    assert type(found.data) is kind
    assert (render(found.at), found.subject, found.key) == (at, subject, CUSTOMER)
    assert (found.cause.kind, found.cause.id, found.cause.ordinal) == (*cause, 0)
    assert (found.program, found.causation) == (PROGRAM, None)


def test_news_of_a_customer_follow_from_what_they_say() -> None:
    found, other = told(UPDATED), told(UPDATED | {"customer": BUYER | {"city": "Xiamen"}})
    assert isinstance(found.data, CustomerUpdated)
    assert found.cause.kind == "customer"
    assert found.cause != other.cause
    assert found.cause == told(dict(reversed(UPDATED.items()))).cause


def test_an_order_is_told_with_what_was_paid_for_each_line() -> None:
    lines = [a_line_sent(list_minor=6_000), a_line_sent(line_id="2", list_minor=4_000)]
    data = told(
        an_order_sent(*lines, discount_minor=1_000, shipping_minor=800, total_minor=9_800)
    ).data
    assert isinstance(data, OrderCompleted)
    assert [(each.line_id, each.discount_minor, each.net_minor) for each in data.lines] == [
        ("1", 600, 5_400),
        ("2", 400, 3_600),
    ]
    assert (data.discount_minor, data.shipping_minor, data.total_minor) == (1_000, 800, 9_800)
    assert (data.order_no, data.order_id, data.store_id) == ("A-1", ORDER, STORE)
    assert (data.guest, data.customer_id, data.assurance) == (False, CUSTOMER, "high")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (COMPLETED, ORDER),
        (PAID, ORDER),
        (CANCELLED, ORDER),
        (REFUND, ORDER),
        (REFUND | {"order_id": None}, refund_id(PROGRAM, "R-1")),
    ],
)
def test_the_key_of_a_guests_order_is_the_order(body: dict[str, Any], key: str) -> None:
    for nobody in (None, {}, {"phone": "138****1542"}):
        found = told(body | {"customer": nobody})
        assert found.key == key
        assert found.data.customer_id is None  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [CHECK_IN, REVIEW, UPDATED])
def test_what_somebody_did_needs_somebody(body: dict[str, Any]) -> None:
    assert refused(body | {"customer": {}}) == ("/customer/id", "required")


def test_two_stores_never_collide() -> None:
    found, other = told(COMPLETED), told(COMPLETED, a_shop(store=OTHER_STORE))
    assert found.cause != other.cause
    assert found.key != other.key


def test_a_check_in_is_of_the_programs_day() -> None:
    late = CHECK_IN | {"occurred_at": "2026-03-01T16:00:00Z"}
    assert told(late).cause.id == f"{CUSTOMER}/2026-03-02"
    assert told(late, a_shop(time_zone="Europe/London")).cause.id == f"{CUSTOMER}/2026-03-01"


def test_joining_at_the_shop_is_told_with_its_own_instant() -> None:
    data = told(UPDATED | {"join": {"at": "2026-03-05T21:00:00+08:00", "terms": "1"}}).data
    assert isinstance(data, CustomerUpdated)
    assert data.join is not None
    assert (render(data.join.at), data.join.terms) == ("2026-03-05T13:00:00.000Z", "1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("yesterday", "time-malformed"),
        ("2026-03-01T10:00:00", "time-malformed"),
        ("2026-03-01", "time-malformed"),
        ("0001-01-01T00:00:00+08:00", "time-malformed"),
        ("9999-12-31T23:59:59-08:00", "time-malformed"),
        ("1999-12-31T23:59:59Z", "minimum"),
        (render(NOW + AHEAD + timedelta(milliseconds=1)), "time-in-future"),
    ],
)
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (PAID, "paid_at"),
        (COMPLETED, "placed_at"),
        (COMPLETED, "completed_at"),
        (CANCELLED, "cancelled_at"),
        (REFUND, "refunded_at"),
        (CHECK_IN, "occurred_at"),
        (REVIEW, "occurred_at"),
        (UPDATED, "updated_at"),
    ],
)
def test_an_instant_has_an_offset_and_lies_between_2000_and_ten_minutes_ahead(
    body: dict[str, Any], field: str, text: str, code: str
) -> None:
    assert refused(body | {field: text}) == (f"/{field}", code)


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00.000Z", render(NOW + AHEAD)])
def test_both_ends_of_that_time_are_allowed(at: str) -> None:
    assert render(told(CHECK_IN | {"occurred_at": at}).at) == at


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (COMPLETED | {"currency": "XYZ"}, "/currency", "currency-unknown"),
        (REFUND | {"currency": "cny"}, "/currency", "currency-unknown"),
        (COMPLETED | {"order_id": "A\n1"}, "/order_id", "pattern"),
        (CANCELLED | {"order_id": "A\n1"}, "/order_id", "pattern"),
        (REFUND | {"order_id": "A\n1"}, "/order_id", "pattern"),
        (REVIEW | {"order_id": "A\n1"}, "/order_id", "pattern"),
        (REFUND | {"refund_id": "R\n1"}, "/refund_id", "pattern"),
        (an_order_sent(a_line_sent(), a_line_sent()), "/lines/1/line_id", "not-unique"),
        (COMPLETED | {"lines": []}, "/lines", "too-short"),
        (COMPLETED | {"total_minor": 5}, "/total_minor", "totals-differ"),
        (an_order_sent(a_line_sent(discount_minor=2_000), total_minor=0),
         "/lines/0/discount_minor", "maximum"),
        (UPDATED | {"join": {"at": "soon"}}, "/join/at", "time-malformed"),
        (REFUND | {"lines": []}, "/lines", "required"),
        (REFUND | {"total_minor": 2_001}, "/total_minor", "totals-differ"),
        (REFUND | {"scope": "full", "total_minor": 2_001}, "/total_minor", "totals-differ"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_at_its_place(
    body: dict[str, Any], pointer: str, code: str
) -> None:
    assert refused(body) == (pointer, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 2_000},
        {"total_minor": 1_998},
        {"shipping_minor": 500, "total_minor": 2_499},
        {"scope": "amount", "lines": [], "amount_minor": 700, "total_minor": 700},
        {"scope": "full", "lines": [], "total_minor": 1_999},
    ],
)
def test_a_refund_agrees_with_its_parts_to_one_unit_a_line(changes: dict[str, Any]) -> None:
    data = told(REFUND | changes).data
    assert isinstance(data, Refund)
    assert data.total_minor == changes["total_minor"]


def test_an_order_of_shipping_alone_needs_no_line() -> None:
    data = told(COMPLETED | {"lines": [], "shipping_minor": 900, "total_minor": 900}).data
    assert isinstance(data, OrderCompleted)
    assert data.lines == []


def test_titles_are_cut_at_120_and_dropped_where_they_are_not_needed() -> None:
    event = told(an_order_sent(a_line_sent(title="衫" * 121)))
    assert isinstance(event.data, OrderCompleted)
    assert event.data.lines[0].title == "衫" * 120
    plain = untitled(event)
    assert isinstance(plain.data, OrderCompleted)
    assert plain.data.lines == [replace(event.data.lines[0], title=None)]
    assert (plain.cause, plain.at, plain.key) == (event.cause, event.at, event.key)
    other = told(REFUND)
    assert untitled(other) is other


@given(
    st.sampled_from(ALL),
    st.integers(0, 10**6).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.randoms(use_true_random=False),
)
def test_a_repeat_is_the_same_event_whenever_it_comes_and_however_it_is_written(
    body: dict[str, Any], later: Any, chance: Any
) -> None:
    fields = list(body.items())
    chance.shuffle(fields)
    assert told(dict(fields), a_shop(later)) == told(body)


@given(
    st.text(min_size=1, max_size=20).filter(str.isprintable), st.sampled_from([STORE, OTHER_STORE])
)
def test_an_orders_id_follows_from_program_store_and_number(number: str, store: str) -> None:
    expected = text_id("ord", derive(PROGRAM, store, number))
    for body in (PAID, CANCELLED, REFUND):
        data = told(body | {"order_id": number}, a_shop(store=store)).data
        assert data.order_id == expected  # type: ignore[union-attr]


def test_the_same_instant_in_another_offset_is_the_same_event() -> None:
    found = told(COMPLETED | {"completed_at": "2026-03-01T02:00:00Z"})
    assert COMPLETED["completed_at"] == COMPLETED_AT
    assert (found.at, found.cause) == (told(COMPLETED).at, told(COMPLETED).cause)
