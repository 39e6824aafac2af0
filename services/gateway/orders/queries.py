"""Read SQL of remembered orders."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from services.gateway.orders import tables
from services.gateway.orders.model import OPEN
from shared.http.reading import Reader


async def find_known(reader: Reader, order_id: UUID) -> Row[Any] | None:
    """Whose an order is; None while nobody told of it."""
    return await _first(reader, tables.KNOWN_ORDER, order_id)


async def find_pending(reader: Reader, order_id: UUID) -> Row[Any] | None:
    """What of an order waits for its completion, or has."""
    return await _first(reader, tables.PENDING_ORDER, order_id)


async def list_waiting(reader: Reader, order_id: UUID) -> Sequence[Row[Any]]:
    """Refunds and cancellations that still wait for the order; by waiting_event_order_idx."""
    table = tables.WAITING_EVENT
    return await reader.all(
        select(table).where(
            table.c.program_id == reader.program.id,
            table.c.order_id == order_id,
            table.c.state == OPEN,
        )
    )


async def _first(reader: Reader, table: Any, order_id: UUID) -> Row[Any] | None:  # noqa: ANN401
    return await reader.first(
        select(table).where(table.c.program_id == reader.program.id, table.c.order_id == order_id)
    )
