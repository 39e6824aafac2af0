"""A member was forgotten: nothing personal of them is known any more."""

from msgspec import Struct

from shared.days import Instant
from shared.events.fields import CustomerId, MemberId


class MemberErased(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A member was forgotten. Whoever keeps what names or reaches the person destroys it now.

    Orders and amounts stay: they name nobody. What these customers do later is of nobody known.
    """

    member_id: MemberId
    customer_ids: list[CustomerId]
    """Whom the member was linked to."""
    at: Instant
