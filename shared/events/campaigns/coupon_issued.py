"""A coupon was given to somebody."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import (
    CampaignId,
    CouponId,
    Currency,
    CustomerId,
    MemberId,
    Minor,
    TemplateId,
    Version,
)

CouponChannel = Literal["new-member-gift", "after-order", "staff"]


class CouponIssued(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A coupon was given to a member, or to a customer while there is no member."""

    member_id: MemberId | None = None
    customer_id: CustomerId | None = None
    coupon_id: CouponId
    template_id: TemplateId
    campaign_id: CampaignId | None = None
    channel: CouponChannel
    source_kind: Literal["member", "order", "command"]
    source_id: Annotated[str, Meta(max_length=64)]
    valid_from: Instant
    valid_to: Instant
    """Exclusive."""
    face_minor: Minor
    currency: Currency
    version: Version = 1
    """Of the coupon's history; absent: 1. Told again when the coupon is given anew, has another
    validity or another holder. One not above the consumer's own is ignored.
    """
