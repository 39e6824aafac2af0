"""Messages that were kept long enough."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from services.gateway.outbound import store
from services.gateway.outbound.model import KEPT
from shared.db.transaction import Tx
from shared.flow import Due
from shared.programs import Program
from shared.random_ids import first_of

KIND: Final = "messages"
_AHEAD: Final = timedelta(days=2)
"""Further than an event's time, which a message's id begins with, can be ahead of its making."""


async def outdated(
    tx: Tx, program: Program, due: Due, after: str | None, limit: int
) -> Sequence[Due]:
    """One per message that was made so long before the end of the day."""
    until = due.time - KEPT
    cursor = UUID(after) if after else None
    found = await store.list_outdated(
        tx, program.id, until, first_of(until + _AHEAD), cursor, limit
    )
    return [replace(due, key=message) for message in found]
