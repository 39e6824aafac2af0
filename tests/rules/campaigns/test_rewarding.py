"""The coupons that an order earns, and until when it has earned them."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Channel, Entitlement
from services.campaigns.model import CampaignState, OrderFact, Promise, RefundFact
from services.campaigns.rules.netting import remains
from services.campaigns.rules.rewarding import targets
from tests.builders.promises import a_gift, a_template, an_order_campaign
from tests.rules.campaigns.facts import (
    CUSTOMER,
    INSTANT,
    OF_ANN,
    ORDER,
    a_promise,
    a_refund,
    an_order,
    goods,
    march,
)


def earned(
    order: OrderFact, *refunds: RefundFact, promises: tuple[Promise, ...] | None = None
) -> list[Entitlement]:
    """What an order earned."""
    known = promises if promises is not None else (a_promise(),)
    return targets(order, remains(order.body.lines, refunds), known, "CNY", OF_ANN)


def spell(found: list[Entitlement]) -> tuple[datetime, datetime | None] | None:
    """From when until when it was earned; None: not at all."""
    return (found[0].since, found[0].until) if found else None


@pytest.mark.parametrize(
    ("order", "refunds", "expected"),
    [
        (an_order(goods(10_000)), [], (march(1), None)),
        (an_order(), [a_refund(march(5), ("1", 6_000))], (march(1), march(5))),
        (an_order(), [a_refund(march(5), ("1", 5_000))], (march(1), None)),
        (
            an_order(completed_at=march(3)),
            [a_refund(march(1), ("1", 6_000))],
            None,
        ),
        (an_order(goods(9_999)), [], None),
        (an_order(goods(9_999), goods(5_000, "2", "fee")), [], None),
        (an_order(cancelled_at=march(4)), [], (march(1), march(4))),
        (
            an_order(cancelled_at=march(4)),
            [a_refund(march(3), whole=True)],
            (march(1), march(3)),
        ),
        # Completed again after the cancellation: it stands.
        (an_order(cancelled_at=march(4), completed_last_at=march(5)), [], (march(1), None)),
        (an_order(customer_id=None), [], None),
        (an_order(currency="EUR"), [], None),
        (an_order(completed_at=None), [], None),
    ],
)
def test_an_order_earns_from_its_completion_until_it_is_below_the_threshold(
    order: OrderFact,
    refunds: list[RefundFact],
    expected: tuple[datetime, datetime | None] | None,
) -> None:
    assert spell(earned(order, *refunds)) == expected


@pytest.mark.parametrize(
    ("changes", "earns"),
    [
        ({"starts_at": march(1)}, True),
        ({"starts_at": march(1) + INSTANT}, False),
        ({"ends_at": march(1)}, False),
        ({"ends_at": march(1) + INSTANT}, True),
        ({"moves": [(march(1), CampaignState.PAUSED)]}, False),
        ({"moves": [(march(2), CampaignState.PAUSED)]}, True),
    ],
)
def test_the_campaign_must_have_run_at_the_completion(
    changes: dict[str, Any], *, earns: bool
) -> None:
    assert bool(earned(an_order(), promises=(a_promise(**changes),))) == earns


def test_each_campaign_that_ran_gives_each_of_its_coupons() -> None:
    pair = a_promise(an_order_campaign(a_template(), a_template(template="Five off")), name="pair")
    dear = a_promise(an_order_campaign(threshold_minor=20_000), name="dear")
    gift = a_promise(a_gift(), name="gift")
    one = a_promise()
    found = earned(an_order(), promises=(pair, dear, gift, one))
    assert [each.template for each in found] == [*pair.templates, *one.templates]
    assert {(each.channel, each.source_id) for each in found} == {(Channel.AFTER_ORDER, ORDER)}
    assert {(each.holder, each.customer_id, each.no) for each in found} == {(OF_ANN, CUSTOMER, 1)}


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.integers(1, 9), st.integers(1, 9))
def test_it_is_earned_exactly_while_what_is_left_reaches_the_threshold(
    bought: int, back: int, completed: int, refunded: int
) -> None:
    order = an_order(goods(bought), completed_at=march(completed))
    found = spell(earned(order, a_refund(march(refunded), ("1", back))))
    left = bought - min(back, bought)
    first = left if refunded <= completed else bought
    if first < 10_000:
        assert found is None
    else:
        assert found == (march(completed), None if left >= 10_000 else march(refunded))
