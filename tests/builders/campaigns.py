"""Coupons, as campaigns tells them."""

from datetime import datetime, timedelta

from shared.days import Instant
from shared.events.campaigns.coupon_changed import CouponChange, CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.envelope import Cause, Event
from shared.ids import derive, text_id
from tests.builders.events import event
from tests.builders.members import member
from tests.builders.storefront import AT

TEMPLATE = text_id("cpt", derive("test-template"))


def coupon_id(name: str) -> str:
    """Text id of a coupon."""
    return text_id("cpn", derive("test-coupon", name))


def a_coupon(
    program: str, *, name: str = "C-1", who: str = member(), at: datetime = AT, version: int = 1
) -> Event:
    """A coupon was given to a member."""
    identity = coupon_id(name)
    data = CouponIssued(
        member_id=who,
        coupon_id=identity,
        template_id=TEMPLATE,
        channel="new-member-gift",
        source_kind="member",
        source_id=who,
        valid_from=Instant.of(at),
        valid_to=Instant.of(at + timedelta(days=30)),
        face_minor=1000,
        currency="CNY",
        version=version,
    )
    cause = Cause("coupon", identity, version - 1)
    return event("campaigns", data, program=program, key=who, subject=who, at=at, cause=cause)


def a_coupon_change(
    program: str,
    *,
    name: str = "C-1",
    who: str = member(),
    at: datetime = AT,
    change: CouponChange = "revoked",
    version: int = 2,
) -> Event:
    """A coupon moved."""
    identity = coupon_id(name)
    data = CouponChanged(
        member_id=who,
        coupon_id=identity,
        template_id=TEMPLATE,
        change=change,
        version=version,
    )
    cause = Cause("coupon", identity, version - 1)
    return event("campaigns", data, program=program, key=who, subject=who, at=at, cause=cause)
