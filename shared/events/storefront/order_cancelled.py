"""An order was cancelled, before or after its completion."""

from typing import Annotated

from msgspec import Struct

from shared.days import Instant
from shared.events.fields import (
    INCIDENTAL,
    CustomerId,
    OrderId,
    ShortText,
    StoreId,
    Text,
)
from shared.events.storefront.parts import Assurance, Identities


class OrderCancelled(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An order was cancelled. After completion it takes back all that is left of the order."""

    order_id: OrderId
    order_no: ShortText
    store_id: StoreId
    customer_id: CustomerId | None = None
    cancelled_at: Instant
    reason: Annotated[Text | None, INCIDENTAL] = None
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
