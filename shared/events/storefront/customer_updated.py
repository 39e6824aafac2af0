"""What a storefront knows of a customer changed, or the customer asked to join there."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.days import Instant
from shared.events.fields import INCIDENTAL, CustomerId, StoreId
from shared.events.storefront.parts import Assurance, Identities


class JoinRequest(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The customer joined at the storefront, accepting a version of the terms."""

    at: Instant
    terms: Annotated[str, Meta(max_length=16)] | None = None


class CustomerUpdated(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A customer's identities as of the event's time, and a wish to join if there is one."""

    store_id: StoreId
    customer_id: CustomerId
    join: JoinRequest | None = None
    identities: Identities
    assurance: Annotated[Assurance, INCIDENTAL]
