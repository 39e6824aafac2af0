"""What members does by the clock: who is forgotten; after newer settings who joins after all."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from services.members import store
from shared.db.transaction import Tx
from shared.flow import Due
from shared.programs import Program


async def unjoined_customers(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per customer without a link who completed an order from when the settings hold."""
    found = await store.list_unjoined_customers(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=customer) for customer in found]


async def judged_members(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per member who joined or completed an order from when the ladder holds."""
    found = await store.list_judged_members(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=member) for member in found]


async def due_erasures(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per member who is to be forgotten by the end of the day."""
    found = await store.list_due_erasures(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=erasure, data=forgetting) for erasure, forgetting in found]


def _cursor(after: str | None) -> UUID | None:
    return UUID(after) if after else None
