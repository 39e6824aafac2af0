"""The event of each step: `coupon-issued` or `coupon-changed`.

Issued is told when it is given, anew or to somebody else, too. A coupon that goes to another holder
when it is used or has lapsed already is not told.
"""

from typing import Final

from services.campaigns.coupons.model import (
    Channel,
    Coupon,
    CouponState,
    HistoryLine,
    Holder,
    HolderKind,
    Move,
    Template,
    source_kind,
    source_text,
)
from shared.days import Instant
from shared.events.campaigns.coupon_changed import CouponChanged
from shared.events.campaigns.coupon_issued import CouponIssued
from shared.events.envelope import Announcement, Cause
from shared.ids import text_id
from shared.programs import Program

_GIVEN: Final = {Move.ISSUED, Move.MOVED}


def announce(
    program: Program, template: Template, coupon: Coupon, line: HistoryLine
) -> Announcement | None:
    """The event of a line of history; its id follows from the coupon and the line's number."""
    if line.move in _GIVEN and line.state != CouponState.ISSUED:
        return None
    identity = text_id("cpn", coupon.coupon_id)
    holder = Holder(line.holder_kind, line.holder_id)
    data: CouponIssued | CouponChanged = (
        _issued(program, template, coupon, line) if line.move in _GIVEN else _changed(coupon, line)
    )
    return Announcement(
        data=data,
        program=program.text_id,
        key=holder.text,
        subject=holder.text,
        at=line.at,
        cause=Cause("coupon", identity, line.no - 1),
        causation=line.cause,
    )


def _issued(
    program: Program, template: Template, coupon: Coupon, line: HistoryLine
) -> CouponIssued:
    member_id, customer_id = _whose(line)
    return CouponIssued(
        member_id=member_id,
        customer_id=customer_id,
        coupon_id=text_id("cpn", coupon.coupon_id),
        template_id=text_id("cpt", coupon.template_id),
        campaign_id=text_id("cmp", coupon.campaign_id),
        channel=Channel(coupon.channel).label,  # type: ignore[arg-type]
        source_kind=source_kind(coupon.channel),  # type: ignore[arg-type]
        source_id=source_text(coupon.channel, coupon.source_id),
        valid_from=Instant.of(coupon.valid_from),
        valid_to=Instant.of(coupon.valid_to),
        face_minor=template.body.face_minor,
        currency=program.currency,
        version=line.no,
    )


def _changed(coupon: Coupon, line: HistoryLine) -> CouponChanged:
    member_id, customer_id = _whose(line)
    return CouponChanged(
        member_id=member_id,
        customer_id=customer_id,
        coupon_id=text_id("cpn", coupon.coupon_id),
        template_id=text_id("cpt", coupon.template_id),
        campaign_id=text_id("cmp", coupon.campaign_id),
        change=Move(line.move).label,  # type: ignore[arg-type]
        order_id=text_id("ord", line.order_id) if line.order_id else None,
        reason=line.reason,
        version=line.no,
    )


def _whose(line: HistoryLine) -> tuple[str | None, str | None]:
    """Member id and customer id: one of them."""
    text = Holder(line.holder_kind, line.holder_id).text
    return (text, None) if line.holder_kind == HolderKind.MEMBER else (None, text)
