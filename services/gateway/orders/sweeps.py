"""Orders whose time has come to count as received."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from services.gateway.orders import store
from shared.db.transaction import Tx
from shared.flow import Due
from shared.programs import Program


async def due_orders(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per order that was due by the end of the day."""
    cursor = UUID(after) if after else None
    found = await store.list_due(tx, program.id, due.time, cursor, limit)
    return [replace(due, key=order) for order in found]
