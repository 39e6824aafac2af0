"""What refunds and a cancellation leave of an order."""

from itertools import permutations

import pytest

from services.analytics.model import FactRefund, OrderStatus, RefundKind
from services.analytics.rules.refunding import cancellation as told_cancellation
from services.analytics.rules.refunding import counts, give_back
from services.analytics.rules.refunding import refund as told_refund
from tests.builders.storefront import a_cancellation, a_refund
from tests.rules.analytics.facts import DAY, NOON, PROGRAM, cancellation, order, refund

FULL = refund("F", amount_minor=0, kind=RefundKind.FULL)


@pytest.mark.parametrize(
    ("refunds", "refunded", "status"),
    [
        ([], 0, OrderStatus.COMPLETED),
        ([refund(amount_minor=0)], 0, OrderStatus.COMPLETED),
        ([refund()], 30, OrderStatus.PARTLY_REFUNDED),
        ([refund(), refund("S", amount_minor=70)], 100, OrderStatus.REFUNDED),
        ([refund(), refund("S", amount_minor=90)], 100, OrderStatus.REFUNDED),
        ([FULL], 100, OrderStatus.REFUNDED),
        ([refund(currency="USD")], 0, OrderStatus.COMPLETED),
        ([refund(), cancellation()], 100, OrderStatus.CANCELLED),
        ([FULL, cancellation()], 100, OrderStatus.CANCELLED),
        ([refund(), cancellation(NOON - DAY)], 30, OrderStatus.PARTLY_REFUNDED),
    ],
)
def test_what_is_taken_of_an_order(
    refunds: list[FactRefund], refunded: int, status: OrderStatus
) -> None:
    for each in permutations(refunds):
        settled, given = give_back(order(), each)
        assert (settled.refunded_minor, settled.status) == (refunded, status)
        assert [row.refund_id for row in given] == [row.refund_id for row in each]


@pytest.mark.parametrize(
    ("refunds", "back"),
    [
        ([], 100),
        ([refund(at=NOON + 9 * DAY)], 70),
        ([refund(amount_minor=130)], 0),
        ([FULL], 0),
        ([refund(currency="USD")], 100),
    ],
)
def test_a_cancellation_gives_back_what_the_refunds_leave(
    refunds: list[FactRefund], back: int
) -> None:
    _, given = give_back(order(), [*refunds, cancellation()])
    assert given[-1].amount_minor == back
    assert [row.amount_minor for row in given[:-1]] == [row.amount_minor for row in refunds]


def test_refunds_take_the_tier_of_their_order() -> None:
    _, given = give_back(order(tier="gold", currency="USD"), [refund(), cancellation()])
    assert [row.tier for row in given] == ["gold", "gold"]
    assert [row.currency for row in given] == ["CNY", "USD"]


def test_an_awaited_order_gives_nothing_back() -> None:
    settled, given = give_back(order(at=None), [refund(), cancellation()])
    assert settled == order(at=None)
    assert given == [refund(), cancellation()]


def test_of_two_tellings_the_earliest_refund_and_the_latest_cancellation_count() -> None:
    assert counts(refund(), refund(at=NOON - DAY))
    assert not counts(refund(), refund())
    assert not counts(refund(), refund(at=NOON + DAY))
    assert counts(cancellation(), cancellation(NOON + DAY))
    assert not counts(cancellation(), cancellation())


def test_a_refund_and_a_cancellation_as_they_are_told() -> None:
    data = a_refund(PROGRAM.text_id, scope="full", amount_minor=9, buyer=None, order=None).data
    told = told_refund(PROGRAM, NOON, data)  # type: ignore[arg-type]
    assert (told.kind, told.amount_minor) == (RefundKind.FULL, 9)
    assert (told.order_id, told.customer_id, told.tier) == (None, None, None)
    event = a_cancellation(PROGRAM.text_id)
    told = told_cancellation(PROGRAM, NOON, event.data)  # type: ignore[arg-type]
    assert (told.kind, told.amount_minor) == (RefundKind.CANCELLATION, 0)
    assert told_cancellation(PROGRAM, NOON + DAY, event.data).key == told.key  # type: ignore[arg-type]
