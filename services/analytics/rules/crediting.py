"""The points of an order: what was issued for it, less what was taken back.

An entry counts for its order while it gives or takes back (book accounts issued and reversed), in
the wallet `points`. That such points lapse later, or are set off against debt, is no matter of the
order: they were given. So an order's points are the same a year on.

| entry | account | of the order |
|---|---|---|
| earn 889 | issued | 889 |
| claw-back −300 | reversed | −300 |
| correct +5 | issued | 5 |
| expire −589, a year later | expired | – |
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from services.analytics.model import (
    ACCOUNTS,
    ENTRY_KINDS,
    SOURCE_KINDS,
    WALLET,
    FactOrder,
    FactPoints,
    entry_key,
)
from shared.days import local_day
from shared.events.points.points_changed import PointsChanged
from shared.ids import uuid_of
from shared.programs import Program

GIVING: Final = frozenset({"issued", "reversed"})
"""Book accounts of entries that make and unmake points."""


def entry(program: Program, at: datetime, data: PointsChanged) -> FactPoints:
    """A ledger line as a fact."""
    given = data.order_id is not None and data.account in GIVING and data.wallet == WALLET
    return FactPoints(
        program_id=program.id,
        entry_id=entry_key(data.entry_id),
        member_id=uuid_of(data.member_id),
        wallet=data.wallet,
        kind=ENTRY_KINDS[data.kind],
        account=ACCOUNTS[data.account],
        source_kind=SOURCE_KINDS[data.source_kind],
        amount=data.amount,
        day=local_day(at, program.zone),
        order_id=uuid_of(data.order_id) if data.order_id is not None and given else None,
    )


def credit(order: FactOrder, entries: Iterable[FactPoints]) -> FactOrder:
    """The order with the sum of its entries. One that is not completed waits with none."""
    points = sum(each.amount for each in entries) if order.completed_at is not None else 0
    return replace(order, points=points)
