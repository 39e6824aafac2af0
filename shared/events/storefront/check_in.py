"""A customer checked in (签到). Its day is the program's day of the event's time."""

from typing import Annotated, Literal

from msgspec import Struct

from shared.events.fields import INCIDENTAL, CustomerId, StoreId
from shared.events.storefront.parts import Assurance, Identities


class CheckIn(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A customer checked in."""

    store_id: StoreId
    customer_id: CustomerId
    channel: Literal["shop", "centre", "counter"]
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
