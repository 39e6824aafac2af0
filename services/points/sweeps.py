"""What points does once per local day (expiry), and after newer settings (settle again)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.points import store
from shared.db.transaction import Tx
from shared.flow import Due
from shared.programs import Program
from shared.service import Sweep


async def due_holders(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per holder with lots that lapse at or before the boundary."""
    found = await store.list_due_holders(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=holder) for holder in found]


async def settled_customers(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per customer with orders or check-ins from when the newer settings hold."""
    found = await store.list_settled_customers(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=customer) for customer in found]


def _cursor(after: str | None) -> UUID | None:
    return UUID(after) if after else None


SWEEPS: Final = (Sweep(store.EXPIRY, due_holders),)
