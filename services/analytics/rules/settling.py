"""One order from all its facts: whose it is, at which tier, what is left, what it gave.

Everything here is derived anew from the facts and is the same whatever order they came in. Its
number among its subject's orders is not: that takes their other orders (`numbering`).
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from services.analytics.model import Customer, FactOrder, FactPoints, FactRefund, Key, Member
from services.analytics.rules.belonging import own_order
from services.analytics.rules.crediting import credit
from services.analytics.rules.refunding import give_back
from services.analytics.rules.tiering import tier_order


class Facts(Struct, frozen=True):
    """What an order is a function of."""

    order: FactOrder
    """As its completion tells it."""
    customer: Customer | None
    """None: a guest's."""
    members: Mapping[Key, Member]
    """At least those to whom the customer was ever linked."""
    refunds: Sequence[FactRefund]
    entries: Sequence[FactPoints]


def settle(facts: Facts) -> tuple[FactOrder, list[FactRefund]]:
    """The order, and its refunds as it makes them."""
    order = own_order(facts.order, facts.customer)
    member = None
    if order.member_id is not None:
        member = facts.members[order.program_id, order.member_id]
    order = credit(tier_order(order, member), facts.entries)
    return give_back(order, facts.refunds)
