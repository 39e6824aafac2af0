"""SQL of remembered orders. One statement a function.

Everything about an order is done under a lock of its id (an advisory one: the order may not be
known yet), by the worker and by intake alike: what comes to wait for an order cannot miss it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import structs

from services.gateway.orders import tables
from services.gateway.orders.model import (
    OPEN,
    Key,
    KnownOrder,
    OrdersState,
    PendingOrder,
    WaitingEvent,
)
from shared.db import bulk
from shared.db.transaction import Tx
from shared.events.envelope import Event
from shared.events.storefront.order_cancelled import OrderCancelled
from shared.events.storefront.order_completed import OrderCompleted
from shared.events.storefront.order_paid import OrderPaid
from shared.events.storefront.refund import Refund
from shared.flow import Due, Input
from shared.ids import uuid_of
from shared.programs import Program

STATEMENTS: Final = 11
"""Of `read_orders` and `save_orders`, at most, whatever the batch's size."""
_HALF: Final = 2**63


async def read_orders(tx: Tx, state: OrdersState, inputs: Sequence[Input]) -> None:
    """What is known of the orders that the inputs are about, locked."""
    keys = _orders(inputs, state.programs)
    await lock_orders(tx, keys)
    state.orders.read(await _READ_KNOWN.run(tx, keys))
    state.pending.read(await _READ_PENDING.run(tx, keys))
    state.waiting.read(await _READ_WAITING.run(tx, keys))


async def save_orders(tx: Tx, state: OrdersState) -> None:
    """Write what changed, two statements a table at most."""
    await _KNOWN.run(tx, state.orders)
    await _PENDING.run(tx, state.pending)
    await _WAITING.run(tx, state.waiting)
    settled = state.settled.changed
    if settled:
        await tx.execute(
            """
            update delivery d set status = k.status, reason = k.reason, event_id = k.event_id
            from unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[])
              k (program_id, delivery_id, event_id, status, reason)
            where d.program_id = k.program_id and d.delivery_id = k.delivery_id
            """,
            *map(list, zip(*(structs.astuple(row) for row in settled), strict=True)),
        )


async def lock_orders(tx: Tx, keys: Iterable[Key]) -> None:
    """Nobody else learns of these orders, or lets something wait for them, until the commit."""
    locks = sorted({((key[1].int ^ key[0]) & (2 * _HALF - 1)) - _HALF for key in keys})
    if locks:
        await tx.fetch("select pg_advisory_xact_lock(k) from unnest($1::bigint[]) k", locks)


async def find_orders(tx: Tx, keys: Iterable[Key]) -> dict[Key, KnownOrder]:
    """Whose orders are, of those that are known; nobody learns of one until the commit."""
    wanted = set(keys)
    await lock_orders(tx, wanted)
    return {order.key: order for order in await _READ_KNOWN.run(tx, wanted)}


async def add_waiting(tx: Tx, row: WaitingEvent) -> bool:
    """Let an event wait for its order; whether it did not already."""
    return bool(await _WAIT.run(tx, [row]))


async def put_pending(tx: Tx, row: PendingOrder) -> bool:
    """Let an order complete later, by the newest word of its shop; whether this was it."""
    return bool(await _PEND.run(tx, [row]))


async def list_due(
    tx: Tx, program_id: int, until: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Orders that are to complete at or before an instant, by pending_order_due_idx."""
    rows = await tx.fetch(
        """
        select order_id from pending_order
        where program_id = $1 and state = 0 and due_at <= $2
          and ($3::uuid is null or order_id > $3)
        order by order_id limit $4
        """,
        program_id,
        until,
        after,
        limit,
    )
    return [row["order_id"] for row in rows]


def _orders(inputs: Sequence[Input], programs: Mapping[str, Program]) -> set[Key]:
    found: set[Key] = set()
    for item in inputs:
        program = programs[item.program]
        match item:
            case Event(data=OrderPaid() | OrderCompleted() | OrderCancelled() | Refund() as data):
                if data.order_id:
                    found.add((program.id, uuid_of(data.order_id)))
            case Due():
                found.add((program.id, item.key))
            case _:
                pass
    return found


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_KNOWN_ROWS: Final = bulk.stored(tables.KNOWN_ORDER, KnownOrder)
_PENDING_ROWS: Final = bulk.stored(tables.PENDING_ORDER, PendingOrder, refunds=(" ".join, _parts))
_WAITING_ROWS: Final = bulk.stored(tables.WAITING_EVENT, WaitingEvent)

_READ_KNOWN: Final = _KNOWN_ROWS.by("order_id")
_READ_PENDING: Final = _PENDING_ROWS.by("order_id")
_READ_WAITING: Final = _WAITING_ROWS.by("order_id")

_KNOWN: Final = _KNOWN_ROWS.save()
_PENDING: Final = _PENDING_ROWS.save()
_WAITING: Final = _WAITING_ROWS.save()
_WAIT: Final = _WAITING_ROWS.offer()
_PEND: Final = _PENDING_ROWS.offer(
    "do update set due_at = excluded.due_at, told_at = excluded.told_at, "
    "total_minor = excluded.total_minor, event = excluded.event, "
    "delivery_id = excluded.delivery_id "
    f"where pending_order.state = {OPEN} and pending_order.told_at < excluded.told_at"
)
