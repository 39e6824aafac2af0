"""Which lots lapse on a closed day (capability row 44). All due at or before the boundary.

What a hold pins stays; debt is paid out of a lot before the rest lapses. One `expire` per lot, at
the lot's own end, whenever the sweep runs.
"""

from datetime import datetime
from uuid import UUID

from services.points.model import Lot, PointsState
from services.points.rules.posting import Draft


def due(lot: Lot, boundary: datetime) -> bool:
    """Whether something of a lot lapses at or before a boundary."""
    return lot.open > lot.held and lot.expires_at is not None and lot.expires_at <= boundary


def expire_due(
    draft: Draft,
    state: PointsState,
    program_id: int,
    holder_id: UUID,
    boundary: datetime,
    cause: UUID,
) -> int:
    """Let a holder's due lots lapse, the earliest first; how many there were."""
    held = state.lots.of("holder", (program_id, holder_id))
    lots = [lot for lot in held if due(lot, boundary)]
    for lot in sorted(lots, key=lambda lot: (lot.expires_at, lot.earned_at, lot.lot_id)):
        assert lot.expires_at is not None
        draft.expire(lot, lot.expires_at, cause)
    return len(lots)
