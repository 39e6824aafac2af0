"""The event of each step of a coupon."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.campaigns.coupons.model import CouponState, HistoryLine, HolderKind, Move
from services.campaigns.coupons.rules.announcing import announce
from shared.days import Instant
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.envelope import Announcement
from shared.ids import text_id
from tests.rules.campaigns.facts import (
    ANN,
    CAUSE,
    COUPON,
    CUSTOMER,
    ORDER,
    PROGRAM,
    a_coupon,
    march,
    template,
    uuid,
)

IDENTITY = text_id("cpn", COUPON)


def a_line(move: Move, state: CouponState, **changes: Any) -> HistoryLine:
    """The second line of the coupon's history."""
    values: dict[str, Any] = {
        "program_id": 1,
        "coupon_id": COUPON,
        "no": 2,
        "move": move,
        "state": state,
        "at": march(3),
        "holder_kind": HolderKind.MEMBER,
        "holder_id": ANN,
        "order_id": None,
        "reason": None,
        "note": "for nobody outside",
        "cause": CAUSE,
    }
    return HistoryLine(**values | changes)


def told(line: HistoryLine) -> Announcement | None:
    """The event of a line."""
    return announce(PROGRAM, template(), a_coupon(), line)


@pytest.mark.parametrize("move", [Move.ISSUED, Move.MOVED])
def test_given_anew_or_to_somebody_else_it_is_told_as_issued(move: Move) -> None:
    found = told(a_line(move, CouponState.ISSUED))
    assert found is not None
    assert found.data == CouponIssued(
        member_id=text_id("mem", ANN),
        coupon_id=IDENTITY,
        template_id=text_id("cpt", uuid("campaign/1")),
        campaign_id=text_id("cmp", uuid("campaign")),
        channel="after-order",
        source_kind="order",
        source_id=text_id("ord", ORDER),
        valid_from=march(1),
        valid_to=Instant.of(a_coupon().valid_to),
        face_minor=1000,
        currency="CNY",
        version=2,
    )
    assert (found.at, found.causation) == (march(3), CAUSE)


@pytest.mark.parametrize("state", [CouponState.USED, CouponState.EXPIRED, CouponState.REVOKED])
def test_to_somebody_else_when_it_is_of_no_use_any_more_it_is_not_told(
    state: CouponState,
) -> None:
    assert told(a_line(Move.MOVED, state)) is None


@pytest.mark.parametrize(
    ("move", "state", "change"),
    [
        (Move.USED, CouponState.USED, "used"),
        (Move.RETURNED, CouponState.ISSUED, "returned"),
        (Move.EXPIRED, CouponState.EXPIRED, "expired"),
        (Move.REVOKED, CouponState.REVOKED, "revoked"),
        (Move.OVER_USE, CouponState.USED, "over-use"),
    ],
)
def test_every_other_move_is_told_as_a_change(move: Move, state: CouponState, change: str) -> None:
    found = told(a_line(move, state, order_id=uuid("B"), reason="staff"))
    assert found is not None
    assert found.data == CouponChanged(
        member_id=text_id("mem", ANN),
        coupon_id=IDENTITY,
        template_id=text_id("cpt", uuid("campaign/1")),
        campaign_id=text_id("cmp", uuid("campaign")),
        change=change,  # type: ignore[arg-type]
        order_id=text_id("ord", uuid("B")),
        reason="staff",
        version=2,
    )


def test_it_is_told_under_the_key_of_whose_it_is() -> None:
    for kind, identity, prefix in (
        (HolderKind.MEMBER, ANN, "mem"),
        (HolderKind.CUSTOMER, CUSTOMER, "cus"),
    ):
        line = a_line(Move.USED, CouponState.USED, holder_kind=kind, holder_id=identity)
        found = told(line)
        assert found is not None
        holder = text_id(prefix, identity)
        assert found.key == found.subject == holder
        assert isinstance(found.data, CouponChanged)
        assert (found.data.member_id or found.data.customer_id) == holder
        assert (found.data.member_id is None) == (kind is HolderKind.CUSTOMER)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=2, unique=True))
def test_an_events_id_follows_from_the_coupon_and_the_lines_number(numbers: list[int]) -> None:
    one, other = (told(a_line(Move.USED, CouponState.USED, no=no)) for no in numbers)
    again = told(a_line(Move.USED, CouponState.USED, no=numbers[0], note=None, cause=uuid("x")))
    assert one is not None
    assert other is not None
    assert again is not None
    name = "coupon-changed"
    assert one.id("campaigns", name) == again.id("campaigns", name) != other.id("campaigns", name)
    assert (one.cause.id, one.cause.ordinal) == (IDENTITY, numbers[0] - 1)
