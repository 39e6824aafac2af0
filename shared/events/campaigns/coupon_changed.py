"""A coupon changed its state."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.events.fields import (
    CampaignId,
    CouponId,
    CustomerId,
    MemberId,
    OrderId,
    TemplateId,
    Version,
)

CouponChange = Literal["held", "released", "used", "returned", "expired", "revoked", "over-use"]


class CouponChanged(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One move of a coupon's state machine."""

    member_id: MemberId | None = None
    customer_id: CustomerId | None = None
    coupon_id: CouponId
    template_id: TemplateId
    campaign_id: CampaignId | None = None
    change: CouponChange
    order_id: OrderId | None = None
    reason: Annotated[str, Meta(max_length=64)] | None = None
    version: Version = 1
    """Of the coupon's history. One not above the consumer's own is ignored."""
