"""What a merchant may set of a connection. Versioned; a document per connection."""

from typing import Annotated, Final, Literal

from pydantic import Field

from shared.settings.versions import Document, Settings

MOST_DAYS: Final = 60
_Status = Annotated[str, Field(min_length=1, max_length=64)]
Meaning = Literal["paid", "completed", "cancelled", "ignored"]
"""What a status of a platform comes to."""


class ConnectionSettings(Settings):
    """How the deliveries of one connection are read."""

    shop: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="The shop as its platform names it in each delivery (demo.myshopify.com, "
        "https://shop.example/, Youzan's kdt_id, the seller's nick at Taobao); another one's are "
        "refused",
    )
    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = Field(
        default=None, description="Region of phones without a country code; default: the store's"
    )
    completion_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = Field(
        default=None,
        description="Days from sending (Shopify) or from `completed` (WooCommerce) until an order "
        "counts as received; default 15 and 7",
    )
    delivered_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] | None = Field(
        default=None, description="Days from the carrier's delivery; default 7 (Shopify)"
    )
    legacy_sign: bool = Field(
        default=False,
        description="Take deliveries without the header Event-Sign by the older `sign` inside them "
        "(Youzan)",
    )
    status_map: Annotated[dict[_Status, Meaning], Field(max_length=50)] = Field(
        default={},
        description="What statuses of orders mean: paid, completed, cancelled or ignored; for new "
        "ones, or instead of the usual meaning (Taobao, Youzan)",
    )
    credit_coupons: Annotated[list[_Status], Field(max_length=20)] = Field(
        default=["smart_coupon"],
        description="Types of coupons that are gift cards or store credit, so that what they take "
        "off counts as paid (WooCommerce)",
    )


FAMILY: Final = "connection/"
CONNECTION: Final = Document(FAMILY, ConnectionSettings)
USUAL: Final = ConnectionSettings()
