"""Money of an order was given back: for lines, as an amount, or in full."""

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
    RefundId,
    ShortText,
    StoreId,
    Text,
)
from shared.events.storefront.parts import Assurance, Identities

RefundScope = Literal["lines", "amount", "full"]


class RefundLine(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What is given back of one line."""

    line_id: Annotated[str, Meta(min_length=1, max_length=64)]
    sku: Annotated[str, Meta(max_length=64)]
    quantity: Count
    net_minor: Minor
    tax_minor: Minor


class Refund(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A refund, judged together with its order whichever of the two arrives first."""

    refund_id: RefundId
    refund_no: ShortText
    order_id: OrderId | None = None
    """Absent: the shop does not say which order it belongs to."""
    store_id: StoreId
    customer_id: CustomerId | None = None
    currency: Currency
    refunded_at: Instant
    lines: Annotated[list[RefundLine], Meta(max_length=2000)]
    shipping_minor: Minor
    amount_minor: Minor
    """Tied to no line."""
    total_minor: Minor
    deducted_for_points_minor: Minor | None = None
    """What the shop kept back because points to take back were spent."""
    scope: RefundScope
    reason: Annotated[Text | None, INCIDENTAL] = None
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
