"""What campaigns does once per local day: coupons lapse, drafts that nobody saved are discarded."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.campaigns import store
from services.campaigns.coupons.store import list_due_coupons
from services.campaigns.rules.steering import stale_before
from shared.db.transaction import Tx
from shared.flow import Due
from shared.programs import Program
from shared.service import Sweep


async def due_coupons(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per unused coupon that ends at or before the boundary."""
    found = await list_due_coupons(tx, program.id, due.time, _cursor(after), limit)
    return [replace(due, key=coupon) for coupon in found]


async def stale_drafts(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per draft that has been left for too long."""
    before = stale_before(due.time, program.zone)
    found = await store.list_drafts(tx, program.id, before, _cursor(after), limit)
    return [replace(due, key=campaign) for campaign in found]


def _cursor(after: str | None) -> UUID | None:
    return UUID(after) if after else None


SWEEPS: Final = (Sweep(store.LAPSE, due_coupons), Sweep(store.DISCARD, stale_drafts))
