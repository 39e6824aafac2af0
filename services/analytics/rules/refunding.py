"""What refunds and a cancellation leave of an order.

Refunds of an order commute: together they take their sum, at most the order's total; a full one
takes all. A cancellation takes what they leave, whenever they happened, so that money that is told
twice (as refund and as cancellation) is given back once. It is void when the order was completed
again after it. Refunds in another currency than the order's take nothing of it.

| order | refunds | cancelled | refunded | the cancellation gives back |
|---|---|---|---|---|
| 100 | – | | 0 | |
| 100 | 30 | | 30 | |
| 100 | 30, 90 | | 100 | |
| 100 | 30 | yes | 100 | 70 |
| 100 | full | yes | 100 | 0 |
| 100 | 30 | yes, then completed again | 30 | 0 |

While the order is not known a refund waits and a cancellation gives back nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.analytics.model import (
    FactOrder,
    FactRefund,
    OrderStatus,
    RefundKind,
    cancellation_id,
)
from shared.days import local_day, local_hour
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.refund import Refund
from shared.ids import uuid_of
from shared.programs import Program


def refund(program: Program, at: datetime, data: Refund) -> FactRefund:
    """A refund as a fact, before its order says at which tier."""
    return FactRefund(
        program_id=program.id,
        refund_id=uuid_of(data.refund_id),
        kind=RefundKind.FULL if data.scope == "full" else RefundKind.PART,
        order_id=uuid_of(data.order_id) if data.order_id else None,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        store_id=uuid_of(data.store_id),
        at=at,
        day=local_day(at, program.zone),
        hour=local_hour(at, program.zone),
        currency=data.currency,
        amount_minor=data.total_minor,
    )


def cancellation(program: Program, at: datetime, data: OrderCancelled) -> FactRefund:
    """A cancellation as a refund of whatever its order has left."""
    order_id = uuid_of(data.order_id)
    return FactRefund(
        program_id=program.id,
        refund_id=cancellation_id(order_id),
        kind=RefundKind.CANCELLATION,
        order_id=order_id,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        store_id=uuid_of(data.store_id),
        at=at,
        day=local_day(at, program.zone),
        hour=local_hour(at, program.zone),
        currency=program.currency,
        amount_minor=0,
    )


def give_back(
    order: FactOrder, refunds: Sequence[FactRefund]
) -> tuple[FactOrder, list[FactRefund]]:
    """The order with what was taken of it, and its refunds at its tier, in the order given."""
    taken = _taken(order, refunds)
    left = order.total_minor - taken
    cancelled = any(_holds(order, refund) for refund in refunds)
    settled = [_of(order, refund, left) for refund in refunds]
    refunded = order.total_minor if cancelled else taken
    status = _status(order, refunded, cancelled=cancelled)
    return replace(order, refunded_minor=refunded, status=status), settled


def counts(known: FactRefund, told: FactRefund) -> bool:
    """Whether another telling of a refund counts: the earliest does, of a cancellation the last."""
    if told.kind == RefundKind.CANCELLATION:
        return told.at > known.at
    return told.at < known.at


def _taken(order: FactOrder, refunds: Sequence[FactRefund]) -> int:
    if order.completed_at is None:
        return 0
    ours = [
        refund
        for refund in refunds
        if refund.kind != RefundKind.CANCELLATION and refund.currency == order.currency
    ]
    if any(refund.kind == RefundKind.FULL for refund in ours):
        return order.total_minor
    return min(order.total_minor, sum(refund.amount_minor for refund in ours))


def _holds(order: FactOrder, refund: FactRefund) -> bool:
    """Whether a cancellation is the latest word on a completed order."""
    return (
        refund.kind == RefundKind.CANCELLATION
        and order.completed_last_at is not None
        and refund.at >= order.completed_last_at
    )


def _of(order: FactOrder, refund: FactRefund, left: int) -> FactRefund:
    """A refund as its order makes it: at the order's tier, a cancellation with what it takes."""
    if refund.kind != RefundKind.CANCELLATION:
        return replace(refund, tier=order.tier)
    return replace(
        refund,
        tier=order.tier,
        currency=order.currency or refund.currency,
        amount_minor=left if _holds(order, refund) else 0,
    )


def _status(order: FactOrder, refunded: int, *, cancelled: bool) -> OrderStatus:
    if order.completed_at is None:
        return OrderStatus.AWAITED
    if cancelled:
        return OrderStatus.CANCELLED
    if refunded == 0:
        return OrderStatus.COMPLETED
    return OrderStatus.REFUNDED if refunded == order.total_minor else OrderStatus.PARTLY_REFUNDED
