"""What a merchant may set of a connection. Versioned; a document per connection."""

from typing import Annotated, Final

from pydantic import Field

from shared.settings.versions import Document, Settings

MOST_DAYS: Final = 60


class ConnectionSettings(Settings):
    """How the deliveries of one connection are read."""

    shop: Annotated[str, Field(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="The shop as its platform names it in each delivery "
        "(demo.myshopify.com, https://shop.example/); another one's are refused",
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


FAMILY: Final = "connection/"
CONNECTION: Final = Document(FAMILY, ConnectionSettings)
USUAL: Final = ConnectionSettings()
