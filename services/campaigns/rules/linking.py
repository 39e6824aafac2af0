"""Whose a coupon is that a customer's order earned: the member's whom the customer is, or becomes.

A link is in force from `earns_from` (inclusive) up to its end (exclusive). Where two cover the
instant the one with the higher revision counts. A coupon from before the customer's first link
moves to that member; one from after the last link's end stays with the customer.

| links | coupon of | belongs to |
|---|---|---|
| none | 3 March | the customer |
| A from 1 March | 3 March | A |
| A from 5 March | 3 March | A, once the link is known |
| A from 1 to 2 March | 3 March | the customer |
| A from 1 to 5 March, B from 5 March | 3 March | A |
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.campaigns.coupons.model import Holder, HolderKind
from shared.links import Link


def holder_of(links: Sequence[Link], customer_id: UUID, since: datetime) -> Holder:
    """The holder of a coupon that a customer earned at an instant."""
    real = [link for link in links if link.ended_at is None or link.earns_from < link.ended_at]
    open_then = [link for link in real if link.ended_at is None or since < link.ended_at]
    covering = [link for link in open_then if link.earns_from <= since]
    if covering:
        member = max(covering, key=lambda link: link.revision).member_id
    elif open_then:
        member = min(open_then, key=lambda link: (link.earns_from, link.revision)).member_id
    else:
        return Holder(HolderKind.CUSTOMER, customer_id)
    return Holder(HolderKind.MEMBER, member)
