"""What staff may do with single coupons."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import (
    Channel,
    Coupon,
    CouponState,
    HistoryLine,
    IssueCoupon,
    Move,
    Quota,
    RevokeCoupon,
    Stock,
    Template,
    coupon_id,
)
from services.campaigns.coupons.rules.draft import Draft
from services.campaigns.coupons.rules.serving import NO_COUPON, give, take_back
from shared.ids import text_id
from shared.outcome import APPLIED, Outcome, Refused
from tests.builders.events import instant
from tests.rules.campaigns.facts import (
    ANN,
    CAUSE,
    COUPON,
    PROGRAM,
    a_command,
    a_coupon,
    a_draft,
    a_state,
    march,
    template,
    uuid,
)

LIMITED = template(stock=50, per_member=1)
WANTED = IssueCoupon(LIMITED.template_id, ANN)
END = instant("2026-03-11 16:00")


def given_to_ann(
    made_from: Template, *rows: Any, at: datetime | None = None
) -> tuple[Draft, Outcome, Any]:
    """What becomes of giving her one."""
    draft = a_draft(state=a_state(made_from, *rows))
    outcome, answer = give(draft, made_from, WANTED, a_command(at or march(1)))
    return draft, outcome, answer


def test_a_coupon_is_given_as_if_it_had_been_earned_now() -> None:
    draft, outcome, answer = given_to_ann(LIMITED)
    assert outcome == APPLIED
    (coupon,) = draft.written(Coupon)
    assert coupon.coupon_id == coupon_id(PROGRAM, LIMITED, Channel.STAFF, CAUSE)
    assert (coupon.state, coupon.since, coupon.valid_to) == (CouponState.ISSUED, march(1), END)
    assert (coupon.holder_id, coupon.source_id, coupon.version) == (ANN, CAUSE, 1)
    assert answer["coupon_id"] == text_id("cpn", coupon.coupon_id)
    assert answer["channel"] == "staff"
    assert [line.move for line in draft.written(HistoryLine)] == [Move.ISSUED]
    assert len(draft.events) == 1


@pytest.mark.parametrize(
    ("in_stock", "has", "refusal"),
    [
        (50, 0, Refused("sold-out", "All 50 coupons of the template are taken.")),
        (49, 1, Refused("limit-reached", "The member has the 1 that one may have.")),
    ],
)
def test_within_stock_and_limit_alone(in_stock: int, has: int, refusal: Refused) -> None:
    stock, quota = Stock(*LIMITED.key, 50, in_stock), Quota(*LIMITED.key, ANN, has, most=1)
    draft, outcome, answer = given_to_ann(LIMITED, stock, quota)
    assert (outcome, answer) == (refusal, None)
    assert draft.rows == []
    assert draft.events == []


def test_one_whose_dates_are_over_is_not_given() -> None:
    dated = {"from_date": date(2026, 3, 1), "to_date": date(2026, 3, 5)}
    late = template(validity=dated)
    _, outcome, _ = given_to_ann(late, at=instant("2026-03-05 15:59:59"))
    assert outcome == APPLIED
    draft, outcome, _ = given_to_ann(late, at=instant("2026-03-05 16:00"))
    assert isinstance(outcome, Refused)
    assert outcome.code == "coupon-expired"
    assert draft.rows == []


def taken_back(coupon: Coupon | None, now: datetime) -> tuple[Draft, Outcome, Any]:
    """What becomes of taking it back."""
    draft = a_draft(*([coupon] if coupon else []))
    outcome, answer = take_back(draft, RevokeCoupon(COUPON, "by mistake"), now)
    return draft, outcome, answer


def test_an_unused_coupon_is_taken_back() -> None:
    draft, outcome, answer = taken_back(a_coupon(), march(4))
    assert outcome == APPLIED
    assert answer["state"] == "revoked"
    (line,) = draft.written(HistoryLine)
    assert (line.move, line.at, line.reason) == (Move.REVOKED, march(4), "staff")
    assert line.note == "by mistake"
    assert "by mistake" not in repr(draft.events)


@pytest.mark.parametrize(
    ("coupon", "now", "refusal"),
    [
        (None, march(4), NO_COUPON),
        (a_coupon(version=0, state=CouponState.REVOKED), march(4), NO_COUPON),
        (
            a_coupon(state=CouponState.USED, order_id=uuid("B")),
            march(4),
            Refused("coupon-used", f"The order {text_id('ord', uuid('B'))} used the coupon."),
        ),
        (
            a_coupon(state=CouponState.REVOKED),
            march(4),
            Refused("coupon-not-available", "The coupon is revoked already."),
        ),
        (a_coupon(), END, Refused("coupon-expired", "The coupon's time is over.")),
        (
            a_coupon(state=CouponState.EXPIRED),
            march(20),
            Refused("coupon-expired", "The coupon's time is over."),
        ),
    ],
)
def test_what_is_not_unused_and_in_its_time_is_not_taken_back(
    coupon: Coupon | None, now: datetime, refusal: Refused
) -> None:
    draft, outcome, answer = taken_back(coupon, now)
    assert (outcome, answer) == (refusal, None)
    assert draft.rows == []
    assert draft.events == []


@given(st.integers(0, 60), st.integers(0, 3))
def test_one_is_given_exactly_if_there_is_a_place_for_it(in_stock: int, has: int) -> None:
    stock, quota = Stock(*LIMITED.key, 50, in_stock), Quota(*LIMITED.key, ANN, has, most=1)
    draft, outcome, _ = given_to_ann(LIMITED, stock, quota)
    assert (outcome == APPLIED) == (in_stock < 50 and has < 1)
    assert (len(draft.events) == 1) == (outcome == APPLIED)
