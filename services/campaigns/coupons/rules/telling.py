"""A coupon as its callers see it."""

from typing import Any

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
from shared.days import render
from shared.ids import text_id


def describe(coupon: Coupon, template: Template, currency: str) -> dict[str, Any]:
    """A coupon with what it is worth."""
    body = template.body
    return {
        "coupon_id": text_id("cpn", coupon.coupon_id),
        "template_id": text_id("cpt", coupon.template_id),
        "campaign_id": text_id("cmp", coupon.campaign_id),
        "name": body.template,
        "kind": body.kind,
        "face_minor": body.face_minor,
        "threshold_minor": body.threshold_minor,
        "currency": currency,
        **_whose(coupon.holder),
        "channel": Channel(coupon.channel).label,
        "source_kind": source_kind(coupon.channel),
        "source_id": source_text(coupon.channel, coupon.source_id),
        "state": CouponState(coupon.state).label,
        "valid_from": render(coupon.valid_from),
        "valid_to": render(coupon.valid_to),
        "order_id": text_id("ord", coupon.order_id) if coupon.order_id else None,
        "version": coupon.version,
    }


def retell(line: HistoryLine) -> dict[str, Any]:
    """One line of a coupon's history."""
    return {
        "no": line.no,
        "move": Move(line.move).label,
        "state": CouponState(line.state).label,
        "at": render(line.at),
        **_whose(Holder(line.holder_kind, line.holder_id)),
        "order_id": text_id("ord", line.order_id) if line.order_id else None,
        "reason": line.reason,
        "note": line.note,
        "cause": str(line.cause),
    }


def _whose(holder: Holder) -> dict[str, str | None]:
    member = holder.kind == HolderKind.MEMBER
    return {
        "member_id": holder.text if member else None,
        "customer_id": None if member else holder.text,
    }
