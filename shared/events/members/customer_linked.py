"""A customer belongs to a member, from certain instants on."""

from typing import Literal

from msgspec import Struct

from shared.days import Instant
from shared.events.fields import CustomerId, MemberId, Version

LinkMethod = Literal["joined", "identity", "staff", "merge"]


class CustomerLinked(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A link was made, moved or ended. A `revision` not above the consumer's own is ignored."""

    member_id: MemberId
    customer_id: CustomerId
    qualifies_from: Instant
    """Orders completed from here on count for tiers."""
    earns_from: Instant
    """Orders completed from here on earn points."""
    method: LinkMethod
    revision: Version
    """Rises with every change of the customer's links, whichever member they lead to."""
    ended_at: Instant | None = None
