"""Parts that several storefront events share: identities, lines and amounts of an order."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import (
    INCIDENTAL,
    Count,
    Currency,
    CustomerId,
    Minor,
    OrderId,
    ShortText,
    StoreId,
)

Assurance = Literal["high", "low"]
LineKind = Literal["goods", "fee", "gift-card", "adjustment"]
Codes = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=20)]


class Identity(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A keyed hash of something that identifies a person. Never the thing itself."""

    kind: Literal["phone", "email"]
    hash: Annotated[str, Meta(max_length=64, description="v1. + base64url of the keyed hash")]
    verified: bool = False
    """The shop vouches that it belongs to the customer."""


Identities = Annotated[list[Identity], Meta(max_length=8), INCIDENTAL]


class Line(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One line of an order: net = list − discount − included tax, for the whole line."""

    line_id: Annotated[str, Meta(min_length=1, max_length=64, description="Unique in the order")]
    sku: Annotated[str, Meta(max_length=64)]
    product_id: Annotated[str | None, INCIDENTAL] = None
    brand: Annotated[str | None, INCIDENTAL] = None
    title: Annotated[str | None, INCIDENTAL] = None
    categories: Annotated[list[str], INCIDENTAL]
    quantity: Count
    list_minor: Minor
    discount_minor: Minor
    net_minor: Minor
    tax_minor: Minor
    kind: LineKind


class Order(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What `order-paid` and `order-completed` have in common.

    Σ (net + tax) of the lines + shipping + shipping tax = total.
    """

    order_id: OrderId
    order_no: ShortText
    """The shop's own number."""
    store_id: StoreId
    customer_id: CustomerId | None = None
    """Absent: a guest."""
    guest: Annotated[bool, INCIDENTAL]
    currency: Currency
    placed_at: Instant
    paid_at: Instant
    lines: Annotated[list[Line], Meta(max_length=2000)]
    shipping_minor: Minor
    shipping_tax_minor: Minor
    discount_minor: Minor
    """Sum of the lines' discounts."""
    tax_minor: Minor
    """Sum of the lines' taxes."""
    gift_card_minor: Minor
    points_paid_minor: Minor
    platform_discount_minor: Minor
    total_minor: Minor
    coupon_codes: Codes
    hold_ids: Codes
    redemption_ids: Codes
    campaign_codes: Codes
    source_code: Annotated[str | None, INCIDENTAL] = None
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
