"""Where the facts put a coupon."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import Coupon, CouponState, Naming
from services.campaigns.coupons.rules.standing import Standing, stand
from services.campaigns.coupons.rules.validity import usable
from shared.days import BEGINNING
from tests.builders.events import instant
from tests.rules.campaigns.facts import PROGRAM, a_coupon, march, named, template, uuid

A, B = uuid("A"), uuid("B")


def stands(
    *namings: Naming,
    coupon: Coupon | None = None,
    horizon: datetime = BEGINNING,
    **body: Any,
) -> Standing:
    """Where it stands."""
    earliest_first = sorted(namings, key=lambda each: (each.at, each.order_id))
    return stand(coupon or a_coupon(), earliest_first, template(**body).body, PROGRAM.zone, horizon)


BY_A, BY_B = named("A", march(3)), named("B", march(2))
USED, ISSUED, REVOKED = CouponState.USED, CouponState.ISSUED, CouponState.REVOKED


@pytest.mark.parametrize(
    ("namings", "coupon", "state", "order", "over_used"),
    [
        ([], a_coupon(), ISSUED, None, set()),
        ([BY_A, BY_B], a_coupon(), USED, B, {A}),
        ([BY_A, named("B", march(2), cancelled_at=march(4))], a_coupon(), USED, A, set()),
        ([BY_A], a_coupon(owed_until=march(5)), USED, A, set()),
        ([named("A", march(5))], a_coupon(owed_until=march(3)), REVOKED, None, {A}),
        ([BY_A], a_coupon(owed_until=march(3)), REVOKED, None, {A}),
        ([BY_A], a_coupon(revoked_at=march(2)), REVOKED, None, {A}),
        ([named("A", march(3), refunded_at=march(4))], a_coupon(), ISSUED, None, set()),
        (
            [named("A", march(3), refunded_at=march(4)), named("B", march(5))],
            a_coupon(),
            USED,
            B,
            set(),
        ),
        (
            [named("A", march(3), refunded_at=march(6)), named("B", march(5))],
            a_coupon(),
            ISSUED,
            None,
            {B},
        ),
    ],
)
def test_the_facts_put_it_there(
    namings: list[Naming], coupon: Coupon, state: CouponState, order: Any, over_used: set[Any]
) -> None:
    found = stands(*namings, coupon=coupon)
    assert (found.state, found.order_id, set(found.over_used)) == (state, order, over_used)


def test_where_a_full_refund_keeps_it_used_it_stays_used() -> None:
    found = stands(named("A", march(3), refunded_at=march(4)), on_full_refund="keep")
    assert (found.state, found.returned_by) == (USED, None)


def test_given_back_with_one_day_left_it_is_good_for_three() -> None:
    found = stands(named("A", march(3), refunded_at=march(10)))
    assert found.valid_to == instant("2026-03-13 16:00")
    assert found.returned_by is not None
    assert found.returned_by.order_id == A


@pytest.mark.parametrize(
    ("horizon", "state"),
    [
        ("2026-03-11 15:59:59", ISSUED),
        ("2026-03-11 16:00", CouponState.EXPIRED),
    ],
)
def test_unused_it_lapses_at_its_very_end(horizon: str, state: CouponState) -> None:
    found = stands(horizon=instant(horizon))
    assert found.state == state
    assert found.valid_to == instant("2026-03-11 16:00")


days = st.integers(1, 12).map(march)
facts = st.lists(
    st.builds(
        lambda no, at, cancelled, refunded: named(
            str(no), at, cancelled_at=cancelled, refunded_at=refunded
        ),
        st.integers(0, 5),
        days,
        st.none() | days,
        st.none() | days,
    ),
    max_size=4,
    unique_by=lambda each: each.order_id,
)


@given(facts, st.none() | days, days, st.sampled_from(["return", "keep"]))
def test_one_order_uses_it_and_every_other_that_names_it_is_accounted_for(
    namings: list[Naming], owed_until: datetime | None, horizon: datetime, policy: str
) -> None:
    coupon = a_coupon(owed_until=owed_until)
    found = stands(*namings, coupon=coupon, horizon=horizon, on_full_refund=policy)
    assert (found.order_id is not None) == (found.state == USED)
    assert found.order_id not in found.over_used
    live = {each.order_id for each in namings if each.cancelled_at is None}
    assert found.over_used <= live
    returned = {
        each.order_id for each in namings if each.refunded_at is not None and policy == "return"
    }
    assert live - found.over_used - {found.order_id} <= returned
    assert found.valid_to >= usable(template().body.validity, march(1), PROGRAM.zone)[1]
