"""A customer did something other than buying: reviewed, shared, favourited, visited and more."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.events.fields import INCIDENTAL, CustomerId, OrderId, ShortText, StoreId
from shared.events.storefront.parts import Assurance, Identities

Action = Literal["review", "share", "favourite", "cart", "visit", "login", "enquiry"]


class ActivityObject(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """What the action was done to."""

    kind: Literal["store", "product", "page"]
    id: ShortText | None = None


class Activity(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An action, or (state `off`) its being undone."""

    store_id: StoreId
    customer_id: CustomerId
    action: Action
    object: ActivityObject | None = None
    state: Literal["on", "off"]
    order_id: OrderId | None = None
    line_id: Annotated[str, Meta(max_length=64)] | None = None
    source_code: Annotated[str | None, INCIDENTAL] = None
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
