"""What an order says of itself. Of two completions of one order the earliest counts.

A later completion is kept as an instant only: it voids a cancellation that came before it.

| known | told | counts | latest |
|---|---|---|---|
| – | 10:00 | 10:00 | 10:00 |
| 10:00 | 09:00 | 09:00, with its lines and buyer | 10:00 |
| 10:00 | 11:00 | 10:00 | 11:00 |
| 10:00, latest 12:00 | 11:00 | nothing changes | |
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from services.analytics.model import FactOrder, Line, OrderStatus, encode
from shared.days import local_day, local_hour
from shared.events.storefront.order_completed import OrderCompleted
from shared.ids import uuid_of
from shared.programs import Program

_GOODS: Final = "goods"


def completed(program: Program, at: datetime, data: OrderCompleted) -> FactOrder:
    """The order as its completion tells it; what follows from other facts is left open."""
    lines = [
        Line(line.line_id, line.sku, line.categories, line.kind, line.quantity, line.net_minor)
        for line in data.lines
    ]
    goods_minor, units = goods(lines)
    return FactOrder(
        program_id=program.id,
        order_id=uuid_of(data.order_id),
        status=OrderStatus.COMPLETED,
        customer_id=uuid_of(data.customer_id) if data.customer_id else None,
        store_id=uuid_of(data.store_id),
        completed_at=at,
        completed_last_at=at,
        day=local_day(at, program.zone),
        hour=local_hour(at, program.zone),
        currency=data.currency,
        goods_minor=goods_minor,
        total_minor=data.total_minor,
        units=units,
        line_count=len(lines),
        lines=encode(lines),
    )


def goods(lines: Iterable[Line]) -> tuple[int, int]:
    """Net and pieces of the lines of kind goods: fees, gift cards and adjustments are none."""
    bought = [line for line in lines if line.kind == _GOODS]
    return sum(line.net_minor for line in bought), sum(line.quantity for line in bought)


def earliest(known: FactOrder, told: FactOrder) -> FactOrder | None:
    """The order after another telling of its completion; None when that changes nothing."""
    assert told.completed_at is not None
    if known.completed_at is None or known.completed_last_at is None:
        return told
    if told.completed_at < known.completed_at:
        return replace(told, completed_last_at=known.completed_last_at, seq=known.seq)
    if told.completed_at > known.completed_last_at:
        return replace(known, completed_last_at=told.completed_at)
    return None
