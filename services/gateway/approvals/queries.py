"""Read SQL of approvals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.gateway.approvals.tables import APPROVAL
from services.gateway.metadata import METADATA
from shared.errors import HttpProblem
from shared.ids import uuid_of

_PROGRAM: Final = METADATA.tables["program"]


async def list_approvals(
    connection: AsyncConnection,
    program: str | None,
    state: str | None,
    since: datetime,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Proposals of a program, of all without one, the newest first, before a cursor.

    Of those asked for as pending the ones made after `since`. Raises 404 for a program that is not
    there.
    """
    query = select(APPROVAL, _PROGRAM.c.public_id).join_from(
        APPROVAL, _PROGRAM, _PROGRAM.c.program_id == APPROVAL.c.program_id, isouter=True
    )
    if program is not None:
        known = select(_PROGRAM.c.program_id).where(_PROGRAM.c.public_id == uuid_of(program))
        number = (await connection.execute(known)).scalar()
        if number is None:
            raise HttpProblem(404, "not-found", "No such program.")
        query = query.where(APPROVAL.c.program_id == number)
    if state is not None:
        young = or_(APPROVAL.c.state != "pending", APPROVAL.c.proposed_at > since)
        query = query.where(APPROVAL.c.state == state, young)
    if before is not None:
        query = query.where(APPROVAL.c.approval_id < before)
    rows = await connection.execute(query.order_by(APPROVAL.c.approval_id.desc()).limit(limit))
    return rows.all()
