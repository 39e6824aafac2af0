"""Whose a fact is, by the links of its customer.

Two questions have two answers. *Then*: the member whose link covers the instant, from its start
(inclusive) up to its end (exclusive); of two the higher revision counts. *Now*: the subject that
figures of people count, for all facts of the customer alike: the member of the open link, else of
the latest that ended; without a link the customer itself.

| links | at | member then | subject |
|---|---|---|---|
| – | 1 March | – | the customer |
| M from 2 March | 1 March | – | M |
| M from 2 March | 2 March | M | M |
| M from 2 to 5 March, N from 5 March | 3 March | M | N |
| M from 2 to 5 March | 6 March | – | M |

A missing link leaves a fact with its customer; it moves when the link arrives.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from services.analytics.model import Customer, FactActivity, FactOrder
from shared.links import Link, holder_at
from shared.links import with_link as links_with


def with_link(customer: Customer, link: Link) -> Customer | None:
    """The customer with a new word on one of its links; None when we know a later word already."""
    links = links_with(customer.links, link)
    return None if links is None else replace(customer, links=links, member_id=_latest(links))


def own_order(order: FactOrder, customer: Customer | None) -> FactOrder:
    """The order with its subject and member. Without a customer (a guest's) it has neither."""
    if customer is None or order.completed_at is None:
        return replace(order, subject_id=None, member_id=None)
    holder = holder_at(customer.links, order.completed_at)
    return replace(order, subject_id=customer.subject_id, member_id=holder)


def own_activity(activity: FactActivity, customer: Customer) -> FactActivity:
    """The activity with its subject and member."""
    holder = holder_at(customer.links, activity.at)
    return replace(activity, subject_id=customer.subject_id, member_id=holder)


def _latest(links: Sequence[Link]) -> UUID:
    """The member of the open link, else of the latest one; of two the higher revision counts."""
    return max(links, key=lambda link: (link.ended_at is None, link.revision)).member_id
