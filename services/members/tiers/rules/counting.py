"""What of an order counts for tiers (capability rows 20 to 22).

An order is a fact at its completion, net of the refunds that came before it, and counts as one
order if something is left. Later refunds and a cancellation are facts of their own, at their own
instants; what takes back the last of an order takes back the order. Together they never take back
more than the order was. Another currency than the program's counts nothing.

| order | refunds | facts |
|---|---|---|
| 889.60 completed 1 March | 299.80 on 5 March | +889.60, 1 order; −299.80 |
| 100.00 completed 3 March | 40.00 on 1 March | +60.00, 1 order |
| 100.00 completed 1 March | 130.00 on 2 March | +100.00, 1 order; −100.00, −1 order |
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from services.members.tiers.model import TierFact
from shared.ids import derive


class Bought(Struct, frozen=True):
    """A completed order as it counts."""

    order_id: UUID
    completed_at: datetime
    amount_minor: int
    cancelled_at: datetime | None
    """The latest word, if it is a cancellation."""


class GivenBack(Struct, frozen=True):
    """A refund as it counts."""

    refund_id: UUID
    at: datetime
    goods_minor: int
    whole: bool


def facts_of(
    program_id: int, member_id: UUID, order: Bought, refunds: Sequence[GivenBack]
) -> list[TierFact]:
    """The facts of one order for the member it belongs to, the order's own first."""
    left = order.amount_minor
    facts: list[TierFact] = []
    taken: list[tuple[UUID, datetime, int]] = []
    for refund in sorted(refunds, key=lambda each: (each.at, each.refund_id)):
        back = left if refund.whole else min(refund.goods_minor, left)
        if refund.at <= order.completed_at:
            left -= back
        else:
            taken.append((refund.refund_id, refund.at, back))
    if order.cancelled_at is not None:
        taken.append((cancellation_key(order.order_id), order.cancelled_at, left))
        taken.sort(key=lambda each: (each[1], each[0]))

    def fact(key: UUID, kind: str, at: datetime, amount: int, orders: int) -> TierFact:
        return TierFact(
            program_id, member_id, key, kind, at, order.order_id, order.completed_at, amount, orders
        )

    facts.append(fact(order.order_id, "order", order.completed_at, left, int(left > 0)))
    for key, at, wanted in taken:
        back = min(wanted, left)
        left -= back
        facts.append(fact(key, "refund", at, -back, -int(back > 0 and left == 0)))
    return facts


def cancellation_key(order_id: UUID) -> UUID:
    """What stands for the cancellation of an order among the facts."""
    return derive("cancel", str(order_id))
